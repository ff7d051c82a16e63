//! PayPal's error object: callers branch on `details[0].issue`, so every refusal has one.

use serde_json::{Map, Value, json};

use crate::faults::Status;

/// An answer that is not a success.
#[derive(Clone, Debug)]
pub(crate) struct PayPalError {
    pub(crate) status: u16,
    name: &'static str,
    message: String,
    details: Vec<Value>,
    /// OAuth's own two fields instead of PayPal's object.
    oauth: bool,
}

impl PayPalError {
    fn new(status: u16, name: &'static str, message: &str) -> Self {
        Self { status, name, message: message.to_owned(), details: Vec::new(), oauth: false }
    }

    /// 400: the request's JSON or one of its fields makes no sense. `field` is a JSON pointer.
    pub(crate) fn invalid(issue: &str, field: &str) -> Self {
        let message = "Request is not well-formed, syntactically incorrect, or violates schema.";
        let mut error = Self::new(400, "INVALID_REQUEST", message);
        let detail = json!({
            "field": field, "location": "body", "issue": issue, "description": description(issue),
        });
        error.details.push(detail);
        error
    }

    /// 400: a needed field is not there.
    pub(crate) fn missing(field: &str) -> Self {
        Self::invalid("MISSING_REQUIRED_PARAMETER", field)
    }

    /// The request can be understood but not done. The issue decides about the status.
    pub(crate) fn issue(issue: &str) -> Self {
        let (status, name, message) = match issue {
            "INVALID_ACCOUNT_STATUS" => {
                (401, "AUTHENTICATION_FAILURE", "Authentication failed due to the status of the account.")
            }
            "PERMISSION_DENIED"
            | "PERMISSION_DENIED_FOR_DONATION_ITEMS"
            | "CONSENT_NEEDED"
            | "NOT_ELIGIBLE_FOR_TOKEN_PROCESSING" => {
                (403, "NOT_AUTHORIZED", "Authorization failed due to insufficient permissions.")
            }
            "INVALID_RESOURCE_ID" => (404, "RESOURCE_NOT_FOUND", "The specified resource does not exist."),
            "PREVIOUS_REQUEST_IN_PROGRESS" => (
                409,
                "RESOURCE_CONFLICT",
                "The server has detected a conflict while processing this request.",
            ),
            _ => (
                422,
                "UNPROCESSABLE_ENTITY",
                "The requested action could not be performed, semantically incorrect, or failed business \
                 validation.",
            ),
        };
        let mut error = Self::new(status, name, message);
        error.details.push(json!({"issue": issue, "description": description(issue)}));
        error
    }

    /// The same, naming the field at fault.
    pub(crate) fn at(mut self, field: &str) -> Self {
        for detail in self.details.iter_mut().filter_map(Value::as_object_mut) {
            detail.insert("field".to_owned(), json!(field));
        }
        self
    }

    /// 404: no such object.
    pub(crate) fn no_such_resource() -> Self {
        Self::issue("INVALID_RESOURCE_ID")
    }

    /// 404: no such endpoint.
    pub(crate) fn no_such_url() -> Self {
        Self::new(404, "RESOURCE_NOT_FOUND", "The specified resource does not exist.")
    }

    /// 400: the request id was used for something else.
    pub(crate) fn request_id_reused() -> Self {
        let message = "The value of PayPal-Request-Id header has already been used.";
        Self::new(400, "DUPLICATE_REQUEST_ID", message)
    }

    /// 409: another request with this id is running.
    pub(crate) fn in_progress() -> Self {
        Self::issue("PREVIOUS_REQUEST_IN_PROGRESS")
    }

    /// 415: not JSON.
    pub(crate) fn not_json() -> Self {
        Self::new(
            415,
            "UNSUPPORTED_MEDIA_TYPE",
            "The server does not support the request payload's media type.",
        )
    }

    /// 401: no bearer, or one that is not alive.
    pub(crate) fn invalid_token() -> Self {
        Self::oauth("invalid_token", "The token passed in was not found in the system")
    }

    /// 401: no such client.
    pub(crate) fn invalid_client() -> Self {
        Self::oauth("invalid_client", "Client Authentication failed")
    }

    /// 400: a token was asked for in a way that there is not.
    pub(crate) fn unsupported_grant() -> Self {
        Self { status: 400, ..Self::oauth("unsupported_grant_type", "Grant Type is NULL or not supported") }
    }

    fn oauth(error: &'static str, description: &str) -> Self {
        Self { oauth: true, ..Self::new(401, error, description) }
    }

    /// 429: refused without running.
    pub(crate) fn too_many_requests() -> Self {
        Self::new(429, "RATE_LIMIT_REACHED", "Too many requests. Blocked due to rate limiting.")
    }

    /// 503: refused without running. Who gets it cannot know that.
    pub(crate) fn unavailable() -> Self {
        Self::new(503, "SERVICE_UNAVAILABLE", "Service Unavailable.")
    }

    /// A status that says nothing of the work. PayPal has no word for whether to try again.
    pub(crate) fn of_status(Status { code, .. }: Status) -> Self {
        match code {
            401 => Self::invalid_token(),
            403 => Self::new(403, "NOT_AUTHORIZED", "Authorization failed due to insufficient permissions."),
            404 => Self::no_such_resource(),
            409 => Self::in_progress(),
            429 => Self::too_many_requests(),
            500 => Self::internal(),
            503 => Self::unavailable(),
            ..=499 if code != 424 => Self::new(code, "INVALID_REQUEST", "The request was refused."),
            _ => Self::new(code, "GATEWAY_FAILURE", "Something on the way to our servers failed."),
        }
    }

    /// 500 from within the endpoint.
    pub(crate) fn internal() -> Self {
        Self::new(500, "INTERNAL_SERVER_ERROR", "An internal server error has occurred.")
    }

    /// The body that is sent.
    pub(crate) fn body(&self, debug_id: &str) -> String {
        if self.oauth {
            return json!({"error": self.name, "error_description": self.message}).to_string();
        }
        let issue = self.details.first().and_then(|detail| detail["issue"].as_str());
        let anchor = issue.unwrap_or(self.name);
        let mut body = Map::new();
        body.insert("name".to_owned(), json!(self.name));
        body.insert("message".to_owned(), json!(self.message));
        body.insert("debug_id".to_owned(), json!(debug_id));
        if !self.details.is_empty() {
            body.insert("details".to_owned(), json!(self.details));
        }
        let help = format!("https://developer.paypal.com/api/rest/reference/orders/v2/errors/#{anchor}");
        body.insert("links".to_owned(), json!([{"href": help, "rel": "information_link", "method": "GET"}]));
        Value::Object(body).to_string()
    }
}

/// What PayPal adds for people to read. Callers must not look at it, so it need not be word for word.
fn description(issue: &str) -> &'static str {
    match issue {
        "ACTION_DOES_NOT_MATCH_INTENT" => "The order was created with another intent.",
        "AUTHORIZATION_ALREADY_CAPTURED" => "The authorization has been captured before.",
        "AUTHORIZATION_EXPIRED" => "An expired authorization cannot be captured.",
        "AUTHORIZATION_VOIDED" => "A voided authorization cannot be captured.",
        "AUTHORIZATION_DENIED" => "A denied authorization cannot be captured.",
        "CANNOT_BE_ZERO_OR_NEGATIVE" => "Must be greater than zero.",
        "CAPTURE_FULLY_REFUNDED" => "The capture has already been fully refunded.",
        "DECIMALS_NOT_SUPPORTED" => "The currency does not support decimals.",
        "DECIMAL_PRECISION" => "Only two decimal places are supported.",
        "DUPLICATE_INVOICE_ID" => "The invoice id was used before; this may be a duplicate.",
        "INSTRUMENT_DECLINED" => "The instrument was declined by the processor or bank.",
        "INVALID_CURRENCY_CODE" => "The currency code is invalid or not supported.",
        "INVALID_PARAMETER_SYNTAX" => {
            "The field is not known here, or its value does not have the right form."
        }
        "INVALID_PARAMETER_VALUE" => "The value of a field is invalid.",
        "INVALID_RESOURCE_ID" => "The resource id does not exist.",
        "INVALID_STRING_LENGTH" => "The value of a field is too short or too long.",
        "MALFORMED_REQUEST_JSON" => "The request's JSON is not well formed.",
        "MAX_CAPTURE_AMOUNT_EXCEEDED" => "The sum of all captures exceeds the limit of 115%.",
        "MISSING_REQUIRED_PARAMETER" => "A required field is missing.",
        "ORDER_ALREADY_AUTHORIZED" => "The order is authorized already.",
        "ORDER_ALREADY_CAPTURED" => "The order is captured already.",
        "ORDER_COMPLETION_IN_PROGRESS" => "The order is being completed by another request.",
        "ORDER_NOT_APPROVED" => "The payer has not yet approved the order.",
        "PAYER_ACTION_REQUIRED" => "The payer has to return to PayPal.",
        "PAYER_CANNOT_PAY" => "The payer cannot pay for this transaction.",
        "PAYPAL_REQUEST_ID_REQUIRED" => "A PayPal-Request-Id is required to process a payment source.",
        "PENDING_CAPTURE" => "A pending capture cannot be refunded.",
        "PERMISSION_DENIED" => "You have no permission to do this with the resource.",
        "PREVIOUSLY_CAPTURED" => "A captured authorization cannot be voided.",
        "PREVIOUSLY_VOIDED" => "The authorization was voided before.",
        "PREVIOUS_REQUEST_IN_PROGRESS" => "A previous request on this resource is still running.",
        "REFUND_AMOUNT_EXCEEDED" => "The refund is more than what is left of the capture.",
        "REFUND_FAILED_INSUFFICIENT_FUNDS" => "The capture could not be refunded for lack of funds.",
        "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK" => "The payer's bank is taking the money back.",
        "REFUND_TIME_LIMIT_EXCEEDED" => "The time for refunding this capture is over.",
        "TOKEN_ID_NOT_FOUND" => "The vaulted token was not found.",
        "TRANSACTION_REFUSED" => "The request was refused.",
        _ => "The request cannot be processed.",
    }
}
