//! Captures and cancellations: what becomes of money that was reserved.

use common::gateway::{CaptureRequest, Fault, Resolution};

use super::bench::{Bench, Ready, charge_of, money};
use crate::contract::vocabulary::Report;

pub async fn a_part_may_be_taken_and_the_rest_is_given_free(bench: &Bench) {
    let reserved = bench.reserved(bench.tokens.good).await;
    let request = CaptureRequest { money: money("30.00", "EUR"), ..bench.capture_request(&reserved) };
    let ready = Ready::Capture(request);
    let report = bench.send(&ready).await.report;
    let charge = charge_of(&report);
    assert_eq!(charge.money, Some(money("30.00", "EUR")));
    assert!(charge.fee.is_some() && charge.charge_ref.is_some(), "{charge:?}");
    assert_eq!(bench.found(&ready).await, report);
    assert_eq!(bench.books(&reserved.0.reference).await["charges"][0]["captured"], 3000);
}

/// Another request may have run, ours or somebody's in the gateway's dashboard: what it is now must be
/// asked, and is told.
pub async fn what_is_taken_or_called_off_already_is_looked_up(bench: &Bench) {
    let taken = bench.reserved(bench.tokens.good).await;
    bench.send(&Ready::Capture(bench.capture_request(&taken))).await;
    let called_off = bench.reserved(bench.tokens.good).await;
    bench.send(&Ready::Cancel(bench.cancel_request(&called_off))).await;
    for reserved in [&taken, &called_off] {
        for ready in
            [Ready::Capture(bench.capture_request(reserved)), Ready::Cancel(bench.cancel_request(reserved))]
        {
            let report = bench.send(&ready).await.report;
            assert!(
                matches!(report, Report::Unknown { resolution: Resolution::LookUp, .. }),
                "{ready:?}: {report:?}"
            );
            let found = bench.found(&ready).await;
            if reserved.0.reference == taken.0.reference {
                assert!(matches!(found, Report::Succeeded(_)), "{found:?}");
            } else {
                assert!(matches!(found, Report::Canceled { .. }), "{found:?}");
            }
        }
    }
}

pub async fn more_than_was_reserved_is_not_taken(bench: &Bench) {
    let reserved = bench.reserved(bench.tokens.good).await;
    let request = CaptureRequest { money: money("49.91", "EUR"), ..bench.capture_request(&reserved) };
    let ready = Ready::Capture(request);
    let report = bench.send(&ready).await.report;
    assert!(matches!(report, Report::Refused { fault: Fault::Request, .. }), "{report:?}");
    assert_eq!(bench.times_done(&ready).await, 0);
    assert_eq!(bench.found(&ready).await, reserved.1, "the reservation stands");
}

pub async fn what_waits_for_the_payer_can_be_called_off(bench: &Bench) {
    let waiting = bench.paid(bench.tokens.asks_the_payer).await;
    let ready = Ready::Cancel(bench.cancel_request(&waiting));
    let report = bench.send(&ready).await.report;
    assert!(matches!(report, Report::Canceled { .. }), "{report:?}");
    assert_eq!(bench.found(&ready).await, report);
}
