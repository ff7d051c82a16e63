//! A payment among tens of thousands of others in PayPal's report.

use common::gateway::LookUp;

use super::fixture;
use crate::contract::{fixture::from_now, look_up_until_known, others, pages, vocabulary::Report};

#[tokio::test]
async fn the_seconds_of_the_call_are_read_first() {
    let fixture = fixture().await;
    others(&fixture, 10_000, -300, 0).await;
    let request = fixture.charge_request("vault_sandbox_drop_after");
    let answer = fixture.gateway.charge(&request).await;
    assert!(matches!(answer.report, Report::Unknown { .. }), "{answer:?}");
    others(&fixture, 10_000, -300, 0).await;
    let question = LookUp {
        reference: request.reference,
        gateway_ref: None,
        made_between: (from_now(0), from_now(0)),
        cursor: None,
        traceparent: None,
    };
    let (answer, look_ups) = look_up_until_known(&fixture, question).await;
    assert!(matches!(answer.report, Report::Succeeded(_)), "{answer:?}");
    let read = pages(&fixture, "/v1/reporting/transactions").await;
    assert!(read <= 2 * look_ups, "{read} pages were read for one payment among 20,000");
}
