//! `remit trigger`: makes something happen at the sandbox, so that a merchant sees what is told of it.

use clap::Args;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    api::{Api, ApiArgs},
    session::print,
};

#[derive(Args)]
pub struct TriggerArgs {
    #[command(flatten)]
    api: ApiArgs,
    /// What is to happen.
    #[arg(value_enum)]
    what: What,
}

/// What can be made to happen at a gateway's test cards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    #[value(name = "payment.succeeded")]
    PaymentSucceeded,
    #[value(name = "payment.failed")]
    PaymentFailed,
    #[value(name = "payment.authorized")]
    PaymentAuthorized,
    #[value(name = "payment.canceled")]
    PaymentCanceled,
    #[value(name = "payment.requires_action")]
    PaymentRequiresAction,
    #[value(name = "refund.succeeded")]
    RefundSucceeded,
    #[value(name = "dispute.created")]
    DisputeCreated,
    #[value(name = "subscription.active")]
    SubscriptionActive,
    #[value(name = "subscription.canceled")]
    SubscriptionCanceled,
}

pub async fn run(is_json: bool, TriggerArgs { api, what }: TriggerArgs) -> Result<(), String> {
    let api = Api::new(api)?;
    let made = cause(&api, what).await?;
    print(is_json, &made, || {
        let text = |member: &str| made[member].as_str().unwrap_or_default().to_owned();
        format!("{} is {}", text("id"), text("status"))
    });
    Ok(())
}

async fn cause(api: &Api, what: What) -> Result<Value, String> {
    match what {
        What::PaymentSucceeded => pay(api, "pm_card_visa", "automatic").await,
        What::PaymentFailed => pay(api, "pm_card_visa_chargeDeclined", "automatic").await,
        What::PaymentRequiresAction => pay(api, "pm_card_authenticationRequired", "automatic").await,
        What::DisputeCreated => pay(api, "pm_card_createDispute", "automatic").await,
        What::PaymentAuthorized => pay(api, "pm_card_visa", "manual").await,
        What::PaymentCanceled => {
            let payment = pay(api, "pm_card_visa", "manual").await?;
            api.post(&format!("/payments/{}/cancel", id(&payment)), &key(), &Value::Null).await
        }
        What::RefundSucceeded => {
            let payment = pay(api, "pm_card_visa", "automatic").await?;
            api.post("/refund-payment", &key(), &json!({ "payment": id(&payment) })).await
        }
        What::SubscriptionActive => subscribe(api).await,
        What::SubscriptionCanceled => {
            let subscription = subscribe(api).await?;
            api.delete(&format!("/cancel-subscription/{}", id(&subscription))).await
        }
    }
}

async fn pay(api: &Api, token: &str, capture: &str) -> Result<Value, String> {
    let body = json!({
        "amount": "49.90", "currency": "EUR", "capture": capture, "description": "remit trigger",
        "payment_method": { "type": "card", "token": token }, "return_url": "https://shop.example/back",
    });
    api.post("/process-payment", &key(), &body).await
}

async fn subscribe(api: &Api) -> Result<Value, String> {
    let customer = api.post("/customers", &key(), &json!({ "name": "remit trigger" })).await?;
    let body = json!({
        "customer": id(&customer), "payment_method": { "type": "card", "token": "pm_card_visa" },
        "price": { "name": "remit trigger", "amount": "29.00", "currency": "EUR", "interval": "month" },
    });
    api.post("/create-subscription", &key(), &body).await
}

fn id(made: &Value) -> &str {
    made["id"].as_str().unwrap_or_default()
}

/// Each is something new.
fn key() -> String {
    format!("trigger-{}", Uuid::now_v7())
}
