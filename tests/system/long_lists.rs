//! A payment in doubt, at a gateway whose list is longer than one attempt can read: the job reads on.

use serde_json::{Value, json};
use tests::{Deployment, card, eventually};

const LIST: &str = "/v1/payment_intents";

/// Charged, with an error for an answer, while eight thousand others paid within four minutes; and Stripe's clock is a
/// minute ahead of ours.
#[tokio::test]
async fn a_payment_in_doubt_is_found_however_long_the_list_is() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    // What would tell us by itself says nothing.
    deployment.sandbox("POST", "/control/webhooks", &json!({})).await;
    deployment.sandbox("POST", "/control/clock", &json!({ "advance_seconds": 60 })).await;
    let others = async |from: i64, to: i64| {
        let others = json!({ "gateway": "stripe", "count": 4000, "from": from, "to": to });
        deployment.sandbox("POST", "/control/others", &others).await;
    };
    let list = |fault: &str| json!([{ "fault": fault, "match": { "method": "GET", "path_prefix": LIST } }]);
    others(-180, 0).await;
    deployment.faults(list("503_once")).await;
    let payment = merchant.paid("a", &card("10.00", "EUR", "pm_sandbox_500_after")).await;
    eventually("it is charged, and nobody knows", || async {
        (!deployment.charges(&payment).await.is_empty()).then_some(())
    })
    .await;
    others(0, 60).await;
    deployment.faults(list("slow_before_40")).await;
    eventually("one attempt is not enough, and the next goes on", || async {
        (deployment.count("SELECT count(*) FROM jobs WHERE cursor IS NOT NULL").await == 1).then_some(())
    })
    .await;
    merchant.payment_with(&payment, &["succeeded"]).await;
    let log = deployment.sandbox("GET", "/requests", &Value::Null).await;
    let requests = log["data"].as_array().unwrap().iter();
    let is_page = |request: &&Value| request["path"] == LIST && request["method"] == "GET";
    let read = requests.filter(is_page).count();
    assert!(read <= 110, "{read} pages were read, of 80 that there are");
    deployment.settled().await;
    deployment.check_books().await;
}
