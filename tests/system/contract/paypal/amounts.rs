//! Amounts in every currency of PayPal's, with its decimals.

use common::{
    gateway::{CaptureRequest, ChargeRequest, Fault, RefundRequest},
    money::{Currency, Money},
};

use super::{fixture, found, taken};
use crate::contract::{
    fixture::{Ready, charge_of},
    vocabulary::Report,
};

const WITHOUT_DECIMALS: &str = "HUF JPY TWD";
const WITH_TWO: &str =
    "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD ILS MXN MYR NOK NZD PHP PLN RUB SEK SGD THB USD";

/// Whatever it says: also what nobody could pay.
fn any(amount: &str, currency: &str) -> Money {
    Money { amount: amount.parse().unwrap(), currency: Currency::from_code(currency).unwrap() }
}

#[tokio::test]
async fn amounts_have_paypals_decimals() {
    let fixture = fixture().await;
    let without = WITHOUT_DECIMALS.split_whitespace().map(|currency| (currency, "5000", 5000));
    let with_two = WITH_TWO.split_whitespace().map(|currency| (currency, "49.90", 4990));
    for (currency, amount, minor) in without.chain(with_two) {
        let money = any(amount, currency);
        let request = ChargeRequest { money, ..fixture.charge_request("vault_ok") };
        let paid = fixture.charged(request.clone()).await;
        let charge = charge_of(&paid.1);
        assert_eq!(charge.money, Some(money), "{currency}");
        assert_eq!(charge.fee.map(|fee| fee.currency), Some(money.currency), "{currency}");
        assert_eq!(found(&fixture, &request, &charge.gateway_ref).await, paid.1, "{currency}");
        assert_eq!(taken(&fixture, &request).await, [minor], "{currency}");
        let refund = Ready::Refund(fixture.refund_request(&paid, amount));
        assert_eq!(charge_of(&fixture.send(&refund).await.report).money, Some(money), "{currency}");
        let request = ChargeRequest {
            capture: common::gateway::Capture::Manual,
            money,
            ..fixture.charge_request("vault_ok")
        };
        let capture = Ready::Capture(fixture.capture_request(&fixture.charged(request).await));
        assert_eq!(charge_of(&fixture.send(&capture).await.report).money, Some(money), "{currency}");
    }
}

#[tokio::test]
async fn what_paypal_could_not_take_is_not_sent() {
    let fixture = fixture().await;
    let paid = fixture.paid("vault_ok").await;
    let reserved = fixture.reserved("vault_ok").await;
    let halves = WITHOUT_DECIMALS.split_whitespace().map(|currency| (currency, "5000.5"));
    let thousandths = WITH_TWO.split_whitespace().map(|currency| (currency, "49.905"));
    let strangers = [("INR", "10.00"), ("KWD", "1.230"), ("ISK", "250")];
    for (currency, amount) in halves.chain(thousandths).chain(strangers) {
        let money = any(amount, currency);
        for ready in [
            Ready::Charge(ChargeRequest { money, ..fixture.charge_request("vault_ok") }),
            Ready::Capture(CaptureRequest { money, ..fixture.capture_request(&reserved) }),
            Ready::Refund(RefundRequest { money, ..fixture.refund_request(&paid, "49.90") }),
        ] {
            let answer = fixture.send(&ready).await;
            assert!(
                matches!(answer.report, Report::Refused { fault: Fault::Request, .. }),
                "{ready:?}: {answer:?}"
            );
            assert!(!answer.call.was_made(), "{ready:?}");
        }
    }
}
