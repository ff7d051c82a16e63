//! Giving money back: whole, in parts, many at once, and through every fault of a gateway.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Deployment, Merchant, Service, card, eventually, ids, ids_of, paypal};

/// The same payment at either gateway, by a card's token and by a saved payer of PayPal's.
fn both(amount: &str, stripe: &str, vault: &str) -> [(&'static str, Value); 2] {
    [("stripe", card(amount, "EUR", stripe)), ("paypal", paypal(amount, "EUR", Some(vault)))]
}

/// What the payment says of its money: captured, refunded, being refunded.
async fn amounts(merchant: &Merchant, payment: &str) -> [String; 3] {
    let payment = merchant.payment(payment).await.body;
    ["amount_captured", "amount_refunded", "amount_refunding"]
        .map(|field| payment[field].as_str().expect("an amount").to_owned())
}

#[tokio::test]
async fn a_payment_is_given_back_in_parts_until_nothing_is_left() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    for (gateway, body) in both("50.00", "pm_card_visa", "vault_ok") {
        let payment = merchant.paid_up(gateway, &body).await;
        let body = json!({
            "payment": payment, "amount": "20.00", "reason": "requested_by_customer",
            "metadata": { "ticket": "7" },
        });
        let headers = [("idempotency-key", &*format!("{gateway} part")), ("prefer", "wait=30")];
        let part = merchant.send(Method::POST, "/refund-payment", &headers, &body).await;
        assert_eq!((part.status, part.text("status")), (202, "succeeded"), "{gateway}: {part:?}");
        assert_eq!(part.header("preference-applied"), "wait=30");
        assert_eq!(part.header("location"), format!("/refunds/{}", part.text("id")));
        assert_eq!(part.body["metadata"]["ticket"], "7");
        assert!(part.body["gateway_reference"].is_string(), "{part:?}");
        assert_eq!(amounts(merchant, &payment).await, ["50.00", "20.00", "0.00"], "{gateway}");

        let too_much = merchant.refund(&format!("{gateway} much"), &payment, Some("30.01")).await;
        assert_eq!((too_much.status, too_much.text("code")), (409, "refund-exceeds-payment"));
        assert!(too_much.text("detail").contains("30.00"), "it says what is left: {too_much:?}");

        let rest = merchant.refunded(&format!("{gateway} rest"), &payment, None).await;
        assert_eq!(merchant.refund_with(&rest, &["succeeded"]).await["amount"], "30.00", "{gateway}");
        assert_eq!(amounts(merchant, &payment).await, ["50.00", "50.00", "0.00"], "{gateway}");
        assert_eq!(merchant.payment(&payment).await.text("status"), "succeeded", "refunds have their own");
        for amount in [None, Some("0.01")] {
            let nothing = merchant.refund(&format!("{gateway} {amount:?}"), &payment, amount).await;
            assert_eq!((nothing.status, nothing.text("code")), (409, "payment-fully-refunded"), "{gateway}");
        }
    }
    deployment.quiet().await;
    assert_eq!(deployment.count("SELECT count(*) FROM events WHERE type = 'refund.succeeded'").await, 4);
    assert_eq!(deployment.count("SELECT count(*) FROM refunds").await, 4, "what was refused is not stored");
    deployment.check_books().await;
}

#[tokio::test]
async fn of_fifty_tenths_at_once_ten_are_given_back() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    for (gateway, body) in both("100.00", "pm_card_visa", "vault_ok") {
        let payment = merchant.paid_up(gateway, &body).await;
        let requests: Vec<_> = (0..50)
            .map(|i| {
                let (merchant, payment) = (merchant.clone(), payment.clone());
                let key = format!("{gateway} {i}");
                tokio::spawn(async move { merchant.refund(&key, &payment, Some("10.00")).await })
            })
            .collect();
        let mut answers: BTreeMap<String, usize> = BTreeMap::new();
        let mut accepted = Vec::new();
        for request in requests {
            let answer = request.await.unwrap();
            match answer.status {
                202 => accepted.push(answer.text("id").to_owned()),
                _ => *answers.entry(format!("{} {}", answer.status, answer.text("code"))).or_default() += 1,
            }
        }
        assert_eq!((accepted.len(), answers.values().sum::<usize>()), (10, 40), "{answers:?}");
        let known = ["409 payment-fully-refunded", "409 refund-exceeds-payment"];
        assert!(answers.keys().all(|answer| known.contains(&answer.as_str())), "{answers:?}");
        for refund in &accepted {
            merchant.refund_with(refund, &["succeeded"]).await;
        }
        assert_eq!(amounts(merchant, &payment).await, ["100.00", "100.00", "0.00"]);
    }
    deployment.quiet().await;
    deployment.check_books().await;
}

#[tokio::test]
async fn a_key_is_for_one_refund_only() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    let payment = merchant.paid_up("p", &card("50.00", "EUR", "pm_card_visa")).await;
    let other = merchant.paid_up("q", &card("50.00", "EUR", "pm_card_visa")).await;
    let requests: Vec<_> = (0..20)
        .map(|_| {
            let (merchant, payment) = (merchant.clone(), payment.clone());
            tokio::spawn(async move { merchant.refund("k", &payment, Some("50")).await })
        })
        .collect();
    let (mut ids, mut new) = (std::collections::BTreeSet::new(), 0);
    for request in requests {
        let answer = request.await.unwrap();
        assert_eq!(answer.status, 202, "{answer:?}");
        new += u32::from(answer.header("idempotent-replayed") != "true");
        ids.insert(answer.text("id").to_owned());
    }
    assert_eq!((ids.len(), new), (1, 1));
    merchant.refund_with(&ids.pop_first().unwrap(), &["succeeded"]).await;
    // Nothing is left, and yet the repetition is told what it was told before.
    let again = merchant.refund("k", &payment, Some("50.00")).await;
    assert_eq!((again.text("status"), again.header("idempotent-replayed")), ("succeeded", "true"));
    for (payment, amount) in [(&payment, Some("49.99")), (&payment, None), (&other, Some("50"))] {
        let refused = merchant.refund("k", payment, amount).await;
        assert_eq!((refused.status, refused.text("code")), (422, "idempotency-key-reused"), "{amount:?}");
    }
    // A payment's key is not a refund's, and another merchant's is its own.
    merchant.refunded("q", &other, Some("1.00")).await;
    let rival = deployment.new_merchant("Rival").await;
    assert_eq!(rival.refund("k", &payment, Some("50")).await.fault(), "/payment");
    deployment.quiet().await;
    deployment.check_books().await;
}

#[tokio::test]
async fn what_cannot_be_given_back_is_refused_with_its_reason() {
    let mut deployment = Deployment::start().await;
    let merchant = deployment.merchant.clone();
    let mut manual = card("10.00", "EUR", "pm_card_visa");
    manual["capture"] = json!("manual");
    let declined = card("10.00", "EUR", "pm_card_visa_chargeDeclined");
    let acting = card("10.00", "EUR", "pm_card_authenticationRequired");
    let yen = merchant.paid_up("yen", &card("500", "JPY", "pm_card_visa")).await;
    let mut unsettled = Vec::new();
    for (status, body) in [("authorized", &manual), ("failed", &declined), ("requires_action", &acting)] {
        let payment = merchant.paid(status, body).await;
        merchant.payment_with(&payment, &[status]).await;
        unsettled.push((status, payment));
    }
    deployment.stop(Service::Worker).await;
    unsettled.push(("pending", merchant.paid("pending", &manual).await));
    let canceled = merchant.paid("canceled", &manual).await;
    assert_eq!(merchant.cancel(&canceled).await.text("status"), "canceled");
    unsettled.push(("canceled", canceled));
    for (status, payment) in &unsettled {
        let refused = merchant.refund("k", payment, None).await;
        assert_eq!((refused.status, refused.text("code")), (409, "payment-not-succeeded"), "{refused:?}");
        assert!(refused.text("detail").contains(status), "{refused:?}");
    }

    let rival = deployment.new_merchant("Rival").await;
    assert_eq!(rival.refund("k", &yen, None).await.fault(), "/payment");
    let nobodys = "pay_0193a3f1c2d87b51a9f0c4d2e8b7a601";
    assert_eq!(merchant.refund("k", nobodys, None).await.fault(), "/payment");
    for (body, pointer) in [
        (json!({ "payment": yen, "amount": "1.50" }), "/amount"),
        (json!({ "payment": yen, "amount": "0" }), "/amount"),
        (json!({ "payment": yen, "amount": "-1" }), "/amount"),
        (json!({ "payment": yen, "amount": 1.5 }), "/amount"),
        (json!({ "payment": "re_1" }), "/payment"),
        (json!({}), "/payment"),
        (json!({ "payment": yen, "reason": "bored" }), "/reason"),
        (json!({ "payment": yen, "currency": "JPY" }), "/currency"),
    ] {
        let headers = [("idempotency-key", "k")];
        let refused = merchant.send(Method::POST, "/refund-payment", &headers, &body).await;
        assert_eq!(refused.status, 422, "{body}: {refused:?}");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{body}");
    }
    let keyless = merchant.send(Method::POST, "/refund-payment", &[], &json!({ "payment": yen })).await;
    assert_eq!((keyless.status, keyless.text("code")), (400, "idempotency-key-missing"));
    assert_eq!(deployment.count("SELECT count(*) FROM refunds").await, 0);
}

/// A refund that takes its time holds its amount; one that fails gives it free, whether it had been told
/// as done or not, and the books are reversed.
#[tokio::test]
async fn slow_refunds_hold_their_amount_and_failed_ones_give_it_free() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.sandbox("POST", "/control/settle_after", &json!({ "milliseconds": 3_600_000 })).await;
    for (body, before, after) in [
        (card("20.00", "EUR", "pm_card_pendingRefund"), "processing", "succeeded"),
        (card("20.00", "EUR", "pm_card_refundFail"), "succeeded", "failed"),
        (paypal("20.00", "EUR", Some("vault_refund_pending")), "processing", "succeeded"),
        (paypal("20.00", "EUR", Some("vault_refund_failed")), "processing", "failed"),
    ] {
        let token = body["payment_method"]["token"].to_string();
        let payment = merchant.paid_up(&token, &body).await;
        let refund = merchant.refunded(&token, &payment, Some("15.00")).await;
        at_the_gateway(merchant, &refund).await;
        merchant.refund_with(&refund, &[before]).await;
        let held = ["20.00", "0.00", "15.00"].map(str::to_owned);
        let given_back = ["20.00", "15.00", "0.00"].map(str::to_owned);
        let free = ["20.00", "0.00", "0.00"].map(str::to_owned);
        let expected = if before == "processing" { &held } else { &given_back };
        assert_eq!(&amounts(merchant, &payment).await, expected, "{token}");
        let too_much = merchant.refund(&format!("{token} more"), &payment, Some("5.01")).await;
        assert_eq!(too_much.text("code"), "refund-exceeds-payment", "{token}");

        deployment.sandbox("POST", "/control/settle", &json!({ "reference": refund })).await;
        let ended = merchant.refund_with(&refund, &[after]).await;
        assert_eq!(ended["failure"].is_object(), after == "failed", "{ended}");
        let expected = if after == "succeeded" { &given_back } else { &free };
        assert_eq!(&amounts(merchant, &payment).await, expected, "{token}");
        // What was given free can be given back another time.
        if after == "failed" {
            let again = merchant.refunded(&format!("{token} again"), &payment, None).await;
            at_the_gateway(merchant, &again).await;
        }
        deployment.advance(301).await;
    }
    eventually("the last of them are given back", || async {
        let all = json!({ "all": true, "outcome": "succeeded" });
        deployment.sandbox("POST", "/control/settle", &all).await;
        deployment.advance(301).await;
        (deployment.count("SELECT count(*) FROM jobs").await == 0).then_some(())
    })
    .await;
    deployment.quiet().await;
    deployment.check_books().await;
}

async fn at_the_gateway(merchant: &Merchant, refund: &str) {
    eventually("the gateway has it", || async {
        let refund = merchant.get(&format!("/refunds/{refund}")).await;
        refund.body["gateway_reference"].is_string().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_list_is_walked_both_ways_and_filtered() {
    let mut deployment = Deployment::start().await;
    let merchant = deployment.merchant.clone();
    let one = merchant.paid_up("one", &card("10.00", "EUR", "pm_card_visa")).await;
    let other = merchant.paid_up("other", &card("10.00", "EUR", "pm_card_visa")).await;
    let done = merchant.refunded("done", &one, Some("1.00")).await;
    merchant.refund_with(&done, &["succeeded"]).await;
    deployment.stop(Service::Worker).await;
    let mut newest_first = vec![done.clone()];
    for (i, payment) in [&other, &one, &other, &one].into_iter().enumerate() {
        newest_first.insert(0, merchant.refunded(&i.to_string(), payment, Some("1.00")).await);
    }
    for filter in [String::new(), format!("&payment={one}"), "&status=pending".to_owned()] {
        let path = format!("/refunds?limit=2{filter}");
        assert_eq!(merchant.get(&path).await.body["url"], "/refunds", "{path}");
        let seen = merchant.all(&path).await;
        let places: &[usize] = match filter.as_str() {
            "" => &[0, 1, 2, 3, 4],
            "&status=pending" => &[0, 1, 2, 3],
            _ => &[0, 2, 4],
        };
        let expected: Vec<_> = places.iter().map(|place| newest_first[*place].clone()).collect();
        assert_eq!(ids_of(&seen), expected, "{filter}");
    }
    let back = merchant.get(&format!("/v1/refunds?limit=2&ending_before={done}")).await.body;
    assert_eq!(ids(&back), newest_first[2..4]);
    assert_eq!(back["has_more"], true);

    let rival = deployment.new_merchant("Rival").await;
    assert_eq!(ids(&rival.get(&format!("/refunds?payment={one}")).await.body), [] as [&str; 0]);
    assert_eq!(rival.get(&format!("/refunds/{done}")).await.status, 404);
    for query in ["limit=0", "status=lost", "payment=re_1", "starting_after=x", "unknown=1"] {
        assert_eq!(merchant.get(&format!("/refunds?{query}")).await.status, 400, "{query}");
    }
}
