//! Money that was reserved: whoever comes late is told at once what became of it.

use common::gateway::CaptureRequest;
use serde_json::json;

use super::{fixture, found, taken};
use crate::contract::{
    fixture::{Ready, charge_of, money},
    vocabulary::Report,
};

#[tokio::test]
async fn a_reservation_is_found_by_its_order() {
    let fixture = fixture().await;
    let (request, report) = fixture.reserved("vault_ok").await;
    let Report::Authorized(charge) = &report else { panic!("{report:?}") };
    assert_eq!((charge.money, charge.fee), (Some(request.money), None));
    assert_eq!(found(&fixture, &request, &charge.gateway_ref).await, report);
    assert_eq!(taken(&fixture, &request).await, [0]);
}

#[tokio::test]
async fn what_is_taken_already_is_told_at_once() {
    let fixture = fixture().await;
    let reserved = fixture.reserved("vault_ok").await;
    let part = CaptureRequest { money: money("30.00", "EUR"), ..fixture.capture_request(&reserved) };
    let report = fixture.send(&Ready::Capture(part)).await.report;
    assert_ne!(
        charge_of(&report).charge_ref,
        charge_of(&reserved.1).charge_ref,
        "it is refunded by its own name"
    );
    for late in
        [Ready::Capture(fixture.capture_request(&reserved)), Ready::Cancel(fixture.cancel_request(&reserved))]
    {
        assert_eq!(fixture.send(&late).await.report, report, "{late:?}");
    }
    assert_eq!(taken(&fixture, &reserved.0).await, [3000]);
}

#[tokio::test]
async fn what_is_called_off_or_expired_already_is_told_at_once() {
    let fixture = fixture().await;
    let called_off = fixture.reserved("vault_ok").await;
    fixture.send(&Ready::Cancel(fixture.cancel_request(&called_off))).await;
    let expired = fixture.reserved("vault_ok").await;
    fixture.control("clock", json!({ "advance_seconds": 30 * 24 * 3600 })).await;
    for reserved in [&called_off, &expired] {
        let canceled = Report::Canceled { gateway_ref: charge_of(&reserved.1).gateway_ref.clone() };
        for late in [
            Ready::Cancel(fixture.cancel_request(reserved)),
            Ready::Capture(fixture.capture_request(reserved)),
        ] {
            assert_eq!(fixture.send(&late).await.report, canceled, "{late:?}");
            assert_eq!(fixture.found(&late).await, canceled, "{late:?}");
        }
        assert_eq!(taken(&fixture, &reserved.0).await, [0]);
    }
}
