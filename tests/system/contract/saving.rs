//! Methods that are saved once, and charged again and again while their payer is away.

use common::gateway::{DeclineClass, Resolution};

use super::fixture::{GatewayFixture, Ready, charge_of};
use crate::contract::vocabulary::Report;

pub async fn what_is_saved_is_charged_without_its_payer_again_and_again(fixture: &GatewayFixture) {
    let request = fixture.save_request(fixture.tokens.good);
    let report = fixture.gateway.save_method(&request).await.report;
    let Report::Saved { method, .. } = &report else { panic!("{report:?}") };
    assert_eq!(fixture.gateway.save_method(&request).await.report, report, "a replay says the same");
    let renewals: Vec<_> = (0..12).map(|_| fixture.renewal(method)).collect();
    for renewal in &renewals {
        let (_, paid) = fixture.charged(renewal.clone()).await;
        assert_eq!(charge_of(&paid).money, Some(renewal.money));
        assert_eq!(fixture.charged(renewal.clone()).await.1, paid, "a replay says the same");
        assert_eq!(fixture.found_charge(renewal).await, paid);
        assert_eq!(fixture.times_done(&Ready::Charge(renewal.clone())).await, 1);
    }
    let all = fixture.deployment.sandbox("GET", "/books", &serde_json::Value::Null).await;
    assert_eq!(all["charges"].as_array().unwrap().len(), renewals.len(), "saving takes nothing");
}

pub async fn without_its_payer_a_decline_is_definite_and_classed(fixture: &GatewayFixture) {
    for (token, class) in fixture.tokens.saved_declines {
        let saved = fixture.saved(token).await;
        for _ in 0..2 {
            let (request, report) = fixture.charged(fixture.renewal(&saved)).await;
            let Report::Declined(decline) = &report else { panic!("{token}: {report:?}") };
            assert_eq!(decline.class, *class, "{token}");
            assert_eq!(fixture.charged(request.clone()).await.1, report, "{token}: a replay says the same");
            assert_eq!(fixture.times_done(&Ready::Charge(request)).await, 0, "{token}");
        }
    }
}

/// Nobody is there to be sent anywhere: it is declined, and the payer may change that.
pub async fn what_needs_the_payer_is_declined_without_them(fixture: &GatewayFixture) {
    let saved = fixture.saved(fixture.tokens.asks_the_payer).await;
    for return_url in [None, Some("https://shop.example/back".to_owned())] {
        let mut renewal = fixture.renewal(&saved);
        renewal.return_url = return_url;
        let (renewal, report) = fixture.charged(renewal).await;
        let Report::Declined(decline) = &report else { panic!("{report:?}") };
        assert_eq!(decline.class, DeclineClass::Customer);
        assert!(decline.gateway_ref.is_some());
        assert_eq!(fixture.charged(renewal.clone()).await.1, report, "a replay says the same");
        assert_eq!(fixture.times_done(&Ready::Charge(renewal.clone())).await, 0);

        let mut with_payer = fixture.renewal(&saved);
        with_payer.off_session = false;
        with_payer.return_url = renewal.return_url;
        let (_, report) = fixture.charged(with_payer).await;
        assert!(matches!(report, Report::RequiresAction { url: Some(_), .. }), "{report:?}");
    }
}

pub async fn silence_about_a_saved_method_is_unknown_and_a_replay_tells(fixture: &GatewayFixture) {
    for fault in ["timeout_after", "drop_before", "drop_after", "503_once", "409_once"] {
        let saved = fixture.saved(&format!("{}{fault}", fixture.tokens.misbehaving)).await;
        for _ in 0..2 {
            let (renewal, first) = fixture.charged(fixture.renewal(&saved)).await;
            let is_unknown = matches!(first, Report::Unknown { resolution: Resolution::Replay, .. });
            assert!(is_unknown, "{fault}: {first:?}");
            let report = fixture.charged(renewal.clone()).await.1;
            assert_eq!(charge_of(&report).money, Some(renewal.money), "{fault}");
            assert_eq!(fixture.times_done(&Ready::Charge(renewal)).await, 1, "{fault}");
        }
    }
}
