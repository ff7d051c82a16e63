//! Payments, and what belongs to them.

use std::sync::Arc;

use common::{
    billing::settlement,
    clock::{Deadline, Timestamp},
    dispute::{self, Dispute},
    event,
    gateway::{
        self, Answer, Call, Capture, Card, ChargeOutcome, Decline, DeclineClass, DisputeStatus, GatewayName,
        MethodType, RefundOutcome, RefundReason, SavedMethod, doubt::CallLog,
    },
    id::{ApiKeyId, GatewayAccountId, InvoiceId, JobId, MerchantId, PaymentId, RefundId},
    job::{Claim, Kind},
    payment::{
        self, Billing, Failure, Fallback, NewPayment, Payer, Payment, PaymentRequest, Route, Stage, Status,
        state::Decision,
        store::{CallRow, Settlement as OfPayment, accept, calls, find, find_any},
    },
    refund::{self, NewRefund, Refund, RefundParams, store::Settlement},
};
use sqlx::{PgConnection, types::Json};
use tests::Filled;

use super::{at, connect, is_telling, metadata, money, same};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn new_payment(key: &str) -> NewPayment {
    let request = PaymentRequest {
        money: money("49.90", "EUR"),
        capture: Capture::Manual,
        customer: Some(Payer {
            id: Some("17".into()),
            email: Some("ada@example.com".into()),
            name: Some("Ada".into()),
        }),
        description: Some("A book".into()),
        order_id: Some("order 4".into()),
        metadata: metadata("shelf", "top"),
        return_url: Some("https://shop.example/back".into()),
    };
    let route = Route {
        method: MethodType::Card,
        token: Some("vault_1".into()),
        gateway: GatewayName::Paypal,
        fallback: Some(Fallback {
            method: MethodType::Paypal,
            token: "pm_2".into(),
            gateway: GatewayName::Stripe,
            on_soft_decline: true,
        }),
    };
    let (id, merchant_id) = (PaymentId::new(), MerchantId::new());
    NewPayment {
        id,
        merchant_id,
        api_key_id: ApiKeyId::new(),
        idempotency_key: key.into(),
        request_hash: [7; 32],
        request,
        route,
    }
}

async fn accepted(db: &mut PgConnection, new: &NewPayment) -> Payment {
    match accept(db, &[(new.clone(), Some(TRACE.into()))], &[]).await.unwrap().remove(0) {
        payment::store::Accepted::New(payment, _) => *payment,
        other => panic!("{other:?}"),
    }
}

/// Everything that may become of a payment at its gateway.
fn change(payment: &mut Payment) {
    let Payment {
        status,
        stage,
        stage_number,
        stage_amount,
        amount_captured,
        failure,
        next_action_url,
        review_reason,
        settled_at,
        gateway_ref,
        charge_ref,
        card,
        call_log,
        // What was asked for, and what is written elsewhere.
        id: _,
        merchant_id: _,
        request: _,
        route: _,
        account: _,
        billing: _,
        created_at: _,
        amount_refunded: _,
        amount_refunding: _,
        version: _,
        updated_at: _,
    } = payment;
    (*status, *stage, *stage_number) = (Status::Authorized, Stage::Capture, 2);
    (*stage_amount, *amount_captured) = (Some(31.into()), 30.into());
    *failure = Some(Failure {
        code: "card_declined".into(),
        message: "Declined.".into(),
        decline_class: Some(DeclineClass::Soft),
    });
    *next_action_url = Some("https://gateway.example/act".into());
    *review_reason = Some("to be looked at".into());
    *settled_at = Some(at(1));
    (*gateway_ref, *charge_ref) = (Some("pi_1".into()), Some("ch_1".into()));
    *card = Some(Card {
        brand: Some("visa".into()),
        last4: Some("4242".into()),
        exp_month: Some(12),
        exp_year: Some(2034),
    });
    *call_log =
        CallLog { calls_begun: 5, calls_not_sent: 3, first_call_at: Some(at(2)), last_call_at: Some(at(4)) };
}

#[tokio::test]
async fn a_payment_is_read_as_it_was_written() {
    let database = Filled::with_nothing().await;
    let mut db = connect(&database).await;
    let new = new_payment("a");
    is_telling(&(&new.request, &new.route));
    let fresh = accepted(&mut db, &new).await;
    same(&(&fresh.request, &fresh.route), &(&new.request, &new.route));
    same(&find(&mut *db, new.merchant_id, new.id).await.unwrap().unwrap(), &fresh);

    // What a payment of an invoice has besides.
    let saved = SavedMethod { customer_ref: Some("cus_1".into()), method_ref: "pm_1".into() };
    let billing = Billing { invoice: InvoiceId::new(), off_session: true, saved: Some(saved) };
    let account = Some(GatewayAccountId::new());
    sqlx::query("UPDATE payments SET invoice_id = $2, off_session = true, saved = $3, gateway_account_id = $4 WHERE id = $1")
        .bind(new.id.0)
        .bind(billing.invoice.0)
        .bind(Json(&billing.saved))
        .bind(account.map(|account| account.0))
        .execute(&mut *db)
        .await
        .unwrap();
    let decide = |payment: &mut Payment, _: Timestamp| {
        change(payment);
        Decision::Accepted(None)
    };
    let granted =
        settlement::execute(&mut db, new.merchant_id, new.id, TRACE, decide).await.unwrap().unwrap();
    let mut expected = Payment { account, billing: Some(billing), ..fresh };
    change(&mut expected);
    expected = Payment { version: 2, updated_at: granted.payment.updated_at, ..expected };
    same(&granted.payment, &expected);
    same(&find_any(&mut *db, new.id).await.unwrap().unwrap(), &expected);

    sqlx::query("UPDATE payments SET amount_refunded = 10, amount_refunding = 11 WHERE id = $1")
        .bind(new.id.0)
        .execute(&mut *db)
        .await
        .unwrap();
    let read = find_any(&mut *db, new.id).await.unwrap().unwrap();
    expected = Payment { amount_refunded: 10.into(), amount_refunding: 11.into(), ..expected };
    same(&Payment { version: 6, ..read.clone() }, &Payment { version: 6, ..expected });
    is_telling(&Payment { version: 6, ..read });
}

/// A payment whose money was taken.
async fn taken(db: &mut PgConnection) -> Payment {
    let payment = accepted(&mut *db, &new_payment("taken")).await;
    sqlx::query("UPDATE payments SET status = 'succeeded', amount_captured = amount, gateway_ref = 'pi_1' WHERE id = $1")
        .bind(payment.id.0)
        .execute(&mut *db)
        .await
        .unwrap();
    find_any(db, payment.id).await.unwrap().unwrap()
}

fn claim(kind: Kind, subject: uuid::Uuid) -> Claim {
    Claim {
        id: JobId::new(),
        kind,
        subject,
        flow: None,
        attempt: 8,
        tries: 7,
        at: at(0),
        cursor: None,
        traceparent: None,
        deadline: Deadline::after(std::time::Duration::from_secs(60)),
    }
}

fn no(gateway_ref: &str) -> Decline {
    Decline {
        class: DeclineClass::Hard,
        code: "refused".into(),
        message: "No.".into(),
        gateway_ref: Some(gateway_ref.into()),
    }
}

fn call(operation: &'static str) -> Call {
    let duration = std::time::Duration::from_millis(250);
    Call { operation, http_status: Some(402), request_id: Some("req_1".into()), duration }
}

/// Two workers had it at one moment, by a clock that stood still: whoever comes late loses its failure.
#[tokio::test]
async fn a_failure_counts_by_the_version_however_the_clock_stands() {
    let database = Filled::with_nothing().await;
    let mut db = connect(&database).await;
    let id = accepted(&mut db, &new_payment("a")).await.id;
    let first = payment::store::begin(&mut db, &[Stage::Charge], &[id.0]).await.unwrap().remove(0);
    let second = payment::store::begin(&mut db, &[Stage::Charge], &[id.0]).await.unwrap().remove(0);
    sqlx::query("UPDATE payments SET updated_at = $1")
        .bind(first.updated_at)
        .execute(&mut *db)
        .await
        .unwrap();
    for (payment, counts) in [(first, false), (second.clone(), true), (second, false)] {
        let report = Ok(ChargeOutcome::Declined(no("pi_1")));
        let answer = Answer { report, call: call("charge"), cursor: None };
        let told = OfPayment { claim: claim(Kind::ChargePayment, id.0), payment, answer };
        let settled = settlement::settle(&mut db, &[Arc::new(told)]).await.unwrap().remove(0);
        assert_eq!(settled.changed, counts);
    }
    assert_eq!(find_any(&mut *db, id).await.unwrap().unwrap().status, Status::Failed);
}

#[tokio::test]
async fn a_failure_of_a_refund_counts_by_the_version_too() {
    let database = Filled::with_nothing().await;
    let mut db = connect(&database).await;
    let payment = taken(&mut db).await;
    let new = new_refund(&payment);
    refund::store::accept(&mut db, &new, TRACE).await.unwrap();
    let first = refund::store::begin(&mut db, &[new.id.0]).await.unwrap().remove(0).0;
    let second = refund::store::begin(&mut db, &[new.id.0]).await.unwrap().remove(0).0;
    sqlx::query("UPDATE refunds SET updated_at = $1").bind(first.updated_at).execute(&mut *db).await.unwrap();
    for (refund, counts) in [(first, false), (second.clone(), true), (second, false)] {
        let answer =
            Answer { report: Ok(RefundOutcome::Declined(no("re_1"))), call: call("refund"), cursor: None };
        let claim = claim(Kind::RefundPayment, new.id.0);
        let told = Settlement { claim, refund, gateway: GatewayName::Paypal, answer };
        assert_eq!(refund::store::settle(&database.pool, &told).await.unwrap().changed, counts);
    }
    assert_eq!(the_refund(&mut db, new.id).await.status, refund::Status::Failed);
}

fn new_refund(payment: &Payment) -> NewRefund {
    let params = RefundParams {
        payment_id: payment.id,
        amount: Some(20.into()),
        reason: Some(RefundReason::RequestedByCustomer),
        metadata: metadata("why", "torn"),
    };
    let (id, merchant_id) = (RefundId::new(), payment.merchant_id);
    NewRefund { id, merchant_id, idempotency_key: "r".into(), request_hash: [9; 32], params }
}

async fn the_refund(db: &mut PgConnection, id: RefundId) -> Refund {
    refund::store::find_all(db, &[id.0]).await.unwrap().remove(0)
}

/// What a refund never has together, and what happens in another order.
async fn fill_up(db: &mut PgConnection, id: RefundId) {
    sqlx::query(
        "UPDATE refunds SET review_reason = 'to be looked at', calls_begun = 9, calls_not_sent = 4, version = 6,
             first_call_at = $2, last_call_at = $3, settled_at = $4, updated_at = $5 WHERE id = $1",
    )
    .bind(id.0)
    .bind(at(1))
    .bind(at(2))
    .bind(at(3))
    .bind(at(4))
    .execute(&mut *db)
    .await
    .unwrap();
}

#[tokio::test]
async fn a_refund_is_read_as_it_was_written() {
    let database = Filled::with_nothing().await;
    let mut db = connect(&database).await;
    let payment = taken(&mut db).await;
    let new = new_refund(&payment);
    let (id, merchant_id) = (new.id, new.merchant_id);
    refund::store::accept(&mut db, &new, TRACE).await.unwrap();
    let held = find_any(&mut *db, payment.id).await.unwrap().unwrap();
    same(&held.amount_refunding, &money("20.00", "EUR").amount);
    assert_eq!(held.version, payment.version + 1, "whoever is at the gateway for it must know");

    let begun = refund::store::begin(&mut db, &[id.0]).await.unwrap().remove(0).0;
    let answer =
        Answer { report: Ok(RefundOutcome::Declined(no("re_1"))), call: call("refund"), cursor: None };
    let claim = claim(Kind::RefundPayment, id.0);
    let settlement = Settlement { claim, refund: begun.clone(), gateway: GatewayName::Paypal, answer };
    refund::store::settle(&database.pool, &settlement).await.unwrap();
    let read = the_refund(&mut db, id).await;
    let expected = Refund {
        id,
        merchant_id,
        payment_id: payment.id,
        origin: refund::Origin::Api,
        money: money("20.00", "EUR"),
        reason: Some(RefundReason::RequestedByCustomer),
        metadata: metadata("why", "torn"),
        created_at: begun.created_at,
        status: refund::Status::Failed,
        failure: Some(refund::Failure { code: "refused".into(), message: "No.".into() }),
        review_reason: None,
        version: begun.version + 1,
        updated_at: read.updated_at,
        settled_at: read.settled_at,
        gateway_ref: Some("re_1".into()),
        call_log: CallLog { calls_not_sent: 0, ..begun.call_log },
    };
    same(&read, &expected);

    fill_up(&mut db, id).await;
    let (first_call_at, last_call_at) = (Some(at(1)), Some(at(2)));
    let all = Refund {
        review_reason: Some("to be looked at".into()),
        version: 6,
        updated_at: at(4),
        settled_at: Some(at(3)),
        call_log: CallLog { calls_begun: 9, calls_not_sent: 4, first_call_at, last_call_at },
        ..expected
    };
    let read = the_refund(&mut db, id).await;
    is_telling(&read);
    same(&read, &all);
}

#[tokio::test]
async fn a_call_to_a_gateway_is_read_as_it_was_written() {
    let database = Filled::with_nothing().await;
    let mut db = connect(&database).await;
    let id = accepted(&mut db, &new_payment("a")).await.id;
    let payment = payment::store::begin(&mut db, &[Stage::Charge], &[id.0]).await.unwrap().remove(0);
    let answer =
        Answer { report: Ok(ChargeOutcome::Declined(no("pi_1"))), call: call("charge"), cursor: None };
    let told = OfPayment { claim: claim(Kind::ChargePayment, id.0), payment, answer };
    settlement::settle(&mut db, &[Arc::new(told)]).await.unwrap();
    let made = calls(&mut *db, id).await.unwrap().remove(0);
    is_telling(&made);
    let expected = CallRow {
        attempt: 8,
        operation: "charge".into(),
        outcome: "declined".into(),
        detail: Some("refused".into()),
        http_status: Some(402),
        request_id: Some("req_1".into()),
        duration_ms: 250,
        at: made.at,
    };
    same(&made, &expected);
}

/// With the event that tells of it.
#[tokio::test]
async fn a_dispute_is_read_as_it_was_written() {
    let database = Filled::with_nothing().await;
    let mut db = connect(&database).await;
    let payment = taken(&mut db).await;
    let told = gateway::Dispute {
        dispute_ref: "dp_1".into(),
        reference: Some(payment.id.to_string()),
        money: money("30.00", "EUR"),
        fee: None,
        reason: Some("fraudulent".into()),
        status: DisputeStatus::Lost,
        funds_withdrawn: true,
    };
    dispute::store::record(&mut db, GatewayName::Paypal, &told).await.unwrap();
    sqlx::query("UPDATE disputes SET created_at = $1, updated_at = $2")
        .bind(at(1))
        .bind(at(2))
        .execute(&mut *db)
        .await
        .unwrap();
    let read = dispute::store::of_payments(&mut *db, &[payment.id]).await.unwrap().remove(0);
    is_telling(&read);
    let expected = Dispute {
        id: read.id,
        merchant_id: payment.merchant_id,
        payment_id: payment.id,
        dispute_ref: "dp_1".into(),
        money: money("30.00", "EUR"),
        reason: Some("fraudulent".into()),
        status: DisputeStatus::Lost,
        funds_withdrawn: true,
        created_at: at(1),
        updated_at: at(2),
    };
    same(&read, &expected);

    let happened = event::store::of_subjects(&mut *db, &[read.id.0]).await.unwrap().remove(0);
    assert_eq!(happened.r#type, "dispute.lost");
    let data = serde_json::json!({
        "id": read.id,
        "object": "dispute",
        "payment": payment.id,
        "status": "lost",
        "amount": "30.00",
        "currency": "EUR",
        "reason": "fraudulent",
        "funds_withdrawn": true,
    });
    assert_eq!(happened.data, data);
}
