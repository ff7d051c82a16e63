//! Amounts in the units of every currency whose units are not hundredths.

use common::{
    gateway::{CaptureRequest, ChargeRequest, Fault, RefundRequest},
    money::{Currency, Money},
};

use super::fixture;
use crate::contract::{
    fixture::{GatewayFixture, Ready, charge_of},
    vocabulary::Report,
};

const ZERO_DECIMAL: &str = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF";
const THREE_DECIMAL: &str = "BHD JOD KWD OMR TND";

/// Whatever it says: also what nobody could pay.
fn any(amount: &str, currency: &str) -> Money {
    Money { amount: amount.parse().unwrap(), currency: Currency::from_code(currency).unwrap() }
}

/// An amount, what Stripe is sent, and the least amount above it that Stripe cannot take.
fn rows() -> Vec<(&'static str, &'static str, i64, &'static str)> {
    let zero = ZERO_DECIMAL.split_whitespace().map(|currency| (currency, "500", 500, "500.5"));
    let three = THREE_DECIMAL.split_whitespace().map(|currency| (currency, "1.230", 1230, "1.234"));
    let others = [
        ("ISK", "250", 25_000, "250.5"),
        ("UGX", "5000", 500_000, "5000.5"),
        ("EUR", "49.90", 4990, "49.905"),
        ("USD", "0.50", 50, "0.505"),
        ("HUF", "5000.50", 500_050, "5000.505"),
    ];
    zero.chain(three).chain(others).collect()
}

#[tokio::test]
async fn amounts_are_in_the_units_of_their_currency() {
    let fixture = fixture().await;
    for (currency, amount, minor, _) in rows() {
        let money = any(amount, currency);
        let request = ChargeRequest { money, ..fixture.charge_request("pm_card_visa") };
        let paid = fixture.charged(request).await;
        let charge = charge_of(&paid.1);
        assert_eq!(charge.money, Some(money), "{currency}");
        assert_eq!(charge.fee.map(|fee| fee.currency), Some(money.currency), "{currency}");
        assert_eq!(charge.card.as_ref().and_then(|card| card.last4.as_deref()), Some("4242"));
        let refund = Ready::Refund(fixture.refund_request(&paid, amount));
        assert_eq!(charge_of(&fixture.send(&refund).await.report).money, Some(money), "{currency}");
        let books = &fixture.books(&paid.0.reference).await["charges"][0];
        assert_eq!((&books["captured"], &books["refunded"]), (&minor.into(), &minor.into()), "{currency}");

        let request = ChargeRequest { money, ..fixture.charge_request("pm_card_visa") };
        let request = ChargeRequest { capture: common::gateway::Capture::Manual, ..request };
        let reserved = fixture.charged(request).await;
        assert_eq!(charge_of(&reserved.1).money, Some(money), "{currency}");
        let capture = Ready::Capture(fixture.capture_request(&reserved));
        assert_eq!(charge_of(&fixture.send(&capture).await.report).money, Some(money), "{currency}");
    }
}

#[tokio::test]
async fn what_stripe_could_not_take_is_not_sent() {
    let fixture = fixture().await;
    let paid = fixture.paid("pm_card_visa").await;
    let reserved = fixture.reserved("pm_card_visa").await;
    for (currency, _, _, indivisible) in rows() {
        let money = any(indivisible, currency);
        refused_without_a_call(&fixture, Ready::Charge(ChargeRequest { money, ..paid.0.clone() })).await;
        let capture = CaptureRequest { money, ..fixture.capture_request(&reserved) };
        refused_without_a_call(&fixture, Ready::Capture(capture)).await;
        let refund = RefundRequest { money, ..fixture.refund_request(&paid, "49.90") };
        refused_without_a_call(&fixture, Ready::Refund(refund)).await;
    }
}

async fn refused_without_a_call(fixture: &GatewayFixture, ready: Ready) {
    let answer = fixture.send(&ready).await;
    assert!(matches!(answer.report, Report::Refused { fault: Fault::Request, .. }), "{ready:?}: {answer:?}");
    assert!(!answer.call.was_made(), "{ready:?}");
}

/// At most eight digits of minor units, and twelve of rupiah.
#[tokio::test]
async fn the_most_that_stripe_takes_at_once() {
    let fixture = fixture().await;
    for (currency, most, too_much) in [
        ("EUR", "999999.99", "1000000.00"),
        ("JPY", "99999999", "100000000"),
        ("KWD", "99999.990", "100000.000"),
        ("ISK", "999999", "1000000"),
        ("UGX", "999999", "1000000"),
        ("IDR", "9999999999.99", "10000000000.00"),
    ] {
        let money = any(most, currency);
        let paid = fixture.charged(ChargeRequest { money, ..fixture.charge_request("pm_card_visa") }).await;
        assert_eq!(charge_of(&paid.1).money, Some(money), "{currency}");
        let money = any(too_much, currency);
        let request = ChargeRequest { money, ..fixture.charge_request("pm_card_visa") };
        refused_without_a_call(&fixture, Ready::Charge(request)).await;
    }
}
