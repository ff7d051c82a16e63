//! Charges: what is taken, reserved, declined, or waits for the payer.

use common::gateway::{ChargeRequest, Fault};

use super::bench::{Bench, Ready};
use crate::contract::vocabulary::Report;

pub async fn a_success_says_what_was_taken(bench: &Bench) {
    let (request, report) = bench.paid(bench.tokens.good).await;
    let Report::Succeeded(charge) = &report else { panic!("{report:?}") };
    assert_eq!(charge.money, Some(request.money));
    assert!(charge.charge_ref.is_some());
    let books = bench.books(&request.reference).await;
    assert_eq!(books["charges"][0]["captured"], 4990);
    let fee = charge.fee.expect("what the gateway keeps");
    let kept = books["charges"][0]["fee"].as_i64().unwrap();
    assert_eq!(fee.to_string(), format!("{}.{:02} EUR", kept / 100, kept % 100));
}

pub async fn a_reservation_says_what_was_reserved(bench: &Bench) {
    let (request, report) = bench.reserved(bench.tokens.good).await;
    let Report::Authorized(charge) = &report else { panic!("{report:?}") };
    assert_eq!((charge.money, charge.fee), (Some(request.money), None));
    assert_eq!(bench.found_charge(&request).await, report);
    assert_eq!(bench.books(&request.reference).await["charges"][0]["captured"], 0);
}

pub async fn a_decline_is_definite_and_classed(bench: &Bench) {
    for (token, class) in bench.tokens.declines {
        let (request, report) = bench.paid(token).await;
        let Report::Declined(decline) = &report else { panic!("{token}: {report:?}") };
        assert_eq!(decline.class, *class, "{token}");
        assert!(decline.gateway_ref.is_some(), "{token}");
        let again = bench.charged(request.clone()).await.1;
        assert_eq!(again, report, "{token}: a replay says the same");
        let Report::Declined(found) = bench.found_charge(&request).await else { panic!("{token}") };
        assert_eq!((found.class, &found.code), (decline.class, &decline.code), "{token}");
        assert_eq!(bench.times_done(&Ready::Charge(request)).await, 0);
    }
}

pub async fn an_authentication_has_a_page(bench: &Bench) {
    for return_url in [None, Some("https://shop.example/back".to_owned())] {
        let request = bench.charge_request(bench.tokens.asks_the_payer);
        let (request, report) = bench.charged(ChargeRequest { return_url, ..request }).await;
        let Report::RequiresAction { url: Some(url), .. } = &report else { panic!("{report:?}") };
        assert!(url.starts_with("http"));
        assert_eq!(bench.found_charge(&request).await, report);
    }
}

pub async fn without_a_token_nothing_is_sent(bench: &Bench) {
    let request = ChargeRequest { token: None, ..bench.charge_request("") };
    let answer = bench.gateway.charge(&request).await;
    assert!(matches!(answer.report, Report::Refused { fault: Fault::Request, .. }), "{answer:?}");
    assert!(!answer.call.was_made());
}
