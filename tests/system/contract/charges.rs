//! Charges: what is taken, reserved, declined, or waits for the payer.

use common::gateway::{ChargeRequest, Fault};

use super::fixture::{GatewayFixture, Ready};
use crate::contract::vocabulary::Report;

pub async fn a_success_says_what_was_taken(fixture: &GatewayFixture) {
    let (request, report) = fixture.paid(fixture.tokens.good).await;
    let Report::Succeeded(charge) = &report else { panic!("{report:?}") };
    assert_eq!(charge.money, Some(request.money));
    assert!(charge.charge_ref.is_some());
    let books = fixture.books(&request.reference).await;
    assert_eq!(books["charges"][0]["captured"], 4990);
    let fee = charge.fee.expect("what the gateway keeps");
    let kept = books["charges"][0]["fee"].as_i64().unwrap();
    assert_eq!(fee.to_string(), format!("{}.{:02} EUR", kept / 100, kept % 100));
}

pub async fn a_reservation_says_what_was_reserved(fixture: &GatewayFixture) {
    let (request, report) = fixture.reserved(fixture.tokens.good).await;
    let Report::Authorized(charge) = &report else { panic!("{report:?}") };
    assert_eq!((charge.money, charge.fee), (Some(request.money), None));
    assert_eq!(fixture.found_charge(&request).await, report);
    assert_eq!(fixture.books(&request.reference).await["charges"][0]["captured"], 0);
}

pub async fn a_decline_is_definite_and_classed(fixture: &GatewayFixture) {
    for (token, class) in fixture.tokens.declines {
        let (request, report) = fixture.paid(token).await;
        let Report::Declined(decline) = &report else { panic!("{token}: {report:?}") };
        assert_eq!(decline.class, *class, "{token}");
        assert!(decline.gateway_ref.is_some(), "{token}");
        let again = fixture.charged(request.clone()).await.1;
        assert_eq!(again, report, "{token}: a replay says the same");
        let Report::Declined(found) = fixture.found_charge(&request).await else { panic!("{token}") };
        assert_eq!((found.class, &found.code), (decline.class, &decline.code), "{token}");
        assert_eq!(fixture.times_done(&Ready::Charge(request)).await, 0);
    }
}

pub async fn an_authentication_has_a_page(fixture: &GatewayFixture) {
    for return_url in [None, Some("https://shop.example/back".to_owned())] {
        let request = fixture.charge_request(fixture.tokens.asks_the_payer);
        let (request, report) = fixture.charged(ChargeRequest { return_url, ..request }).await;
        let Report::RequiresAction { url: Some(url), .. } = &report else { panic!("{report:?}") };
        assert!(url.starts_with("http"));
        assert_eq!(fixture.found_charge(&request).await, report);
    }
}

pub async fn without_a_token_nothing_is_sent(fixture: &GatewayFixture) {
    let request = ChargeRequest { token: None, ..fixture.charge_request("") };
    let answer = fixture.gateway.charge(&request).await;
    assert!(matches!(answer.report, Report::Refused { fault: Fault::Request, .. }), "{answer:?}");
    assert!(!answer.call.was_made());
}
