//! Refunds: never more than was taken, under Stripe's idempotency, and not always final.

use serde_json::json;

use super::{Server, eventually, payment_with};

#[tokio::test]
async fn without_an_amount_the_remainder_goes_back() {
    let server = Server::start().await;
    let paid = server.pay("pm_card_visa", None, "pay_1").await;
    let more = [("amount", "300"), ("reason", "requested_by_customer"), ("metadata[remit_refund]", "ref_1")];
    let part = server.refund(&paid, None, &more).await;
    assert_eq!(part.status, 200, "{part:?}");
    assert_eq!((&part.body["status"], &part.body["amount"]), (&json!("succeeded"), &json!(300)));
    assert_eq!(part.body["payment_intent"], paid.body["id"]);
    assert_eq!(part.body["reason"], "requested_by_customer");
    assert_eq!(part.body["metadata"]["remit_refund"], "ref_1");
    let rest = server.refund(&paid, None, &[("metadata[remit_refund]", "ref_2")]).await;
    assert_eq!(rest.body["amount"], 799);

    let path = format!("/v1/charges/{}?expand[]=refunds", part.body["charge"].as_str().unwrap());
    let charge = server.get(&path).await.body;
    assert_eq!((&charge["amount_refunded"], &charge["refunded"]), (&json!(1099), &json!(true)));
    assert_eq!(charge["refunds"]["data"][0]["id"], rest.body["id"]);
    assert_eq!(server.get(&format!("/v1/refunds/{}", part.id())).await.body, part.body);

    let books = server.books("pay_1").await;
    assert_eq!(books["charges"][0]["refunded"], 1099);
    assert_eq!(books["totals"]["eur"]["refunded"], 1099);
    assert_eq!(books["totals"]["eur"]["net"], -62, "the fee is kept");
    let own = server.books("ref_1").await;
    assert_eq!(own["refunds"].as_array().unwrap().len(), 1);
    assert_eq!(own["refunds"][0]["payment_reference"], "pay_1");
}

#[tokio::test]
async fn more_than_is_left_is_refused() {
    let server = Server::start().await;
    let paid = server.pay("pm_card_visa", None, "pay_1").await;
    for (amount, code) in [
        ("1100", "amount_too_large"),
        ("0", "parameter_invalid_integer"),
        ("-1", "parameter_invalid_integer"),
        ("1.5", "parameter_invalid_integer"),
    ] {
        let refused = server.refund(&paid, None, &[("amount", amount)]).await;
        assert_eq!((refused.status, refused.error_code()), (400, code), "{amount}");
    }
    assert_eq!(server.refund(&paid, None, &[("amount", "1000")]).await.status, 200);
    let refused = server.refund(&paid, None, &[("amount", "100")]).await;
    assert_eq!((refused.status, refused.error_code()), (400, "amount_too_large"));
    assert_eq!(server.refund(&paid, None, &[("amount", "99")]).await.status, 200);
    let refused = server.refund(&paid, None, &[]).await;
    assert_eq!((refused.status, refused.error_code()), (400, "charge_already_refunded"));
    assert_eq!(server.books("pay_1").await["totals"]["eur"]["refunded"], 1099);
}

#[tokio::test]
async fn only_what_was_captured_can_be_refunded() {
    let server = Server::start().await;
    let held = server.hold("pm_card_visa", "pay_1").await;
    let refused = server.refund(&held, None, &[]).await;
    assert_eq!((refused.status, refused.error_code()), (400, "charge_not_refundable"));
    let path = format!("/v1/payment_intents/{}/capture", held.id());
    server.post(&path, None, &[("amount_to_capture", "500")]).await;
    let refused = server.refund(&held, None, &[("amount", "501")]).await;
    assert_eq!(refused.error_code(), "amount_too_large");
    assert_eq!(server.refund(&held, None, &[]).await.body["amount"], 500);

    let declined = server.pay("pm_card_visa_chargeDeclined", None, "pay_2").await;
    let charge = declined.body["error"]["charge"].as_str().unwrap();
    let refused = server.post("/v1/refunds", None, &[("charge", charge)]).await;
    assert_eq!((refused.status, refused.error_code()), (400, "charge_not_refundable"));
}

#[tokio::test]
async fn a_refund_names_one_payment() {
    let server = Server::start().await;
    let paid = server.pay("pm_card_visa", None, "pay_1").await;
    let charge = paid.body["latest_charge"].as_str().unwrap();
    for (form, code) in [
        (vec![], "parameter_missing"),
        (vec![("payment_intent", paid.id()), ("charge", charge)], "parameter_invalid_combination"),
        (vec![("payment_intent", "pi_nothing")], "resource_missing"),
        (vec![("charge", charge), ("colour", "blue")], "parameter_unknown"),
    ] {
        let refused = server.post("/v1/refunds", None, &form).await;
        assert_eq!((refused.status, refused.error_code()), (400, code), "{form:?}");
    }
    assert_eq!(server.post("/v1/refunds", None, &[("charge", charge)]).await.status, 200);
}

#[tokio::test]
async fn a_key_refunds_once() {
    let server = Server::start().await;
    let paid = server.pay("pm_card_visa", None, "pay_1").await;
    let first = server.refund(&paid, Some("k"), &[("amount", "100")]).await;
    let second = server.refund(&paid, Some("k"), &[("amount", "100")]).await;
    assert_eq!((second.is_replay(), &second.body), (true, &first.body));
    let other = server.refund(&paid, Some("k"), &[("amount", "200")]).await;
    assert_eq!(other.body["error"]["type"], "idempotency_error");
    assert_eq!(server.books("pay_1").await["totals"]["eur"]["refunded"], 100);
    server.refund(&paid, None, &[]).await;
    let refused = server.refund(&paid, Some("late"), &[]).await;
    assert_eq!((refused.status, refused.is_replay()), (400, false));
    assert!(server.refund(&paid, Some("late"), &[]).await.is_replay(), "what state refuses is kept");
}

#[tokio::test]
async fn a_token_strikes_its_refunds_and_not_its_charge() {
    let server = Server::start().await;
    for (token, refunded) in [("pm_sandbox_refund_500_before", 0), ("pm_sandbox_refund_500_after", 1099)] {
        let paid = server.pay(token, Some(token), token).await;
        assert_eq!(paid.body["status"], "succeeded", "{token}");
        assert_eq!(server.refund(&paid, Some("k"), &[]).await.status, 500, "{token}");
        let books = server.books(token).await;
        assert_eq!(books["totals"]["eur"]["refunded"], refunded, "{token}");
        let list = server.get(&format!("/v1/refunds?payment_intent={}", paid.id())).await;
        assert_eq!(list.body["data"].as_array().unwrap().len(), usize::from(refunded > 0));
        assert!(server.refund(&paid, Some("k"), &[]).await.is_replay(), "the 500 is kept");
        // The next payment's refund has the key to itself, and is struck like this one.
        server.control("clock", json!({"advance_seconds": 24 * 3600})).await;
    }
    let paid = server.pay("pm_sandbox_refund_503_once", None, "pay_3").await;
    for key in ["k1", "k2"] {
        assert_eq!(server.refund(&paid, Some(key), &[("amount", "10")]).await.status, 503);
        assert_eq!(server.refund(&paid, Some(key), &[("amount", "10")]).await.status, 200);
    }
}

#[tokio::test]
async fn rules_know_a_refund_by_its_own_reference() {
    let server = Server::start().await;
    let rules = json!([
        {"fault": "503", "match": {"reference": "ref_1"}},
        {"fault": "429", "match": {"path_prefix": "/v1/refunds", "reference": "pay_2"}},
    ]);
    server.control("faults", rules).await;
    let one = server.pay("pm_card_visa", None, "pay_1").await;
    let two = server.pay("pm_card_visa", None, "pay_2").await;
    assert_eq!((one.status, two.status), (200, 200));
    assert_eq!(server.refund(&one, None, &[("metadata[remit_refund]", "ref_1")]).await.status, 503);
    assert_eq!(server.refund(&two, None, &[]).await.status, 429, "known by its payment");
    assert_eq!(server.refund(&two, None, &[("metadata[remit_refund]", "ref_2")]).await.status, 200);
    assert_eq!(server.outcomes("ref_1").await, ["503"]);
}

#[tokio::test]
async fn a_pending_refund_ends_by_itself_or_by_hand() {
    let server = Server::start().await;
    server.control("settle_after", json!({"milliseconds": 1})).await;
    let paid = server.pay("pm_card_pendingRefund", None, "pay_1").await;
    let pending = server.refund(&paid, None, &[]).await;
    assert_eq!(pending.body["status"], "pending");
    assert_eq!(pending.body["balance_transaction"], json!(null));
    let path = format!("/v1/refunds/{}", pending.id());
    eventually("it succeeds", async || server.get(&path).await.body["status"] == "succeeded").await;
    assert!(server.get(&path).await.body["balance_transaction"].is_string());
    assert_eq!(server.books("pay_1").await["totals"]["eur"]["refunded"], 1099);

    server.settle_by_hand().await;
    for (reference, outcome, refunded) in [("pay_2", "succeeded", 1099), ("pay_3", "failed", 0)] {
        let paid = server.pay("pm_card_pendingRefund", None, reference).await;
        let own = format!("ref_{reference}");
        for amount in ["99", "1000"] {
            let more = [("amount", amount), ("metadata[remit_refund]", own.as_str())];
            assert_eq!(server.refund(&paid, None, &more).await.body["status"], "pending");
        }
        assert_eq!(server.refund(&paid, None, &[]).await.error_code(), "charge_already_refunded");
        assert_eq!(server.books(reference).await["totals"]["eur"]["refunded"], 0);
        let settled = server.control("settle", json!({"reference": own, "outcome": outcome})).await;
        assert_eq!(settled.body["settled"], 2);
        let books = server.books(reference).await;
        assert_eq!(books["totals"]["eur"]["refunded"], refunded);
        assert_eq!(books["refunds"][0]["status"], outcome);
        let charge = server.get(&format!("/v1/charges?payment_intent={}", paid.id())).await;
        assert_eq!(charge.body["data"][0]["amount_refunded"], refunded, "what failed can be tried again");
    }
}

#[tokio::test]
async fn a_refund_may_fail_after_it_succeeded() {
    let server = Server::start().await;
    server.settle_by_hand().await;
    let paid = server.pay("pm_card_refundFail", None, "pay_1").await;
    let refund = server.refund(&paid, None, &[]).await;
    assert_eq!(refund.body["status"], "succeeded");
    assert_eq!(server.books("pay_1").await["totals"]["eur"]["refunded"], 1099);
    server.control("settle", json!({"reference": "pay_1"})).await;
    let failed = server.get(&format!("/v1/refunds/{}", refund.id())).await.body;
    assert_eq!(failed["status"], "failed");
    assert!(failed["failure_reason"].is_string());
    assert_ne!(failed["failure_balance_transaction"], failed["balance_transaction"]);
    let books = server.books("pay_1").await;
    assert_eq!(
        (&books["totals"]["eur"]["refunded"], &books["refunds"][0]["status"]),
        (&json!(0), &json!("failed"))
    );
    assert_eq!(server.refund(&paid, None, &[]).await.status, 200, "it can be tried again");
}

#[tokio::test]
async fn only_a_pending_refund_can_be_canceled() {
    let server = Server::start().await;
    server.settle_by_hand().await;
    let paid = server.pay("pm_card_pendingRefund", None, "pay_1").await;
    let pending = server.refund(&paid, None, &[]).await;
    let path = format!("/v1/refunds/{}/cancel", pending.id());
    assert_eq!(server.post(&path, None, &[]).await.body["status"], "canceled");
    assert_eq!(server.post(&path, None, &[]).await.status, 400);
    assert_eq!(server.books("pay_1").await["totals"]["eur"]["refunded"], 0);
}

#[tokio::test]
async fn refunds_are_listed_by_payment_charge_and_time() {
    let server = Server::start().await;
    let paid = server.pay("pm_card_visa", None, "pay_1").await;
    let other = server.pay("pm_card_visa", None, "pay_2").await;
    let mut made = Vec::new();
    for amount in ["1", "2", "3"] {
        made.insert(0, server.refund(&paid, None, &[("amount", amount)]).await.id().to_owned());
    }
    server.control("clock", json!({"advance_seconds": 100})).await;
    let late = server.refund(&other, None, &[]).await;
    let created = late.body["created"].as_i64().unwrap();
    let ids = async |query: &str| {
        let list = server.get(&format!("/v1/refunds?{query}")).await.body;
        let data = list["data"].as_array().unwrap().clone();
        data.iter().map(|refund| refund["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let charge = paid.body["latest_charge"].as_str().unwrap();
    assert_eq!(ids(&format!("payment_intent={}", paid.id())).await, made);
    assert_eq!(ids(&format!("charge={charge}&limit=2")).await, made[..2]);
    assert_eq!(ids(&format!("charge={charge}&starting_after={}", made[1])).await, made[2..]);
    assert_eq!(ids(&format!("charge={charge}&payment_intent={}", other.id())).await, [""; 0]);
    assert_eq!(ids(&format!("created[gte]={created}")).await, [late.id()]);
    assert_eq!(ids(&format!("created[lt]={created}")).await, made);
}

#[tokio::test]
async fn three_decimals_end_in_zero_when_refunded_too() {
    let server = Server::start().await;
    let form = payment_with("pm_card_visa", "pay_1", &[("currency", "kwd"), ("amount", "5000")]);
    let paid = server.post("/v1/payment_intents", None, &form).await;
    assert_eq!(server.refund(&paid, None, &[("amount", "1005")]).await.status, 400);
    assert_eq!(server.refund(&paid, None, &[("amount", "1010")]).await.status, 200);
}

#[tokio::test]
async fn a_pending_refund_may_wait_for_the_payer_and_be_called_off() {
    let server = Server::start().await;
    server.settle_by_hand().await;
    let paid = server.pay("pm_card_pendingRefund", None, "pay_1").await;
    let refund = server.refund(&paid, None, &[]).await;
    let path = format!("/v1/refunds/{}", refund.id());
    for (outcome, refunded) in [("requires_action", 1099), ("canceled", 0)] {
        let settled = server.control("settle", json!({"reference": "pay_1", "outcome": outcome})).await;
        assert_eq!(settled.body["settled"], 1, "{outcome}");
        assert_eq!(server.get(&path).await.body["status"], outcome);
        let charge = server.get(&format!("/v1/charges?payment_intent={}", paid.id())).await;
        assert_eq!(charge.body["data"][0]["amount_refunded"], refunded, "{outcome}");
        assert_eq!(server.charges("pay_1").await[0]["refunded"], 0, "{outcome}");
    }
    let again = server.control("settle", json!({"reference": "pay_1", "outcome": "succeeded"})).await;
    assert_eq!(again.body["settled"], 0, "it is final");
}
