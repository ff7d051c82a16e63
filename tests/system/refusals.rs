//! Whose a refusal is: the merchant's matter, the gateway's account's, or our credentials'. Told over HTTP, and to
//! whoever is woken.

use std::net::TcpListener;

use common::alarm::Alarm;
use serde_json::json;
use tests::{Deployment, Merchant, Service, paypal};

const CREDENTIALS: &str = Alarm::CredentialsRefused.as_str();
const ACCOUNT: &str = Alarm::AccountUnusable.as_str();

/// A deployment, and where its worker shows its metrics.
async fn with_metrics() -> (Deployment, String) {
    let mut deployment = Deployment::start().await;
    deployment.kill(Service::Worker).await;
    // Below the ports that are given to whoever asks for any: nobody else takes it meanwhile.
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    let port = (first..first + 2000).find(free).expect("a free port");
    let address: &'static str = Box::leak(format!("127.0.0.1:{port}").into_boxed_str());
    deployment.set("REMIT_METRICS_ADDR", address);
    deployment.run(Service::Worker).await;
    (deployment, format!("http://{address}/metrics"))
}

async fn metrics(url: &str) -> String {
    let client = common::gateway::http_client(tests::PATIENCE).unwrap();
    tests::eventually("the worker shows its metrics", || async {
        client.get(url).send().await.ok()?.text().await.ok()
    })
    .await
}

/// What somebody was woken for so far, by the metrics and by the log: they must agree.
async fn alarms(deployment: &Deployment, url: &str) -> Vec<&'static str> {
    let (metrics, log) = (metrics(url).await, deployment.log(Service::Worker));
    let errors = log.lines().filter(|line| line.contains("\"ERROR\"")).count();
    let mut found = Vec::new();
    for alarm in [CREDENTIALS, ACCOUNT] {
        let counted = metrics.lines().find(|line| line.contains(&format!("alarm=\"{alarm}\"")));
        let counted = counted.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap());
        found.extend(std::iter::repeat_n(alarm, counted));
    }
    assert_eq!(errors, found.len(), "{log}");
    let alarms = metrics.lines().filter(|line| line.starts_with("alarms_total")).count();
    assert!(alarms <= 2, "{metrics}");
    assert!(!metrics.contains("gateway_circuit_open{gateway=\"paypal\"} 1"), "{metrics}");
    found
}

async fn refused_refund(merchant: &Merchant, issue: &str) -> serde_json::Value {
    let vault = format!("vault_refund_issue_{issue}");
    let payment = merchant.paid_up(issue, &paypal("10.00", "EUR", Some(&vault))).await;
    let refund = merchant.refunded(issue, &payment, None).await;
    let ended = merchant.refund_with(&refund, &["failed"]).await;
    let shown = merchant.payment(&payment).await.body;
    assert_eq!((&shown["amount_refunded"], &shown["amount_refunding"]), (&json!("0.00"), &json!("0.00")));
    ended["failure"].clone()
}

/// A refund that PayPal will not make is told with its reason, and nobody is woken for it.
#[tokio::test]
async fn a_refund_that_will_not_be_made_is_the_merchants_matter() {
    let (deployment, url) = with_metrics().await;
    for (issue, says) in [
        ("REFUND_TIME_LIMIT_EXCEEDED", "The time in which the gateway gives this payment back is over"),
        ("REFUND_FAILED_INSUFFICIENT_FUNDS", "too little money for this refund"),
        ("REFUND_IS_RESTRICTED", "only by whoever took it"),
        ("MAX_NUMBER_OF_REFUNDS_EXCEEDED", "no more refunds of this payment"),
        ("TRANSACTION_DISPUTED", "The payment is disputed"),
        ("PAYER_ACCOUNT_LOCKED_OR_CLOSED", "given back in another way"),
    ] {
        let failure = refused_refund(&deployment.merchant, issue).await;
        assert_eq!(failure["code"], issue.to_lowercase(), "{failure}");
        assert!(failure["message"].as_str().unwrap().contains(says), "{failure}");
    }
    assert_eq!(alarms(&deployment, &url).await, [] as [&str; 0]);
    deployment.quiet().await;
    deployment.check_books().await;
}

/// Nobody is woken for one payer; for the account that gets the money, and for our credentials, each by its own name.
#[tokio::test]
async fn somebody_is_woken_for_what_every_payment_will_meet() {
    let (deployment, url) = with_metrics().await;
    let mut woken_for = Vec::new();
    for (issue, code, says, alarm) in [
        ("PAYEE_BLOCKED_TRANSACTION", "payment_declined", "another payment method", None),
        ("TOKEN_ID_NOT_FOUND", "token_id_not_found", "one of this account's", None),
        ("PAYEE_ACCOUNT_RESTRICTED", "gateway_account", "is restricted; its owner", Some(ACCOUNT)),
        ("TRANSACTION_RECEIVING_LIMIT_EXCEEDED", "gateway_account", "limit lifted", Some(ACCOUNT)),
        ("PERMISSION_DENIED", "gateway_configuration", "cannot be used at the moment", Some(CREDENTIALS)),
    ] {
        let vault = format!("vault_issue_{issue}");
        let payment = deployment.merchant.paid(issue, &paypal("10.00", "EUR", Some(&vault))).await;
        let failure = &deployment.merchant.payment_with(&payment, &["failed"]).await["failure"];
        assert_eq!(failure["code"], code, "{issue}: {failure}");
        assert!(failure["message"].as_str().unwrap().contains(says), "{issue}: {failure}");
        woken_for.extend(alarm);
        woken_for.sort_unstable();
        let mut alarms = alarms(&deployment, &url).await;
        alarms.sort_unstable();
        assert_eq!(alarms, woken_for, "{issue}");
    }
    deployment.quiet().await;
    deployment.check_books().await;
}
