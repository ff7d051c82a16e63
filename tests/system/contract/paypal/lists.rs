//! A payment among tens of thousands of others in PayPal's report.

use common::gateway::LookUp;

use super::bench;
use crate::contract::{bench::from_now, look_up_until_known, others, pages, vocabulary::Report};

#[tokio::test]
async fn the_seconds_of_the_call_are_read_first() {
    let bench = bench().await;
    others(&bench, 10_000, -300, 0).await;
    let request = bench.charge_request("vault_sandbox_drop_after");
    let answer = bench.gateway.charge(&request).await;
    assert!(matches!(answer.report, Report::Unknown { .. }), "{answer:?}");
    others(&bench, 10_000, -300, 0).await;
    let question = LookUp {
        reference: request.reference,
        gateway_ref: None,
        made_between: (from_now(0), from_now(0)),
        cursor: None,
        traceparent: None,
    };
    let (answer, look_ups) = look_up_until_known(&bench, question).await;
    assert!(matches!(answer.report, Report::Succeeded(_)), "{answer:?}");
    let read = pages(&bench, "/v1/reporting/transactions").await;
    assert!(read <= 2 * look_ups, "{read} pages were read for one payment among 20,000");
}
