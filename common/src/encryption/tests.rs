//! What is sealed is opened in its place, by its key, and nowhere else.

use rand::{SeedableRng as _, rngs::StdRng};

use super::*;

const OLD: &str = "old:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const NEW: &str = "new:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";
const PLACE: &str = "webhook_endpoint:018f3c3a";

fn ring(keys: &str) -> Keyring {
    Keyring::parse(&SecretString::from(keys)).unwrap()
}

fn seal(ring: &Keyring, secret: &str) -> Sealed {
    ring.seal(PLACE, &SecretString::from(secret), &mut StdRng::seed_from_u64(7))
}

fn opened(ring: &Keyring, place: &str, sealed: &Sealed) -> Result<String, NotOpened> {
    ring.open(place, sealed).map(|secret| secret.expose_secret().to_owned())
}

#[test]
fn what_is_sealed_is_opened_in_its_place() {
    let ring = ring(OLD);
    for secret in ["sk_live_51", "", "žluťoučký kůň"] {
        let sealed = seal(&ring, secret);
        assert_eq!(opened(&ring, PLACE, &sealed).as_deref(), Ok(secret));
        assert_eq!(opened(&ring, PLACE, &Sealed::from(sealed.as_str().to_owned())).as_deref(), Ok(secret));
        let elsewhere = opened(&ring, "webhook_endpoint:018f3c3b", &sealed);
        assert_eq!(elsewhere, Err(NotOpened::Refused));
    }
}

#[test]
fn it_shows_its_key_and_not_its_secret() {
    let sealed = seal(&ring(OLD), "sk_live_51");
    assert_eq!(sealed.key_id(), Some("old"));
    assert!(sealed.as_str().starts_with("v1.old."));
    let bytes = BASE64_STANDARD.decode(sealed.as_str().trim_start_matches("v1.old.")).unwrap();
    assert!(!bytes.windows(7).any(|window| window == b"sk_live"));
    assert_eq!(format!("{:?}", ring(OLD)), "Keyring");
}

#[test]
fn the_same_secret_is_never_sealed_alike() {
    let (ring, secret) = (ring(OLD), SecretString::from("sk_live_51"));
    let mut rng = StdRng::seed_from_u64(7);
    assert_ne!(ring.seal(PLACE, &secret, &mut rng), ring.seal(PLACE, &secret, &mut rng));
}

/// A ciphertext of another implementation (Python's `cryptography`).
#[test]
fn it_is_aes_256_gcm() {
    let vector = Sealed::from("v1.old.AwMDAwMDAwMDAwMDiwpL9pbyUjaYzfTCn/S4uO6jy9MTmT6UXDg=".to_owned());
    assert_eq!(opened(&ring(OLD), PLACE, &vector).as_deref(), Ok("sk_live_51"));
}

#[test]
fn the_first_key_seals_and_all_open() {
    let before = seal(&ring(OLD), "sk_live_51");
    let both = ring(&format!("{NEW},{OLD}"));
    assert_eq!((both.first(), both.knows("old"), both.knows("other")), ("new", true, false));
    assert_eq!(opened(&both, PLACE, &before).as_deref(), Ok("sk_live_51"));
    let after = seal(&both, "sk_live_51");
    assert_eq!(opened(&ring(NEW), PLACE, &after).as_deref(), Ok("sk_live_51"));
    assert_eq!(opened(&ring(NEW), PLACE, &before), Err(NotOpened::UnknownKey("old".into())));
}

#[test]
fn what_was_changed_stays_closed() {
    let ring = ring(OLD);
    let sealed = seal(&ring, "sk_live_51");
    let text = sealed.as_str().trim_start_matches("v1.old.");
    let bytes = BASE64_STANDARD.decode(text).unwrap();
    for n in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[n] ^= 1;
        let changed = Sealed::from(format!("v1.old.{}", BASE64_STANDARD.encode(changed)));
        assert_eq!(opened(&ring, PLACE, &changed), Err(NotOpened::Refused), "byte {n}");
    }
    let same_name = Keyring::parse(&SecretString::from(NEW.replace("new", "old"))).unwrap();
    assert_eq!(opened(&same_name, PLACE, &sealed), Err(NotOpened::Refused));
    for text in ["", "v1", "v1.old", "v2.old.AwMD", "v1.old.AwMD", "v1.old.?", "sk_live_51"] {
        assert_eq!(opened(&ring, PLACE, &Sealed::from(text.to_owned())), Err(NotOpened::Malformed), "{text}");
    }
}

#[test]
fn keys_are_read_or_refused() {
    let read = |text: &str| Keyring::parse(&SecretString::from(text)).map(|ring| ring.first().to_owned());
    assert_eq!(read(&format!("\n{NEW}\r\n{OLD}\n")).as_deref(), Ok("new"));
    assert_eq!(read(DEVELOPMENT_KEYS).as_deref(), Ok("development"));
    assert_eq!(read(&format!("{NEW},{NEW}")), Err(MalformedKeys::Twice));
    assert_eq!(read(" \n,"), Err(MalformedKeys::None));
    for text in ["k1", "k1:AQEB", ":AQEB", "k1:?", &NEW.replace("new", "N"), &NEW.replace("new", "a.b")] {
        assert_eq!(read(text), Err(MalformedKeys::Form), "{text}");
    }
}
