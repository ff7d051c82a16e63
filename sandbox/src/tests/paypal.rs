//! A shop that pays with PayPal: what all tests of PayPal's protocol start from.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{Answer, Server, read};

/// A running sandbox and a client with an access token.
pub(super) struct Shop {
    pub(super) server: Server,
    bearer: String,
}

impl Shop {
    pub(super) async fn start() -> Self {
        Self::of(Server::start().await).await
    }

    async fn of(server: Server) -> Self {
        let answer = ask_for_token(&server, "test_client", "test_secret").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let bearer = answer.body["access_token"].as_str().unwrap().to_owned();
        Self { server, bearer }
    }

    /// The same shop, with the token it has, after the sandbox was killed and started again.
    pub(super) async fn killed_and_restarted(self, torn: &str) -> Self {
        Self { server: self.server.killed_and_restarted(torn).await, bearer: self.bearer }
    }

    /// The same shop with another access token.
    pub(super) async fn with_new_token(self) -> Self {
        Self::of(self.server).await
    }

    pub(super) fn request(&self, method: Method, path: &str, id: Option<&str>) -> RequestBuilder {
        let url = format!("{}{path}", self.server.url);
        let request = self.server.client.request(method, url).bearer_auth(&self.bearer);
        match id {
            Some(id) => request.header("paypal-request-id", id),
            None => request,
        }
    }

    /// A POST that prefers the whole object.
    pub(super) async fn post(&self, path: &str, id: Option<&str>, body: Value) -> Answer {
        let request = self.request(Method::POST, path, id).header("prefer", "return=representation");
        read(request.json(&body).send().await.unwrap()).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        read(self.request(Method::GET, path, None).send().await.unwrap()).await
    }

    pub(super) async fn control(&self, path: &str, body: Value) -> Answer {
        self.server.control(path, body).await
    }

    pub(super) async fn advance(&self, seconds: u32) {
        self.control("clock", json!({"advance_seconds": seconds})).await;
    }

    /// An order of 10.99 EUR, paid with a vault id in the same call.
    pub(super) async fn pay(&self, vault_id: &str, id: &str, reference: &str) -> Answer {
        self.post("/v2/checkout/orders", Some(id), order(vault_id, reference)).await
    }

    /// The same without waiting for the answer.
    pub(super) fn pay_in_background(
        &self,
        vault_id: &str,
        id: &str,
        reference: &str,
    ) -> JoinHandle<reqwest::Result<reqwest::Response>> {
        let request = self.request(Method::POST, "/v2/checkout/orders", Some(id));
        tokio::spawn(request.json(&order(vault_id, reference)).send())
    }

    /// Money reserved with a vault id: the authorization's id.
    pub(super) async fn authorize(&self, vault_id: &str, reference: &str) -> String {
        let mut body = order(vault_id, reference);
        body["intent"] = json!("AUTHORIZE");
        let created = self.post("/v2/checkout/orders", Some(reference), body).await;
        assert_eq!(created.body["status"], "COMPLETED", "{created:?}");
        let authorization = &created.body["purchase_units"][0]["payments"]["authorizations"][0];
        assert_eq!(authorization["status"], "CREATED");
        authorization["id"].as_str().unwrap().to_owned()
    }

    /// A payment with a vault id that succeeds: the capture's id.
    pub(super) async fn paid(&self, vault_id: &str, reference: &str) -> String {
        let created = self.pay(vault_id, reference, reference).await;
        assert_eq!((created.status, created.capture_status()), (201, "COMPLETED"), "{created:?}");
        created.capture()["id"].as_str().unwrap().to_owned()
    }

    pub(super) async fn refund(&self, capture: &str, id: &str, body: Value) -> Answer {
        self.post(&format!("/v2/payments/captures/{capture}/refund"), Some(id), body).await
    }

    /// What the payer does on PayPal's page.
    pub(super) async fn approve(&self, order: &str, choice: Value) -> Answer {
        let url = format!("{}/checkoutnow/{order}/approve", self.server.url);
        read(self.server.client.post(url).json(&choice).send().await.unwrap()).await
    }
}

impl Answer {
    /// The first capture of the order that this answer shows.
    pub(super) fn capture(&self) -> &Value {
        &self.body["purchase_units"][0]["payments"]["captures"][0]
    }

    pub(super) fn capture_status(&self) -> &str {
        self.capture()["status"].as_str().unwrap_or_default()
    }

    /// The issue that a caller branches on.
    pub(super) fn issue(&self) -> &str {
        self.body["details"][0]["issue"].as_str().unwrap_or_default()
    }
}

pub(super) async fn ask_for_token(server: &Server, client: &str, secret: &str) -> Answer {
    let request = server.client.post(format!("{}/v1/oauth2/token", server.url));
    let request = request.basic_auth(client, Some(secret)).form(&[("grant_type", "client_credentials")]);
    read(request.send().await.unwrap()).await
}

/// An order of 10.99 EUR to be paid with a vault id.
pub(super) fn order(vault_id: &str, reference: &str) -> Value {
    let mut order = order_for_payer(reference);
    order["payment_source"] = json!({"paypal": {"vault_id": vault_id}});
    order
}

/// An order of 10.99 EUR that its payer has to approve.
pub(super) fn order_for_payer(reference: &str) -> Value {
    let context =
        json!({"return_url": "https://shop.test/thanks?x=1", "cancel_url": "https://shop.test/pity"});
    json!({
        "intent": "CAPTURE",
        "purchase_units": [{
            "custom_id": reference,
            "invoice_id": format!("inv-{reference}"),
            "amount": {"currency_code": "EUR", "value": "10.99"},
        }],
        "payment_source": {"paypal": {"experience_context": context}},
    })
}
