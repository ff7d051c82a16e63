//! Connections that say nothing, or half of something. They stop nobody, and hold up no end.
//!
//! `./dev faults` makes it five thousand; `REMIT_SILENT_CONNECTIONS` sets how many.

use std::time::Duration;

use reqwest::Method;
use tests::{Deployment, Merchant, Service, Settings, Wire, card, eventually};
use tokio::time::Instant;

/// Silent connections, unless asked for otherwise.
const SILENT: usize = 600;

/// Descriptors that a process has by default on many systems.
const USUAL_LIMIT: u32 = 1024;

/// Payments of one series by which a client's latency is measured.
const MEASURED: usize = 200;

/// What is no difference yet, on machines with other things to do.
const NOISE: Duration = Duration::from_millis(15);

fn silent_connections() -> usize {
    std::env::var("REMIT_SILENT_CONNECTIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(SILENT)
}

/// Opens so many connections: every other one has sent half a request, the others nothing.
async fn fall_silent(url: &str, count: usize) -> Vec<Wire> {
    let mut wires = Vec::with_capacity(count);
    for number in 0..count {
        let mut wire = Wire::open(url).await;
        if number % 2 == 0 {
            wire.send("POST /process-payment HTTP/1.1\r\nhost: x\r\ncontent-le").await;
        }
        wires.push(wire);
    }
    wires
}

/// The 99th percentile of how long payments take, one after the other: the best of three series, for what else the
/// machine does comes in bursts.
async fn latency(merchant: &Merchant, name: &str) -> Duration {
    let mut best = Duration::MAX;
    for series in 0..3 {
        let mut took = Vec::with_capacity(MEASURED);
        for number in 0..MEASURED {
            let begun = Instant::now();
            merchant.paid(&format!("{name}-{series}-{number}"), &card("1.00", "EUR", "pm_card_visa")).await;
            took.push(begun.elapsed());
        }
        took.sort_unstable();
        best = best.min(took[MEASURED * 99 / 100]);
    }
    best
}

/// Stops the API while a request is in flight, which is answered; answers how long that took.
async fn stop(deployment: &mut Deployment) -> Duration {
    let merchant = deployment.merchant.clone();
    let in_flight = tokio::spawn(async move {
        let headers = [("idempotency-key", "in flight"), ("prefer", "wait=1")];
        merchant.send(Method::POST, "/process-payment", &headers, &card("7.00", "EUR", "pm_card_visa")).await
    });
    let stored = "SELECT count(*) FROM payments WHERE idempotency_key = 'in flight'";
    eventually("it is in flight", || async { (deployment.count(stored).await == 1).then_some(()) }).await;
    let told = Instant::now();
    deployment.stop(Service::Api).await;
    let took = told.elapsed();
    let answer = in_flight.await.unwrap();
    assert_eq!((answer.status, answer.text("status")), (202, "pending"), "{answer:?}");
    took
}

/// With half again as many as there are descriptors. Whoever has waited longest makes room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_connections_than_descriptors_stop_nobody() {
    let _ = rlimit::increase_nofile_limit(8192);
    let settings =
        Settings { services: vec![Service::Api], descriptors: Some(USUAL_LIMIT), ..Settings::default() };
    let mut deployment = Deployment::start_with(settings).await;
    let merchant = deployment.merchant.clone();
    // Known before, and as quiet as the others since.
    let early = merchant.paid("early", &card("1.00", "EUR", "pm_card_visa")).await;
    let silent = fall_silent(&merchant.url, 1500).await;
    let still_open = silent.iter().filter(|wire| wire.is_silent()).count();
    assert!((600..USUAL_LIMIT as usize).contains(&still_open), "{still_open}");
    assert!(silent.iter().rev().take(600).all(Wire::is_silent), "those that came last have their time");
    // On a connection that is new, and on those that clients kept.
    for number in 0..20 {
        merchant.paid(&format!("{number}"), &card("1.00", "EUR", "pm_card_visa")).await;
        assert_eq!(
            Merchant::new(merchant.url.clone(), merchant.key.clone()).payment(&early).await.status,
            200
        );
        assert_eq!(Merchant::new(merchant.url.clone(), String::new()).get("/readyz").await.status, 200);
    }
    let (_, metrics) = deployment.api_tells("/metrics").await;
    assert!(
        metrics.contains("http_server_connections_closed_total{listener=\"public\",why=\"no room\"}"),
        "{metrics}"
    );
    let took = stop(&mut deployment).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    drop(silent);
}

/// The figures: a client's 99th percentile is less than twice what it is when all is quiet, and the end takes less
/// than two seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_slow_nobody_down() {
    let count = silent_connections();
    let _ = rlimit::increase_nofile_limit(count as u64 + 1024);
    let mut deployment = Deployment::api_alone().await;
    let merchant = deployment.merchant.clone();
    latency(&merchant, "warm").await;
    let quiet = latency(&merchant, "quiet").await;
    let silent = fall_silent(&merchant.url, count).await;
    let beside = latency(&merchant, "beside").await;
    println!("{count} silent connections: p99 {quiet:?} when all is quiet, {beside:?} beside them");
    assert!(silent.iter().rev().take(count / 2).all(Wire::is_silent), "they are open");
    assert!(beside < 2 * quiet.max(NOISE), "{quiet:?} {beside:?}");
    let took = stop(&mut deployment).await;
    println!("{count} silent connections: ended in {took:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    drop(silent);
}
