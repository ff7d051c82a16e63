//! What each adapter makes of amounts in every currency there is, and what the sandbox takes and its books say,
//! written down for `tests/bodies/check_amounts.py`, which compares both with tables that nobody here wrote. The two
//! are asked apart: the adapters are only heard, and the sandbox is asked past them.
//!
//! One line of JSON for each amount, in `target/currencies.jsonl`, or where `REMIT_CURRENCIES` says.

use std::{collections::HashMap, fmt::Write as _, path::PathBuf};

use common::{
    gateway::ChargeRequest,
    money::{Currency, Money},
};
use serde_json::{Value, json};

use super::{
    fixture::{GatewayFixture, new_name},
    paypal, stripe,
};

/// Amounts that tell decimals and steps apart, and the most that may be said at once.
const AMOUNTS: [&str; 8] =
    ["1000", "1000.5", "1000.05", "1000.005", "999999", "1000000", "9999999999.99", "10000000000"];

/// The same in minor units, as Stripe is asked for them.
const MINOR: [i64; 6] = [100_000, 100_001, 100_010, 99_999_900, 100_000_000, 999_999_999_900];

/// Amounts as PayPal is asked for them.
const VALUES: [&str; 4] = ["1000", "1000.5", "1000.05", "1000.005"];

fn file() -> PathBuf {
    let usual = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/currencies.jsonl");
    std::env::var_os("REMIT_CURRENCIES").map_or_else(|| usual.into(), PathBuf::from)
}

/// All currencies, each found by its code.
fn all() -> Vec<Currency> {
    let letters = || 'A'..='Z';
    let codes = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| [a, b, c])));
    codes.filter_map(|code| Currency::from_code(&code.iter().collect::<String>()).ok()).collect()
}

#[tokio::test]
async fn amounts_in_every_currency_are_written_down_for_others_to_check() {
    let mut lines = String::new();
    for (gateway, fixture) in [("stripe", stripe::fixture().await), ("paypal", paypal::fixture().await)] {
        let url = fixture.deployment.sandbox_url();
        let asked = match gateway {
            "stripe" => asked_of_stripe(url).await,
            _ => asked_of_paypal(url).await,
        };
        for line in [sent(gateway, &fixture).await, taken(gateway, &fixture, &asked).await].concat() {
            writeln!(lines, "{line}").unwrap();
        }
    }
    std::fs::write(file(), lines).unwrap();
}

/// Which body the adapter has made of each amount; none where it has sent nothing.
async fn sent(gateway: &str, fixture: &GatewayFixture) -> Vec<Value> {
    let mut asked = Vec::new();
    for currency in all() {
        for amount in AMOUNTS {
            let money = Money { amount: amount.parse().unwrap(), currency };
            let request = ChargeRequest { money, ..fixture.charge_request(fixture.tokens.good) };
            fixture.gateway.charge(&request).await;
            asked.push((currency, amount, request.key.to_string()));
        }
    }
    let log = fixture.deployment.sandbox("GET", "/requests", &Value::Null).await;
    let entries = log["data"].as_array().unwrap().iter();
    let bodies: HashMap<_, _> = entries
        .map(|entry| (entry["idempotency_key"].as_str().unwrap_or_default(), &entry["body"]))
        .collect();
    let line = |(currency, amount, key): &(Currency, &str, String)| {
        let body = bodies.get(key.as_str());
        json!({ "table": "adapter", "gateway": gateway, "currency": currency.code(), "amount": amount, "body": body })
    };
    asked.iter().map(line).collect()
}

/// An amount as the sandbox was asked for it: the currency, the amount, our name for it, and the answer's status.
type Asked = (Currency, String, String, u16);

/// Asks the sandbox as any caller of Stripe's would.
async fn asked_of_stripe(url: &str) -> Vec<Asked> {
    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    let mut asked = Vec::new();
    for (currency, minor) in all().into_iter().flat_map(|currency| MINOR.map(|minor| (currency, minor))) {
        let (amount, reference) = (minor.to_string(), new_name("pay"));
        let form = [
            ("amount", amount.as_str()),
            ("currency", &currency.code().to_lowercase()),
            ("payment_method", "pm_card_visa"),
            ("confirm", "true"),
            ("off_session", "true"),
            ("metadata[remit_payment]", &reference),
        ];
        let call = client.post(format!("{url}/v1/payment_intents")).bearer_auth("sk_test_any").form(&form);
        let status = call.send().await.unwrap().status().as_u16();
        asked.push((currency, amount, reference, status));
    }
    asked
}

/// The same of PayPal's.
async fn asked_of_paypal(url: &str) -> Vec<Asked> {
    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    let token = client.post(format!("{url}/v1/oauth2/token")).basic_auth("test_any", Some("test_any"));
    let token = token.form(&[("grant_type", "client_credentials")]).send().await.unwrap();
    let token: Value = serde_json::from_slice(&token.bytes().await.unwrap()).unwrap();
    let mut asked = Vec::new();
    for (currency, value) in all().into_iter().flat_map(|currency| VALUES.map(|value| (currency, value))) {
        let reference = new_name("pay");
        let amount = json!({ "currency_code": currency.code(), "value": value });
        let order = json!({
            "intent": "CAPTURE",
            "purchase_units": [{ "custom_id": reference, "amount": amount }],
            "payment_source": { "paypal": { "vault_id": "vault_ok" } },
        });
        let call = client.post(format!("{url}/v2/checkout/orders")).header("paypal-request-id", &reference);
        let call = call.bearer_auth(token["access_token"].as_str().unwrap()).json(&order);
        let status = call.send().await.unwrap().status().as_u16();
        asked.push((currency, value.to_owned(), reference, status));
    }
    asked
}

/// What it answered, and what its books say of it.
async fn taken(gateway: &str, fixture: &GatewayFixture, asked: &[Asked]) -> Vec<Value> {
    let books = fixture.deployment.books().await;
    let charges = books["charges"].as_array().unwrap().iter();
    let charges: HashMap<_, _> =
        charges.map(|charge| (charge["reference"].as_str().unwrap(), charge)).collect();
    let line = |(currency, amount, reference, status): &Asked| {
        let charge = charges.get(reference.as_str());
        let field = |name: &str| charge.map_or(&Value::Null, |charge| &charge[name]);
        json!({
            "table": "sandbox", "gateway": gateway, "currency": currency.code(), "amount": amount,
            "status": status, "captured": field("captured"), "decimals": field("decimals"),
        })
    };
    asked.iter().map(line).collect()
}
