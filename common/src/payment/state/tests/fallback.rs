//! When a payment goes on at its other gateway.

use super::*;

/// Another gateway is asked only where the first has certainly taken nothing.
#[test]
fn another_gateway_is_asked_only_where_the_first_took_nothing() {
    let soft = declined();
    let hard = Ok(ChargeOutcome::Declined(Decline {
        class: DeclineClass::Hard,
        code: "lost_card".into(),
        message: "no".into(),
        gateway_ref: None,
    }));
    for (report, calls_begun, on_soft_decline, falls_back) in [
        (not_sent(), 1, false, true),
        (deferred(), 1, false, true),
        // A gateway that is there, and makes us wait.
        (
            Err(InDoubt::NotSent { why: "limited".into(), retry_after: None, obstacle: Obstacle::Busy }),
            1,
            true,
            false,
        ),
        (
            Err(InDoubt::Deferred { why: "busy".into(), wait: Duration::ZERO, obstacle: Obstacle::Busy }),
            1,
            true,
            false,
        ),
        (not_sent(), 2, true, false),
        (deferred(), 2, true, false),
        (soft.clone(), 1, true, true),
        (soft, 1, false, false),
        (hard, 1, true, false),
        (unknown(Resolution::Replay), 1, true, false),
        (unknown(Resolution::LookUp), 1, true, false),
        (refused(Fault::Request), 1, true, false),
        (processing(), 1, true, false),
    ] {
        let mut payment = Payment { call_log: call_log(calls_begun, 0), ..payment(Processing) };
        payment.route.fallback = Some(crate::payment::Fallback {
            method: MethodType::Paypal,
            token: "vault_ok".into(),
            gateway: GatewayName::Paypal,
            on_soft_decline,
        });
        let (first_key, change) = (payment.key(), apply(&payment, &report, charging(1)));
        let is_rerouted = change.to == Some(Outcome::Rerouted);
        assert_eq!(is_rerouted, falls_back, "{report:?} after {calls_begun} calls");
        if is_rerouted {
            enter(&mut payment, Outcome::Rerouted, at(1));
            assert_ne!(payment.key(), first_key);
            assert_eq!((payment.route.gateway, payment.status), (GatewayName::Paypal, Processing));
            assert_eq!(payment.call_log, CallLog::default());
            // Once.
            assert_ne!(apply(&payment, &report, charging(2)).to, Some(Outcome::Rerouted));
        }
    }
}
