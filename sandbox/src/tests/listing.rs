//! Lists: how a caller finds a payment whose answer it never got.

use serde_json::json;

use super::{Answer, Server, payment_with};

fn ids(list: &Answer) -> Vec<String> {
    let data = list.body["data"].as_array().unwrap();
    data.iter().map(|intent| intent["id"].as_str().unwrap().to_owned()).collect()
}

/// Five payments, the newest first as lists have them.
async fn five(server: &Server) -> Vec<String> {
    let mut made = Vec::new();
    for number in 0..5 {
        let paid = server.pay("pm_card_visa", None, &format!("pay_{number}")).await;
        made.insert(0, paid.id().to_owned());
    }
    made
}

#[tokio::test]
async fn pages_go_forth_and_back() {
    let server = Server::start().await;
    let made = five(&server).await;
    let first = server.get("/v1/payment_intents?limit=2").await;
    assert_eq!(ids(&first), made[0..2]);
    assert_eq!(first.body["has_more"], true);
    let rest = server.get(&format!("/v1/payment_intents?limit=3&starting_after={}", made[1])).await;
    assert_eq!(ids(&rest), made[2..5]);
    assert_eq!(rest.body["has_more"], false);
    let back = server.get(&format!("/v1/payment_intents?limit=2&ending_before={}", made[3])).await;
    assert_eq!(ids(&back), made[1..3]);
    assert_eq!(back.body["has_more"], true);
    assert_eq!(ids(&server.get("/v1/payment_intents").await), made);
    for wrong in ["limit=0", "limit=101", "starting_after=pi_nothing"] {
        assert_eq!(server.get(&format!("/v1/payment_intents?{wrong}")).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn time_and_customer_narrow_the_list() {
    let server = Server::start().await;
    let old = five(&server).await;
    server.control("clock", json!({"advance_seconds": 100})).await;
    let customer = server.post("/v1/customers", None, &[]).await;
    let more = [("customer", customer.id())];
    let form = payment_with("pm_card_visa", "pay_5", &more);
    let new = server.post("/v1/payment_intents", None, &form).await;
    let created = new.body["created"].as_i64().unwrap();

    let narrow = async |bound: &str, time: i64| {
        ids(&server.get(&format!("/v1/payment_intents?created[{bound}]={time}")).await)
    };
    assert_eq!(narrow("gte", created).await, [new.id()]);
    assert_eq!(narrow("gt", created).await, [""; 0]);
    assert_eq!(narrow("gt", created - 1).await, [new.id()]);
    assert_eq!(narrow("lt", created).await, old);
    assert_eq!(narrow("lte", created).await.len(), 6);
    let of_customer = server.get(&format!("/v1/payment_intents?customer={}", customer.id())).await;
    assert_eq!(ids(&of_customer), [new.id()]);
    assert_eq!(ids(&server.get("/v1/payment_intents?customer=cus_nobody").await), [""; 0]);
}

#[tokio::test]
async fn charges_are_expanded_in_lists() {
    let server = Server::start().await;
    server.pay("pm_card_visa", None, "pay_1").await;
    let list = server.get("/v1/payment_intents?expand[]=data.latest_charge").await;
    assert_eq!(list.body["data"][0]["latest_charge"]["object"], "charge");
    assert_eq!(list.body["data"][0]["metadata"]["remit_payment"], "pay_1");
}
