//! A payment among tens of thousands of others that were made in the same minutes: found in few pages, and where our
//! clocks are apart, in the end.

use common::gateway::{LookUp, Resolution};
use serde_json::{Value, json};

use super::fixture;
use crate::contract::{
    fixture::{GatewayFixture, from_now},
    look_up_until_known, others, pages,
    vocabulary::Report,
};

const LIST: &str = "/v1/payment_intents";

/// Charged, and nobody knows: the answer was an error, and is kept under the key.
async fn charged_and_unknown(fixture: &GatewayFixture) -> LookUp {
    let request = fixture.charge_request("pm_sandbox_500_after");
    let answer = fixture.gateway.charge(&request).await;
    let in_doubt = matches!(&answer.report, Report::Unknown { resolution: Resolution::LookUp, .. });
    assert!(in_doubt, "{answer:?}");
    LookUp {
        reference: request.reference,
        gateway_ref: None,
        made_between: (from_now(0), from_now(0)),
        cursor: None,
        traceparent: None,
    }
}

#[tokio::test]
async fn the_seconds_of_the_call_are_read_first() {
    let fixture = fixture().await;
    others(&fixture, 10_000, -60, 0).await;
    let question = charged_and_unknown(&fixture).await;
    others(&fixture, 10_000, 0, 60).await;
    let (answer, look_ups) = look_up_until_known(&fixture, question).await;
    assert!(matches!(answer.report, Report::Succeeded(_)), "{answer:?}");
    let read = pages(&fixture, LIST).await;
    assert!(read <= 12 * look_ups, "{read} pages were read for one payment among 20,000");
}

/// Stripe's clock is a minute ahead of ours: much is read in vain before, over several look-ups, and nothing twice.
#[tokio::test]
async fn a_look_up_goes_on_where_the_last_one_stopped() {
    let fixture = fixture().await;
    fixture.control("clock", json!({ "advance_seconds": 60 })).await;
    others(&fixture, 4000, -180, 0).await;
    let mut question = charged_and_unknown(&fixture).await;
    others(&fixture, 4000, 0, 60).await;
    let slow = json!([{ "fault": "slow_before_50", "match": { "method": "GET", "path_prefix": LIST } }]);
    fixture.control("faults", slow).await;
    let (mut look_ups, mut found) = (0, None);
    while found.is_none() {
        look_ups += 1;
        assert!(look_ups < 30, "it goes on for ever");
        let answer = fixture.gateway.look_up(&question).await;
        match answer.report {
            Report::Unknown { .. } => assert_ne!(answer.cursor, question.cursor, "it has come no further"),
            report => found = Some(report),
        }
        question.cursor = answer.cursor;
    }
    assert!(matches!(found, Some(Report::Succeeded(_))), "{found:?}");
    assert!(look_ups > 1, "it was to take more than one");
    let read = pages(&fixture, LIST).await;
    assert!(read <= 80 + 5 + look_ups, "{read} pages in {look_ups} look-ups, of 80 that there are");
    let list = fixture.deployment.sandbox("GET", "/books", &Value::Null).await;
    assert_eq!(list["charges"].as_array().unwrap().len(), 1);
}
