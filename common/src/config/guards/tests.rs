//! Every setting that a deployment must not start with, and those that it may.

use std::path::PathBuf;

use clap::Parser;

use super::*;
use crate::encryption::DEVELOPMENT_KEYS;

/// All settings that are looked at, as a process would have them.
#[derive(Parser)]
struct Process {
    #[command(flatten)]
    mode: ModeArgs,
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    broker: BrokerArgs,
    #[command(flatten)]
    gateways: GatewayArgs,
    #[command(flatten)]
    encryption: EncryptionArgs,
    #[arg(long, value_delimiter = ',', value_parser = crate::config::secret)]
    stripe_webhook_secrets: Vec<SecretString>,
    #[arg(long, value_delimiter = ',', default_value = "api.paypal.com")]
    paypal_cert_hosts: Vec<String>,
    #[arg(long)]
    paypal_test_root: Option<PathBuf>,
    #[arg(long)]
    test_clock: bool,
    #[command(flatten)]
    webhooks: WebhookArgs,
}

const LIVE: [(&str, &str); 9] = [
    ("mode", "live"),
    ("database-url", "postgres://remit:l0ng-and-random@db.internal/remit?sslmode=verify-full"),
    ("amqp-url", "amqps://remit:l0ng-and-random@mq.internal/%2f"),
    ("stripe-secret-key", "sk_live_51abc"),
    ("paypal-client-id", "AeA1QIZXiflr1"),
    ("paypal-client-secret", "EC1usMEUK8e9"),
    ("encryption-keys", "k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="),
    ("paypal-webhook-id", "8PT597110X687430L"),
    ("stripe-webhook-secrets", "whsec_5Y2bC8vK1mN4pQ7rT0wX3zA6dF9gJ2kL"),
];

const TEST: [(&str, &str); 9] = [
    ("mode", "test"),
    ("database-url", "postgres://remit:remit@postgres/remit"),
    ("amqp-url", "amqp://guest:guest@rabbitmq/%2f"),
    ("stripe-secret-key", "sk_test_sandbox"),
    ("stripe-url", "http://sandbox:8090"),
    ("paypal-url", "http://sandbox:8090"),
    ("paypal-client-id", "AeA1QIZXiflr1-of-a-test-account"),
    ("stripe-webhook-secrets", "whsec_sandbox"),
    ("paypal-test-root", "sandbox/certificates/root.pem"),
];

/// What is said of these settings, with others in their place.
fn said(settings: &[(&str, &str)], instead: &[(&str, &str)]) -> Result<(), String> {
    let others = settings.iter().filter(|(name, _)| instead.iter().all(|(other, _)| other != name));
    let arguments = others.chain(instead).map(|(name, value)| match *value {
        "" => format!("--{name}"),
        value => format!("--{name}={value}"),
    });
    let process = Process::parse_from(std::iter::once("process".to_owned()).chain(arguments));
    Guards::new(process.mode)
        .database(&process.database)
        .broker(&process.broker)
        .gateways(&process.gateways)
        .encryption(&process.encryption)
        .events(&EventArgs {
            stripe_webhook_secrets: process.stripe_webhook_secrets,
            paypal_webhook_id: process.gateways.paypal_webhook_id,
            paypal_cert_hosts: process.paypal_cert_hosts,
            paypal_test_root: process.paypal_test_root,
        })
        .test_clock(process.test_clock)
        .webhooks(&process.webhooks)
        .check()
}

#[test]
fn what_may_start_starts() {
    assert_eq!(said(&LIVE, &[]), Ok(()));
    assert_eq!(said(&TEST, &[("test-clock", ""), ("webhook-allow-private", "")]), Ok(()));
    for near in [
        ("database-url", "postgres://remit:remit@localhost/remit"),
        ("database-url", "postgres://postgres@127.0.0.1:5432/remit"),
        ("database-url", "postgres:///remit?host=/var/run/postgresql"),
        ("amqp-url", "amqp://guest:guest@127.0.0.1:5672/%2f"),
        ("amqp-url", "amqp://guest:guest@[::1]/%2f"),
        ("stripe-secret-key", "rk_live_51abc"),
        ("paypal-url", "https://api.paypal.com"),
    ] {
        assert_eq!(said(&LIVE, &[near]), Ok(()), "{near:?}");
    }
}

#[test]
fn live_refuses_each_fault_by_its_setting() {
    for (name, value, sentence) in [
        (
            "database-url",
            "postgres://remit:x9@db.internal/remit",
            "DATABASE_URL goes to another host, and may go there",
        ),
        (
            "database-url",
            "postgres://remit:x9@db.internal/remit?sslmode=prefer",
            "DATABASE_URL goes to another host",
        ),
        (
            "database-url",
            "postgres://remit:x9@10.0.0.7/remit?sslmode=disable",
            "DATABASE_URL goes to another host",
        ),
        (
            "database-url",
            "postgres://remit:remit@db/remit?sslmode=require",
            "DATABASE_URL has a password that everybody",
        ),
        ("amqp-url", "amqp://remit:x9@mq.internal/%2f", "AMQP_URL goes to another host in the clear"),
        ("amqp-url", "amqps://guest:guest@mq.internal/%2f", "AMQP_URL has a password that everybody"),
        ("amqp-url", "amqps://mq.internal/", "AMQP_URL goes to another host as nobody"),
        ("amqp-url", "amqps://remit@mq.internal/", "AMQP_URL goes to another host as nobody"),
        ("stripe-url", "http://api.stripe.com", "REMIT_STRIPE_URL is not encrypted"),
        ("stripe-url", "http://127.0.0.1:8090", "REMIT_STRIPE_URL is not encrypted"),
        ("stripe-url", "https://sandbox:8090", "REMIT_STRIPE_URL is not the gateway's own address"),
        (
            "stripe-url",
            "https://api.stripe.com.evil.example",
            "REMIT_STRIPE_URL is not the gateway's own address",
        ),
        ("stripe-url", "https://api.stripe.com:8443", "REMIT_STRIPE_URL is not the gateway's own address"),
        ("stripe-secret-key", "sk_test_sandbox", "REMIT_STRIPE_SECRET_KEY is not a live key"),
        ("stripe-secret-key", "sk_test_51abc", "REMIT_STRIPE_SECRET_KEY is not a live key"),
        ("paypal-url", "http://sandbox:8090", "REMIT_PAYPAL_URL is not encrypted"),
        (
            "paypal-url",
            "https://api-m.sandbox.paypal.com",
            "REMIT_PAYPAL_URL is not the gateway's own address",
        ),
        ("paypal-client-id", "test_sandbox", "REMIT_PAYPAL_CLIENT_ID is the sandbox's"),
        ("paypal-client-secret", "test_system", "REMIT_PAYPAL_CLIENT_SECRET is the sandbox's"),
        ("paypal-webhook-id", "SANDBOXWEBHOOK", "REMIT_PAYPAL_WEBHOOK_ID is the sandbox's"),
        ("stripe-webhook-secrets", "whsec_sandbox", "REMIT_STRIPE_WEBHOOK_SECRETS has one that"),
        (
            "stripe-webhook-secrets",
            "whsec_5Y2bC8vK1mN4pQ7rT0wX3zA6dF9gJ2kL,whsec_short",
            "REMIT_STRIPE_WEBHOOK_SECRETS has one that",
        ),
        (
            "stripe-webhook-secrets",
            "5Y2bC8vK1mN4pQ7rT0wX3zA6dF9gJ2kLmN",
            "REMIT_STRIPE_WEBHOOK_SECRETS has one that",
        ),
        ("paypal-test-root", "sandbox/certificates/root.pem", "REMIT_PAYPAL_TEST_ROOT trusts the sandbox's"),
        ("paypal-cert-hosts", "api.paypal.com,paypal.com.evil.example", "REMIT_PAYPAL_CERT_HOSTS has a host"),
        ("paypal-cert-hosts", "notpaypal.com", "REMIT_PAYPAL_CERT_HOSTS has a host"),
        ("test-clock", "", "REMIT_TEST_CLOCK lets merchants move the clock"),
    ] {
        is_refused(name, value, sentence);
    }
}

#[test]
fn live_has_keys_of_its_own_for_secrets_at_rest() {
    for (name, value, sentence) in [
        ("encryption-keys", " ", "REMIT_ENCRYPTION_KEYS is missing"),
        ("encryption-keys", DEVELOPMENT_KEYS, "REMIT_ENCRYPTION_KEYS has the development key"),
        ("encryption-keys", "k1:AQEB", "REMIT_ENCRYPTION_KEYS must be keys"),
        (
            "encryption-keys-file",
            "/nowhere",
            "REMIT_ENCRYPTION_KEYS and REMIT_ENCRYPTION_KEYS_FILE are both set",
        ),
    ] {
        is_refused(name, value, sentence);
    }
}

/// Live refuses a setting with that sentence, and with nothing else.
fn is_refused(name: &str, value: &str, sentence: &str) {
    let said = said(&LIVE, &[(name, value)]).expect_err(value);
    assert!(said.contains(sentence), "{value}: {said}");
    assert_eq!(said.matches("\n- ").count(), 1, "one fault, one sentence: {said}");
}

/// A setting that is there and says nothing, as compose files have them.
#[test]
fn what_is_empty_is_not_set() {
    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        mode: ModeArgs,
        #[command(flatten)]
        events: EventArgs,
    }
    for secrets in ["", "whsec_5Y2bC8vK1mN4pQ7rT0wX3zA6dF9gJ2kL,"] {
        let secrets = format!("--stripe-webhook-secrets={secrets}");
        let empty = ["process", "--mode=live", "--paypal-test-root=", "--paypal-cert-hosts=", &secrets];
        let Alone { mode, events } = Alone::try_parse_from(empty).unwrap();
        assert_eq!(Guards::new(mode).events(&events).check(), Ok(()));
        assert_eq!(events.test_root(), None);
        assert_eq!(events.cert_hosts()[0], "api.paypal.com");
    }
}

#[test]
fn in_test_no_real_money_moves() {
    for (instead, sentence) in [
        (("stripe-secret-key", "sk_live_51abc"), "REMIT_STRIPE_SECRET_KEY is a live key"),
        (("stripe-secret-key", "rk_live_51abc"), "REMIT_STRIPE_SECRET_KEY is a live key"),
        (("paypal-url", "https://api-m.paypal.com"), "REMIT_PAYPAL_URL is where PayPal moves real money"),
    ] {
        let said = said(&TEST, &[instead]).expect_err(sentence);
        assert!(said.contains(sentence), "{said}");
    }
    // PayPal's address is the default: without an application nothing is sent there.
    let without_paypal: Vec<_> = TEST.into_iter().filter(|(name, _)| !name.starts_with("paypal")).collect();
    assert_eq!(said(&without_paypal, &[]), Ok(()));
    let with_the_sandboxs =
        [("paypal-url", "https://api-m.paypal.com"), ("paypal-client-id", "test_sandbox")];
    assert_eq!(said(&TEST, &with_the_sandboxs), Ok(()));
}

#[test]
fn all_faults_are_told_at_once_and_no_secret_with_them() {
    let said = said(
        &TEST,
        &[
            ("mode", "live"),
            ("test-clock", ""),
            ("stripe-secret-key", "sk_test_hidden"),
            ("paypal-client-id", "test_sandbox"),
        ],
    )
    .unwrap_err();
    for setting in [
        "DATABASE_URL",
        "AMQP_URL",
        "REMIT_STRIPE_URL",
        "REMIT_STRIPE_SECRET_KEY",
        "REMIT_PAYPAL_URL",
        "REMIT_PAYPAL_CLIENT_ID",
        "REMIT_STRIPE_WEBHOOK_SECRETS",
        "REMIT_TEST_CLOCK",
    ] {
        assert!(said.contains(&format!("\n- {setting} ")), "{setting}: {said}");
    }
    for secret in ["sk_test_hidden", "guest", "whsec_sandbox"] {
        assert!(!said.contains(secret), "{said}");
    }
}
