//! Changing a subscription through the API: what it costs, to the cent; that the preview says so before; and that
//! asking again costs nothing. The numbers are the cases of the rule book.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Deployment, subscribing::lines};

/// What a preview must leave as it is.
async fn traces(deployment: &Deployment, id: &str) -> (String, Vec<Value>, i64, i64) {
    let merchant = &deployment.merchant;
    let rows = "SELECT count(*) FROM events";
    let numbers = "SELECT coalesce(sum(last), 0)::bigint FROM invoice_counters";
    (
        merchant.subscription(id).await.header("etag").to_owned(),
        merchant.invoices(id).await,
        deployment.count(rows).await,
        deployment.count(numbers).await,
    )
}

/// Previews a change, makes it, and makes it again: the preview changes nothing and is true, and the repetition
/// changes nothing. Answers the preview and the invoices that were made.
async fn change(deployment: &Deployment, id: &str, body: &Value) -> (Value, Vec<Value>) {
    let merchant = &deployment.merchant;
    let before = traces(deployment, id).await;
    let preview = merchant.preview(id, body).await;
    assert_eq!(traces(deployment, id).await, before, "a preview changes nothing");
    let made = merchant.updated(id, body).await;
    for (field, value) in preview["subscription"].as_object().unwrap() {
        // No invoice of a preview is there to be named.
        if field != "updated_at" && field != "latest_invoice" {
            assert_eq!(&made.body[field], value, "{field}");
        }
    }
    let after = traces(deployment, id).await;
    let again = merchant.updated(id, body).await;
    assert_eq!((&again.body, again.header("etag")), (&made.body, made.header("etag")));
    assert_eq!(traces(deployment, id).await, after, "asked again, nothing changes");
    let new = after.1[before.1.len()..].to_vec();
    let upcoming = preview["invoices"].as_array().unwrap();
    assert_eq!(upcoming.len(), new.len(), "{preview}");
    for (upcoming, made) in upcoming.iter().zip(&new) {
        for field in ["lines", "total", "tax", "amount_from_balance"] {
            assert_eq!(upcoming[field], made[field], "{field}");
        }
        assert_eq!((&upcoming["amount_due"], &made["status"]), (&made["amount_paid"], &json!("paid")));
    }
    let charged: Vec<_> = new.iter().map(|made| made["amount_paid"].as_str().unwrap()).collect();
    let charged = charged.into_iter().filter(|amount| *amount != "0.00").collect::<Vec<_>>();
    assert_eq!(preview["charged_now"], charged.first().copied().unwrap_or("0.00"));
    assert_eq!(preview["balance"], merchant.balance(id).await);
    (preview, new)
}

/// Lives on until the next renewal, which must come to what the preview has said.
async fn renewed(deployment: &Deployment, id: &str, preview: &Value) -> Value {
    let renewal = &preview["next_renewal"];
    deployment.advance_to(renewal["at"].as_str().unwrap().parse().unwrap()).await;
    deployment.idle().await;
    let invoice = deployment.merchant.invoices(id).await.pop().unwrap();
    for field in ["lines", "total", "tax", "amount_from_balance"] {
        assert_eq!(renewal[field], invoice[field], "{field}");
    }
    assert_eq!((&renewal["amount_due"], &invoice["status"]), (&invoice["amount_paid"], &json!("paid")));
    invoice
}

/// Cases 9 and 10.
#[tokio::test]
async fn a_dearer_plan_is_charged_by_day() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let (ten, many) = (merchant.plan("10.00", "month").await, merchant.plan("300.00", "month").await);
    let (half, last) = (merchant.subscribed("a", &ten, 1).await, merchant.subscribed("b", &many, 1).await);
    for (day, id, price, credit, charge, total) in [
        ("04-16", &half, "20.00", "-5.00", "10.00", "5.00"),
        ("04-30", &last, "600.00", "-10.00", "20.00", "10.00"),
    ] {
        deployment.noon_of(day).await;
        let plan = merchant.plan(price, "month").await;
        let (preview, invoices) = change(&deployment, id, &json!({ "plan": plan })).await;
        let [invoice] = &invoices[..] else { panic!("{invoices:?}") };
        assert_eq!(lines(invoice), [("proration_credit", credit), ("proration_charge", charge)]);
        assert_eq!((&invoice["total"], &preview["charged_now"]), (&json!(total), &json!(total)));
        assert_eq!(preview["next_renewal"]["total"], price);
        // What was agreed stays, also when nobody else may have it.
        let archived = merchant.send(Method::DELETE, &format!("/plans/{plan}"), &[], &Value::Null).await;
        assert_eq!(archived.status, 200);
        assert_eq!(merchant.updated(id, &json!({ "plan": plan })).await.body["plan"], plan);
        if day == "04-30" {
            assert_eq!(lines(&renewed(&deployment, id, &preview).await), [("period", price)]);
        }
    }
    deployment.check_billing().await;
}

#[tokio::test]
async fn what_a_cheaper_plan_gives_back_pays_the_next_renewal() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let id = merchant.subscribed("a", &merchant.plan("20.00", "month").await, 1).await;
    deployment.noon_of("04-16").await;
    let plan = merchant.plan("10.00", "month").await;
    let (preview, invoices) = change(&deployment, &id, &json!({ "plan": plan })).await;
    assert_eq!(lines(&invoices[0]), [("proration_credit", "-10.00"), ("proration_charge", "5.00")]);
    assert_eq!((&preview["charged_now"], &preview["balance"]), (&json!("0.00"), &json!("5.00")));
    let renewal = renewed(&deployment, &id, &preview).await;
    assert_eq!((&renewal["amount_from_balance"], &renewal["amount_paid"]), (&json!("5.00"), &json!("5.00")));
    deployment.check_billing().await;
}

/// Case 13, and fewer of them.
#[tokio::test]
async fn seats_come_and_go_by_day() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("03-15").await;
    let id = merchant.subscribed("a", &merchant.plan("10.00", "month").await, 2).await;
    deployment.noon_of("03-25").await;
    let (_, invoices) = change(&deployment, &id, &json!({ "quantity": 5 })).await;
    assert_eq!(lines(&invoices[0]), [("proration_charge", "20.32")]);
    let (preview, invoices) = change(&deployment, &id, &json!({ "quantity": 2 })).await;
    assert_eq!(lines(&invoices[0]), [("proration_credit", "-20.32")]);
    assert_eq!((&preview["balance"], &preview["next_renewal"]["total"]), (&json!("20.32"), &json!("20.00")));
    renewed(&deployment, &id, &preview).await;
    assert_eq!(merchant.balance(&id).await, "0.32");
    deployment.check_billing().await;
}

/// Less than the gateway charges is no decline: the next renewal asks for it.
#[tokio::test]
async fn what_is_too_little_to_be_charged_is_carried_to_the_next_renewal() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("05-01").await;
    let id = merchant.subscribed("a", &merchant.plan("1.00", "month").await, 1).await;
    deployment.noon_of("05-29").await;
    let (preview, invoices) = change(&deployment, &id, &json!({ "quantity": 2 })).await;
    assert_eq!(lines(&invoices[0]), [("proration_charge", "0.10")]);
    assert_eq!(invoices[0]["payments"], Value::Null);
    let asked = |of: &Value| (of["amount_from_balance"].clone(), of["amount_due"].clone());
    assert_eq!(asked(&preview["invoices"][0]), (json!("0.10"), json!("0.00")));
    assert_eq!((&preview["charged_now"], &preview["balance"]), (&json!("0.00"), &json!("-0.10")));
    assert_eq!(asked(&preview["next_renewal"]), (json!("-0.10"), json!("2.10")));
    let renewal = renewed(&deployment, &id, &preview).await;
    assert_eq!((&renewal["total"], &renewal["amount_paid"]), (&json!("2.00"), &json!("2.10")));
    assert_eq!(merchant.balance(&id).await, "0.00");
    assert_eq!(merchant.subscription(&id).await.text("status"), "active");
    deployment.check_billing().await;
}

#[tokio::test]
async fn a_change_without_proration_or_for_later_is_billed_by_the_renewal() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let ten = merchant.plan("10.00", "month").await;
    let (now, later) = (merchant.subscribed("a", &ten, 1).await, merchant.subscribed("b", &ten, 1).await);
    deployment.noon_of("04-16").await;
    let twenty = merchant.plan("20.00", "month").await;
    let body = json!({ "plan": twenty, "proration": "none" });
    let (at_once, invoices) = change(&deployment, &now, &body).await;
    assert_eq!((invoices.len(), &at_once["subscription"]["amount"]), (0, &json!("20.00")));
    let body = json!({ "plan": twenty, "quantity": 3, "proration": "at_period_end" });
    let (pending, invoices) = change(&deployment, &later, &body).await;
    assert_eq!((invoices.len(), &pending["subscription"]["amount"]), (0, &json!("10.00")));
    assert_eq!(pending["subscription"]["pending_update"], json!({ "plan": twenty, "quantity": 3 }));
    // What is not named stays as it was to be; and what was put off can be called off.
    let body = json!({ "quantity": 2, "proration": "at_period_end" });
    let (pending, _) = change(&deployment, &later, &body).await;
    assert_eq!(pending["subscription"]["pending_update"], json!({ "plan": twenty, "quantity": 2 }));
    let body = json!({ "plan": ten, "quantity": 1, "proration": "at_period_end" });
    let (called_off, _) = change(&deployment, &later, &body).await;
    assert_eq!(called_off["subscription"]["pending_update"], Value::Null);
    assert_eq!(called_off["next_renewal"]["total"], "10.00");
    let body = json!({ "plan": twenty, "quantity": 2, "proration": "at_period_end" });
    let (pending, _) = change(&deployment, &later, &body).await;
    assert_eq!(lines(&renewed(&deployment, &now, &at_once).await), [("period", "20.00")]);
    assert_eq!(lines(&renewed(&deployment, &later, &pending).await), [("period", "40.00")]);
    deployment.check_billing().await;
}

#[tokio::test]
async fn a_plan_with_another_interval_begins_today() {
    let deployment = Deployment::start().await;
    let merchant = &deployment.merchant;
    deployment.noon_of("04-01").await;
    let id = merchant.subscribed("a", &merchant.plan("30.00", "month").await, 1).await;
    deployment.noon_of("04-16").await;
    let year = merchant.plan("300.00", "year").await;
    let (preview, invoices) = change(&deployment, &id, &json!({ "plan": year })).await;
    let [credit, period] = &invoices[..] else { panic!("{invoices:?}") };
    assert_eq!(lines(credit), [("proration_credit", "-15.00")]);
    assert_eq!(lines(period), [("period", "300.00")]);
    assert_eq!(
        (&period["amount_from_balance"], &preview["charged_now"]),
        (&json!("15.00"), &json!("285.00"))
    );
    assert_eq!(period["lines"][0]["from"].as_str().unwrap()[5..], *"04-16");
    let renews_at = preview["next_renewal"]["at"].as_str().unwrap();
    assert!(renews_at.ends_with("-04-16T00:00:00Z"), "{renews_at}");
    deployment.check_billing().await;
}
