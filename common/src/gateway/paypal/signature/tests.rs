//! PayPal's own signature, made by its simulator of webhooks on 30 July 2024, and forgeries of it.

use chrono::TimeZone as _;

use super::*;

const LEAF: &str = include_str!("vector/paypal.pem");
const ROOT: &[u8] = include_bytes!("vector/root.pem");
const BODY: &[u8] = include_bytes!("vector/event.json");
const SIGNATURE: &str = "MOKfu0nT75NZoa5+Zq3Bxx/vs4TZfd6aVje6+F3fE4cBM1BcdRGmABTj/hJ4yPY0q8QxRjo6e2/PK22Tle4XxjPjoBnMig\
mbQP/bay3QfYKf12e1HGuZjtJ5kQX+kweY+QhnLmTv2vIuLXAAeLqcg07hs7pZgFP/K2otxG58enQ0HM/WER2+klpfFLViVE6tzBksbMGtRmykfXqO592GEp\
gvdeshX3MdabgMYnfrT2+ttgRmpo1DvbZ6z0TWPhQ487y4ZH/aR6yQfXTNwta43CNHjKRxc/PrY1pQ8KXDpBafrsnyxygH+98vW8L0zIO2c7kUMa4ZY+Onhf\
PayaWT5Q==";
/// What the simulator signs for.
const WEBHOOK: &str = "WEBHOOK_ID";
const PLACE: &str = "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-1a5f47cb";

fn headers() -> BTreeMap<String, String> {
    [
        ("paypal-auth-algo", ALGORITHM),
        ("paypal-cert-url", PLACE),
        ("paypal-transmission-id", "8ad71ae0-4e5e-11ef-b16d-8fad525a7f7b"),
        ("paypal-transmission-sig", SIGNATURE),
        ("paypal-transmission-time", "2024-07-30T10:29:03Z"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn sources() -> Sources {
    Sources { hosts: vec!["api.paypal.com".into(), "127.0.0.1:8090".into()], plain: false }
}

/// When it was sent, and so many days later.
fn after(days: i64) -> Timestamp {
    chrono::Utc.with_ymd_and_hms(2024, 7, 30, 10, 29, 4).unwrap() + TimeDelta::days(days)
}

fn claim() -> Claim {
    Claim::read(&headers(), &sources(), after(0)).unwrap()
}

fn chain() -> Chain {
    Chain::read(LEAF.as_bytes()).unwrap()
}

#[test]
fn paypals_own_signature_is_genuine() {
    let roots = Roots::of_pem(ROOT).unwrap();
    let judge =
        |body: &[u8], webhook: &str, days| claim().judge(body, webhook, &chain(), &roots, after(days));
    assert_eq!(judge(BODY, WEBHOOK, 0), Signature::Genuine);
    assert_eq!(judge(&[BODY, b" "].concat(), WEBHOOK, 0), Signature::Forged, "another body");
    assert_eq!(judge(BODY, "WH-of-somebody-else", 0), Signature::Forged, "another webhook");
    assert_eq!(judge(BODY, WEBHOOK, 365), Signature::Forged, "the certificate has ended");
    assert_eq!(judge(BODY, WEBHOOK, -365), Signature::Forged, "and had not begun");
    for (name, value) in [
        ("paypal-transmission-id", "8ad71ae0-4e5e-11ef-b16d-8fad525a7f7c"),
        ("paypal-transmission-time", "2024-07-30T10:29:04Z"),
        ("paypal-transmission-sig", "AAAA"),
    ] {
        let mut changed = headers();
        changed.insert(name.into(), value.into());
        let claim = Claim::read(&changed, &sources(), after(0)).unwrap();
        assert_eq!(claim.judge(BODY, WEBHOOK, &chain(), &roots, after(0)), Signature::Forged, "{name}");
    }
}

/// What the sandbox signs with is trusted where its root is, and nowhere else.
#[test]
fn a_certificate_must_lead_to_a_root_that_is_trusted() {
    let sandbox = Roots::of_pem(include_bytes!("../../../../../sandbox/certificates/root.pem")).unwrap();
    let judge = |roots: &Roots, chain: &Chain| claim().judge(BODY, WEBHOOK, chain, roots, after(0));
    assert_eq!(judge(&sandbox, &chain()), Signature::AskGateway, "it came alone: PayPal can tell");
    let with_another = [LEAF.as_bytes(), ROOT].concat();
    assert_eq!(judge(&sandbox, &Chain::read(&with_another).unwrap()), Signature::Forged);
    let of_the_sandbox =
        Chain::read(include_bytes!("../../../../../sandbox/certificates/paypal.pem")).unwrap();
    assert_eq!(judge(&sandbox, &of_the_sandbox), Signature::Forged, "it has not signed this");
}

#[test]
fn what_paypal_never_sends_is_nobodys() {
    let read = |headers: &BTreeMap<String, String>, days| Claim::read(headers, &sources(), after(days));
    for name in headers().keys() {
        for value in [None, Some(String::new()), Some("x".repeat(HEADER_MAX + 1))] {
            let mut odd = headers();
            odd.remove(name);
            odd.extend(value.map(|value| (name.clone(), value)));
            assert_eq!(read(&odd, 0), None, "{name}");
        }
    }
    for (name, value) in [
        ("paypal-auth-algo", "SHA1withRSA"),
        ("paypal-transmission-id", "8ad71ae0|2024"),
        ("paypal-transmission-sig", "not base64"),
        ("paypal-transmission-time", "yesterday"),
        ("paypal-transmission-time", "2024-07-30T10:39:05Z"),
    ] {
        let mut odd = headers();
        odd.insert(name.into(), value.into());
        assert_eq!(read(&odd, 0), None, "{name}: {value}");
    }
    assert!(read(&headers(), 3).is_some(), "PayPal tries for three days");
    assert_eq!(read(&headers(), 4), None, "and whoever comes then is not PayPal");
}

#[test]
fn certificates_come_from_paypal_alone() {
    let place = |plain, url: &str| Sources { plain, ..sources() }.certificate(url).map(String::from);
    assert_eq!(place(false, PLACE).as_deref(), Some(PLACE));
    let of_a_test = "http://127.0.0.1:8090/v1/notifications/certs/CERT-sandbox";
    assert_eq!(place(true, of_a_test).as_deref(), Some(of_a_test));
    for url in [
        "http://api.paypal.com/v1/notifications/certs/CERT-1",
        of_a_test,
        "https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1",
        "https://evil.example/v1/notifications/certs/CERT-1",
        "https://api.paypal.com@evil.example/v1/notifications/certs/CERT-1",
        "https://evil@api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com:444/v1/notifications/certs/CERT-1",
        "https://127.0.0.1/v1/notifications/certs/CERT-1",
        "https://api.paypal.com/v1/notifications/certs/CERT-1?x",
        "https://api.paypal.com/v1/notifications/certs/CERT-1#x",
        "https://api.paypal.com/v1/notifications/certs/CERT-",
        "https://api.paypal.com/v1/notifications/certs/CERT-1/../../redirect",
        "https://api.paypal.com/v1/notifications/certs/CERT-1%2f..",
        "https://api.paypal.com/v1/notifications/certs/1",
        "https://api.paypal.com/redirect",
        "file:///etc/passwd",
        "CERT-1",
        &format!("{PLACE}{}", "1".repeat(NAME_MAX)),
    ] {
        assert_eq!(place(false, url), None, "{url}");
    }
}
