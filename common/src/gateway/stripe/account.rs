//! Whose account a key is good for.

use serde::Deserialize;

use super::http::{Http, root_cause};

#[derive(Deserialize)]
struct Account {
    id: Option<String>,
}

/// Asks for the account's name. A restricted key must be allowed to read it.
pub async fn name(http: &Http) -> Result<String, String> {
    let received = http.get(&["account"], &Vec::new(), None).await.map_err(|error| root_cause(&error))?;
    match received.status {
        200 => serde_json::from_slice::<Account>(&received.body)
            .ok()
            .and_then(|account| account.id)
            .ok_or_else(|| "Stripe does not say whose key it is".to_owned()),
        401 => Err("Stripe does not know the key".to_owned()),
        403 => Err("the key may not read its account: a restricted key needs that permission".to_owned()),
        status => Err(format!("Stripe answers {status}")),
    }
}
