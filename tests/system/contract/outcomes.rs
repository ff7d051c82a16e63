//! What can come of a call, the same for every operation: done, not done, nobody knows.

use common::gateway::{Fault, Resolution};
use tests::eventually;

use super::fixture::{GatewayFixture, Operation, Ready, look_up, new_name, send};
use crate::contract::vocabulary::Report;

pub async fn what_is_done_is_told_alike_by_all_who_are_asked(fixture: &GatewayFixture) {
    for operation in Operation::ALL {
        let ready = fixture.ready(operation, fixture.tokens.good).await;
        let found = fixture.found(&ready).await;
        assert!(operation.is_not_begun(&found), "{operation:?}: {found:?}");
        let answer = fixture.send(&ready).await;
        assert!(operation.is_done(&answer.report), "{operation:?}: {answer:?}");
        assert!(answer.call.request_id.is_some(), "{operation:?}");
        assert_eq!(fixture.found(&ready).await, answer.report, "{operation:?}");
        assert_eq!(fixture.send(&ready).await.report, answer.report, "{operation:?}: a replay says the same");
        assert_eq!(fixture.times_done(&ready).await, 1, "{operation:?}");
    }
}

pub async fn silence_is_unknown_and_a_replay_tells(fixture: &GatewayFixture) {
    for operation in Operation::ALL {
        for fault in
            ["timeout_before", "timeout_after", "drop_before", "drop_after", "slow_after_1500", "503_once"]
        {
            let ready = fixture.misbehaving(operation, fault).await;
            let first = fixture.send(&ready).await.report;
            assert!(
                matches!(first, Report::Unknown { resolution: Resolution::Replay, .. }),
                "{operation:?} {fault}: {first:?}"
            );
            let last = eventually("a replay tells", || async {
                let report = fixture.send(&ready).await.report;
                let is_open = matches!(report, Report::Unknown { resolution: Resolution::Replay, .. });
                (!is_open).then_some(report)
            })
            .await;
            assert!(operation.is_done(&last), "{operation:?} {fault}: {last:?}");
            assert_eq!(fixture.times_done(&ready).await, 1, "{operation:?} {fault}");
        }
    }
}

pub async fn what_did_not_run_is_told_apart_from_what_may_have(fixture: &GatewayFixture) {
    for operation in Operation::ALL {
        let limited = fixture.misbehaving(operation, "429_once").await;
        let report = fixture.send(&limited).await.report;
        assert!(matches!(report, Report::NotSent { .. }), "{operation:?}: {report:?}");
        assert_eq!(fixture.times_done(&limited).await, 0, "{operation:?}");
        assert!(operation.is_done(&fixture.send(&limited).await.report), "{operation:?}");

        let conflicting = fixture.misbehaving(operation, "409_once").await;
        let report = fixture.send(&conflicting).await.report;
        assert!(
            matches!(report, Report::Unknown { resolution: Resolution::Replay, .. }),
            "{operation:?}: {report:?}"
        );
        assert!(operation.is_done(&fixture.send(&conflicting).await.report), "{operation:?}");

        let ready = fixture.ready(operation, fixture.tokens.good).await;
        let report = send(&fixture.unreachable, &ready).await.report;
        assert!(matches!(report, Report::NotSent { .. }), "{operation:?}: {report:?}");
        let report = look_up(&fixture.unreachable, &ready).await.report;
        assert!(
            matches!(report, Report::Unknown { resolution: Resolution::LookUp, .. }),
            "{operation:?}: a look-up that fails says nothing: {report:?}"
        );
    }
}

/// No name, no connection, no TLS: nothing has left us.
pub async fn what_fails_before_sending_was_not_sent(fixture: &GatewayFixture) {
    let without_tls = fixture.deployment.sandbox_url().replacen("http:", "https:", 1);
    for url in ["http://127.0.0.1:9", "http://nobody.invalid", &without_tls] {
        let elsewhere = (fixture.at)(url);
        for operation in Operation::ALL {
            let ready = fixture.ready(operation, fixture.tokens.good).await;
            let report = send(&elsewhere, &ready).await.report;
            assert!(matches!(report, Report::NotSent { .. }), "{operation:?} {url}: {report:?}");
            assert_eq!(fixture.times_done(&ready).await, 0, "{operation:?} {url}");
        }
    }
}

pub async fn strangers_are_refused_and_somebody_is_woken(fixture: &GatewayFixture) {
    for operation in Operation::ALL {
        let ready = fixture.ready(operation, fixture.tokens.good).await;
        let report = send(&fixture.stranger, &ready).await.report;
        assert!(
            matches!(report, Report::Refused { fault: Fault::Credentials, .. }),
            "{operation:?}: {report:?}"
        );
        let report = look_up(&fixture.stranger, &ready).await.report;
        assert!(matches!(report, Report::Unknown { .. }), "{operation:?}: it says nothing: {report:?}");
        assert_eq!(fixture.times_done(&ready).await, 0, "{operation:?}");
    }
}

pub async fn what_the_gateway_has_never_heard_of_is_refused(fixture: &GatewayFixture) {
    for operation in Operation::ALL {
        let mut ready = match operation {
            Operation::Charge => fixture.ready(operation, fixture.tokens.unknown).await,
            _ => fixture.ready(operation, fixture.tokens.good).await,
        };
        let nobody = new_name("nobody");
        match &mut ready {
            Ready::Charge(_) => {}
            Ready::Capture(request) => {
                (request.gateway_ref, request.charge_ref) = (nobody.as_str().into(), Some(nobody.into()));
            }
            Ready::Cancel(request) => {
                (request.gateway_ref, request.charge_ref) = (nobody.as_str().into(), Some(nobody.into()));
            }
            Ready::Refund(request) => {
                (request.payment_ref, request.charge_ref) = (nobody.as_str().into(), Some(nobody.into()));
            }
        }
        let report = fixture.send(&ready).await.report;
        assert!(matches!(report, Report::Refused { fault: Fault::Request, .. }), "{operation:?}: {report:?}");
    }
}
