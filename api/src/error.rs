//! Everything that can go wrong with a request, and how it is told: RFC 9457 problem documents, made in
//! one place. A failure is logged once, here.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use common::{batch::BatchError, card_data, db, merchant::scope::Scope};
use serde::Serialize;
use utoipa::ToSchema;

use crate::limits::{BODY_BYTES_MAX, BODY_WITHIN};

/// Faults that are told, at most.
const FAULTS_MAX: usize = 100;
/// Characters of what is told of one fault, at most: where it is, and what.
const FAULT_TEXT_MAX: usize = 200;
/// Characters of a name in the sentence about its fault, at most.
const FAULT_NAME_MAX: usize = 60;

/// Why a request was not done.
#[derive(Debug)]
pub enum ApiError {
    /// No key, or not a valid one.
    Unauthorized(&'static str),
    /// The key may not do that.
    ScopeMissing(Scope),
    /// The key may not do that here, now, or up to that amount: a stable code, and why.
    Forbidden(&'static str, String),
    /// Nothing there, or nothing of this merchant's.
    NotFound,
    /// The same, and why: a sentence.
    NoSuch(String),
    /// The path exists, with other methods.
    MethodNotAllowed,
    /// Not JSON at all.
    InvalidJson(String),
    /// A header that cannot be used.
    InvalidHeader(&'static str, String),
    /// A write without its idempotency key.
    MissingIdempotencyKey,
    /// Query parameters that cannot be used.
    InvalidQuery(Vec<Fault>),
    /// A body that is not `application/json`.
    UnsupportedMediaType,
    /// A body that is packed.
    PackedBody,
    /// A body over the limit.
    BodyTooLarge,
    /// A body that did not arrive in time.
    BodyTooSlow,
    /// A body with faults: all of them.
    Invalid(Vec<Fault>),
    /// A card number or security code, anywhere.
    CardData,
    /// The idempotency key belongs to another request.
    IdempotencyKeyReused,
    /// What is asked for does not fit the state of things: a stable code, and why.
    Conflict(&'static str, String),
    /// It has changed since the caller read it.
    VersionDiffers,
    /// A gateway's event without a valid signature of the gateway's.
    ForgedEvent,
    /// The merchant's reads that are under way have not ended.
    TooManyReads,
    /// The key has asked too often.
    RateLimited {
        /// In how many seconds it may ask again.
        retry_after: u64,
    },
    /// The database was at it for longer than anybody may keep it from others.
    TookTooLong,
    /// A gateway's event where nothing is known by which it could be told from a forged one.
    GatewayNotConfigured,
    /// The database is away, or too many requests wait for it. Nothing is promised; a write may have
    /// been done all the same, if the connection was lost at its end.
    Unavailable,
    /// A defect of ours.
    Internal,
}

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    /// JSON pointer to the field at fault; absent where a query parameter is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "/amount")]
    pub pointer: Option<String>,
    /// The query parameter at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "limit")]
    pub parameter: Option<String>,
    /// What is wrong with it, as a sentence. (Until it is told: what comes after the name, such as "must be greater
    /// than zero".)
    #[schema(example = "\"amount\" must be greater than zero.")]
    pub detail: String,
}

/// An RFC 9457 problem document, `application/problem+json`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// The kind of problem, as a URI: stable.
    #[schema(example = "urn:remit:problem:validation-failed")]
    pub r#type: String,
    /// The kind of problem, in words.
    #[schema(example = "The request has faults")]
    pub title: &'static str,
    /// The HTTP status.
    #[schema(example = 422)]
    pub status: u16,
    /// What to do about it.
    pub detail: String,
    /// The kind of problem, for programs: stable.
    #[schema(example = "validation-failed")]
    pub code: &'static str,
    /// Names this request in our logs.
    #[schema(example = "req_0193a3f1c2d87b51a9f0c4d2e8b7a601")]
    pub request_id: String,
    /// All faults of the request at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
}

impl Fault {
    /// As it is told: its detail is a sentence, which begins with what is at fault. What a caller sent us is not sent
    /// back at its full length.
    fn told(self) -> Self {
        let name = match (&self.pointer, &self.parameter) {
            (Some(pointer), _) => pointer.trim_start_matches('/'),
            (None, parameter) => parameter.as_deref().unwrap_or_default(),
        };
        let subject = match name {
            "" => "The body".to_owned(),
            name => format!("{:?}", shortened(name, FAULT_NAME_MAX)),
        };
        Self {
            detail: format!("{subject} {}.", shortened(&self.detail, FAULT_TEXT_MAX)),
            pointer: self.pointer.map(|pointer| shortened(&pointer, FAULT_TEXT_MAX)),
            parameter: self.parameter.map(|parameter| shortened(&parameter, FAULT_TEXT_MAX)),
        }
    }
}

fn sentence(reason: &impl std::fmt::Display) -> String {
    let mut sentence = reason.to_string();
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence + "."
}

fn shortened(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

impl ApiError {
    /// What the rules say no to: a stable code, and their reason as a sentence.
    pub fn refused(code: &'static str, reason: &impl std::fmt::Display) -> Self {
        Self::Conflict(code, sentence(reason))
    }

    /// What the key may not do: a stable code, and why, as a sentence.
    pub fn forbidden(code: &'static str, reason: &impl std::fmt::Display) -> Self {
        Self::Forbidden(code, sentence(reason))
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::ScopeMissing(_) | Self::Forbidden(..) => StatusCode::FORBIDDEN,
            Self::NotFound | Self::NoSuch(_) | Self::GatewayNotConfigured => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::InvalidJson(_)
            | Self::InvalidHeader(..)
            | Self::MissingIdempotencyKey
            | Self::InvalidQuery(_) => StatusCode::BAD_REQUEST,
            Self::UnsupportedMediaType | Self::PackedBody => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Invalid(_) | Self::CardData | Self::IdempotencyKeyReused => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::Conflict(..) => StatusCode::CONFLICT,
            Self::VersionDiffers => StatusCode::PRECONDITION_FAILED,
            Self::ForgedEvent => StatusCode::BAD_REQUEST,
            Self::TooManyReads | Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::TookTooLong | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The stable code and the title.
    fn kind(&self) -> (&'static str, &'static str) {
        match self {
            Self::Unauthorized(_) => ("unauthorized", "A valid API key is needed"),
            Self::ScopeMissing(_) => ("scope-missing", "The key may not do this"),
            Self::Forbidden(code, _) => (code, "The key may not do this"),
            Self::NotFound | Self::NoSuch(_) => ("not-found", "There is nothing here"),
            Self::MethodNotAllowed => ("method-not-allowed", "This path has other methods"),
            Self::InvalidJson(_) => ("invalid-json", "The body is not JSON"),
            Self::InvalidHeader(..) => ("invalid-header", "A header cannot be used"),
            Self::MissingIdempotencyKey => ("idempotency-key-missing", "An Idempotency-Key is needed"),
            Self::InvalidQuery(_) => ("invalid-query", "The query has faults"),
            Self::UnsupportedMediaType => ("unsupported-media-type", "The body must be application/json"),
            Self::PackedBody => ("body-compressed", "The body must not be compressed"),
            Self::BodyTooLarge => ("body-too-large", "The body is too large"),
            Self::BodyTooSlow => ("body-too-slow", "The body did not arrive in time"),
            Self::Invalid(_) => ("validation-failed", "The request has faults"),
            Self::CardData => ("card-data-refused", "Card data is not accepted here"),
            Self::IdempotencyKeyReused => {
                ("idempotency-key-reused", "The Idempotency-Key belongs to another request")
            }
            Self::Conflict(code, _) => (code, "This cannot be done now"),
            Self::VersionDiffers => ("version-differs", "It has changed since you read it"),
            Self::ForgedEvent => ("signature-invalid", "The signature is missing or wrong"),
            Self::TooManyReads => ("too-many-reads", "Too many of your reads are under way"),
            Self::RateLimited { .. } => ("rate-limited", "This key asks too often"),
            Self::TookTooLong => ("took-too-long", "This took too long"),
            Self::GatewayNotConfigured => {
                ("gateway-not-configured", "Events of this gateway are not taken here")
            }
            Self::Unavailable => ("unavailable", "Not available at the moment"),
            Self::Internal => ("internal", "Something is wrong on our side"),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Unauthorized(detail) => (*detail).into(),
            Self::ScopeMissing(scope) => format!("This needs the scope {scope}, which the key does not have."),
            Self::Forbidden(_, detail) => detail.clone(),
            Self::NotFound => "Check the path and the id; what belongs to others is not shown.".into(),
            Self::NoSuch(why) => why.clone(),
            Self::MethodNotAllowed => "The Allow header lists what can be done here.".into(),
            Self::InvalidJson(why) => format!("It cannot be read as JSON: {why}."),
            Self::InvalidHeader(name, detail) => format!("{name} {detail}"),
            Self::MissingIdempotencyKey => {
                "Send an Idempotency-Key header with a value of your own, new for each new write and the \
                 same for every repetition: however often it arrives, it is done once."
                    .into()
            }
            Self::InvalidQuery(faults) | Self::Invalid(faults) if faults.len() > FAULTS_MAX => {
                format!("The first {FAULTS_MAX} of {} faults are listed in errors.", faults.len())
            }
            Self::InvalidQuery(_) | Self::Invalid(_) => "Each fault is listed in errors.".into(),
            Self::UnsupportedMediaType => "Send JSON with Content-Type: application/json.".into(),
            Self::PackedBody => "Send it as it is, without a Content-Encoding header.".into(),
            Self::BodyTooLarge => format!("At most {BODY_BYTES_MAX} bytes are accepted."),
            Self::CardData => {
                "The request holds what looks like a card number or security code, and nothing of it was kept. \
                 Card data must not reach this API in any form: send the token that the gateway's own form gave \
                 you. An order number of your own with the digits of a card cannot be sent: give the order another."
                    .into()
            }
            Self::IdempotencyKeyReused => {
                "The same key came before with other contents, and what they asked for stands. Repeat the \
                 same contents to get it, or send a new key for something new."
                    .into()
            }
            Self::Conflict(_, detail) => detail.clone(),
            Self::VersionDiffers => {
                "Nothing was done. Read it again, and decide anew: If-Match must name its present ETag."
                    .into()
            }
            Self::ForgedEvent => {
                "Only the gateway can sign its events; is its secret the one that is configured here?".into()
            }
            Self::BodyTooSlow => {
                format!(
                    "It must be there within {} s. Nothing was done.",
                    BODY_WITHIN.as_secs()
                )
            }
            Self::TooManyReads => {
                "Others are to be served as well: send fewer at once, and this one again in a moment.".into()
            }
            Self::RateLimited { .. } => "Nothing was done. Send it again after Retry-After.".into(),
            Self::TookTooLong => {
                "It was given up, so that others are served. Of a list, ask for less at a time: narrow the \
                 filter, by status or number or moment. A write may be sent again with the same \
                 Idempotency-Key, never with a new one."
                    .into()
            }
            Self::GatewayNotConfigured => {
                "Neither a signing secret nor the id of a webhook of this gateway is configured.".into()
            }
            Self::Unavailable => {
                "Send the same request again with the same Idempotency-Key, never with a new one: should it \
                 have been accepted after all, you get the same answer."
                    .into()
            }
            Self::Internal => {
                "Send the same request with the same Idempotency-Key again, and tell us the request_id."
                    .into()
            }
        }
    }

    /// As it is told, but for the request's id.
    pub fn problem(self) -> Problem {
        let (code, title) = self.kind();
        let status = self.status().as_u16();
        // What is quoted of a request was searched before; what is not, a parser's words, say, is searched here.
        let detail = card_data::redact(&self.detail()).into_owned();
        let errors = match self {
            Self::Invalid(faults) | Self::InvalidQuery(faults) => {
                faults.into_iter().take(FAULTS_MAX).map(Fault::told).collect()
            }
            _ => Vec::new(),
        };
        let r#type = format!("urn:remit:problem:{code}");
        Problem { r#type, title, status, detail, code, request_id: String::new(), errors }
    }
}

impl IntoResponse for ApiError {
    /// The body is written by [`crate::request::complete`], which knows the request's id.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        let headers = response.headers_mut();
        match self {
            Self::Unauthorized(_) => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            // RFC 9110, 15.5.16: what may be sent instead.
            Self::PackedBody => {
                headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            }
            Self::Unavailable | Self::TookTooLong | Self::TooManyReads => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::RateLimited { retry_after } => {
                headers.insert(header::RETRY_AFTER, retry_after.into());
            }
            _ => {}
        }
        response.extensions_mut().insert(self.problem());
        response
    }
}

impl Problem {
    /// The whole answer.
    pub fn into_response(self) -> Response {
        let mut response = Json(self).into_response();
        let media_type = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, media_type);
        response
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        if db::took_too_long(&error) {
            tracing::warn!("a statement was given up: it took too long");
            Self::TookTooLong
        } else if db::is_unavailable(&error) {
            tracing::warn!(%error, "the database is away");
            Self::Unavailable
        } else {
            tracing::error!(%error, "the database refused a statement");
            Self::Internal
        }
    }
}

impl From<db::Error> for ApiError {
    fn from(error: db::Error) -> Self {
        match error {
            db::Error::Database(error) => error.into(),
            db::Error::Broken(_) => {
                tracing::error!(%error, "what always holds does not");
                Self::Internal
            }
        }
    }
}

impl From<BatchError> for ApiError {
    fn from(error: BatchError) -> Self {
        if matches!(error, BatchError::Full) {
            // Counted, and not logged: there are as many as there are requests too many.
            metrics::counter!("requests_shed_total").increment(1);
            Self::Unavailable
        } else if error.is_passing() {
            tracing::warn!(%error, "not accepted");
            Self::Unavailable
        } else {
            tracing::error!(%error, "what was asked cannot be done");
            Self::Internal
        }
    }
}
