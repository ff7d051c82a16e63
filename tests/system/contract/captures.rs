//! Captures and cancellations: what becomes of money that was reserved.

use common::gateway::{CaptureRequest, Fault, Resolution};

use super::fixture::{GatewayFixture, Ready, charge_of, money};
use crate::contract::vocabulary::Report;

pub async fn a_part_may_be_taken_and_the_rest_is_given_free(fixture: &GatewayFixture) {
    let reserved = fixture.reserved(fixture.tokens.good).await;
    let request = CaptureRequest { money: money("30.00", "EUR"), ..fixture.capture_request(&reserved) };
    let ready = Ready::Capture(request);
    let report = fixture.send(&ready).await.report;
    let charge = charge_of(&report);
    assert_eq!(charge.money, Some(money("30.00", "EUR")));
    assert!(charge.fee.is_some() && charge.charge_ref.is_some(), "{charge:?}");
    assert_eq!(fixture.found(&ready).await, report);
    assert_eq!(fixture.books(&reserved.0.reference).await["charges"][0]["captured"], 3000);
}

/// Another request may have run, ours or somebody's in the gateway's dashboard: what it is now must be
/// asked, and is told.
pub async fn what_is_taken_or_called_off_already_is_looked_up(fixture: &GatewayFixture) {
    let taken = fixture.reserved(fixture.tokens.good).await;
    fixture.send(&Ready::Capture(fixture.capture_request(&taken))).await;
    let called_off = fixture.reserved(fixture.tokens.good).await;
    fixture.send(&Ready::Cancel(fixture.cancel_request(&called_off))).await;
    for reserved in [&taken, &called_off] {
        for ready in [
            Ready::Capture(fixture.capture_request(reserved)),
            Ready::Cancel(fixture.cancel_request(reserved)),
        ] {
            let report = fixture.send(&ready).await.report;
            assert!(
                matches!(report, Report::Unknown { resolution: Resolution::LookUp, .. }),
                "{ready:?}: {report:?}"
            );
            let found = fixture.found(&ready).await;
            if reserved.0.reference == taken.0.reference {
                assert!(matches!(found, Report::Succeeded(_)), "{found:?}");
            } else {
                assert!(matches!(found, Report::Canceled { .. }), "{found:?}");
            }
        }
    }
}

pub async fn more_than_was_reserved_is_not_taken(fixture: &GatewayFixture) {
    let reserved = fixture.reserved(fixture.tokens.good).await;
    let request = CaptureRequest { money: money("49.91", "EUR"), ..fixture.capture_request(&reserved) };
    let ready = Ready::Capture(request);
    let report = fixture.send(&ready).await.report;
    assert!(matches!(report, Report::Refused { fault: Fault::Request, .. }), "{report:?}");
    assert_eq!(fixture.times_done(&ready).await, 0);
    assert_eq!(fixture.found(&ready).await, reserved.1, "the reservation stands");
}

pub async fn what_waits_for_the_payer_can_be_called_off(fixture: &GatewayFixture) {
    let waiting = fixture.paid(fixture.tokens.asks_the_payer).await;
    let ready = Ready::Cancel(fixture.cancel_request(&waiting));
    let report = fixture.send(&ready).await.report;
    assert!(matches!(report, Report::Canceled { .. }), "{report:?}");
    assert_eq!(fixture.found(&ready).await, report);
}
