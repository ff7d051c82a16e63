//! Misbehaviour: its names, and the rules that choose which request it strikes.
//!
//! Gateway-neutral: a fault says what goes wrong on the wire and *when*, before or after the money
//! moved; what a 500 or a 429 looks like is each gateway's own affair. Chances are counted per mille
//! and drawn from a seeded generator, so that a bad run can be had again.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// On which side of the charge a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// Nothing was done yet.
    Before,
    /// The work is done and recorded; only the answer suffers.
    After,
}

/// One way to misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection stays open and silent until the client gives up.
    Timeout(When),
    /// The connection is closed without an answer.
    Drop(When),
    /// 500, kept under the idempotency key as the answer.
    ServerError(When),
    /// The answer, or the work and the answer, come late.
    Slow(When, Duration),
    /// Only a status: from the gateway's door, which let nothing in, or from a proxy that lost the answer.
    Status(When, Status),
}

/// A status that says nothing of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) code: u16,
    /// Whether the gateway advises to try again, where it says so.
    pub(crate) should_retry: Option<bool>,
}

/// At the door: refused before anything ran.
const AT_THE_DOOR: [u16; 11] = [400, 401, 403, 404, 409, 424, 429, 500, 502, 503, 504];

/// On the way back: the work was done, and somebody in between lost the answer.
const ON_THE_WAY_BACK: [u16; 4] = [424, 502, 503, 504];

impl Fault {
    /// Reads a fault's name, as tokens (after their prefix) and control requests write it.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "timeout_before" => Self::Timeout(When::Before),
            "timeout_after" => Self::Timeout(When::After),
            "drop_before" => Self::Drop(When::Before),
            "drop_after" => Self::Drop(When::After),
            "500_before" => Self::ServerError(When::Before),
            "500_after" => Self::ServerError(When::After),
            _ => return Self::parse_slow(name).or_else(|| Self::parse_status(name)),
        })
    }

    /// `503`, `503_once`, `503_after`, `503_should_retry_false`.
    fn parse_status(name: &str) -> Option<Self> {
        let (code, rest) = name.split_once('_').unwrap_or((name, "once"));
        let code = code.parse().ok()?;
        let (when, should_retry) = match rest {
            // A bare 500 is kept under its key, so it has to say when it struck.
            "once" if code != 500 => (When::Before, None),
            "after" => (When::After, None),
            "should_retry_true" => (When::Before, Some(true)),
            "should_retry_false" => (When::Before, Some(false)),
            _ => return None,
        };
        let known = match when {
            When::Before => AT_THE_DOOR.contains(&code),
            When::After => ON_THE_WAY_BACK.contains(&code),
        };
        known.then_some(Self::Status(when, Status { code, should_retry }))
    }

    fn parse_slow(name: &str) -> Option<Self> {
        let (when, milliseconds) = name.strip_prefix("slow_")?.split_once('_')?;
        let delay = Duration::from_millis(milliseconds.parse().ok()?);
        match when {
            "before" => Some(Self::Slow(When::Before, delay)),
            "after" => Some(Self::Slow(When::After, delay)),
            _ => None,
        }
    }
}

/// What a request wants to do to a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Charge,
    Capture,
    Cancel,
    Refund,
}

impl Operation {
    /// Its name in tokens. A charge needs none.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Capture => "capture",
            Self::Cancel => "cancel",
            Self::Refund => "refund",
        }
    }

    /// The operation that the end of a token names, and what comes after.
    pub(crate) fn split(text: &str) -> (Self, &str) {
        let operations = [Self::Capture, Self::Cancel, Self::Refund];
        let named = operations.into_iter().find_map(|operation| {
            let rest = text.strip_prefix(operation.name())?.strip_prefix('_')?;
            Some((operation, rest))
        });
        named.unwrap_or((Self::Charge, text))
    }
}

/// A fault that a payment's token brings along, and the operation that it strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TokenFault {
    pub(crate) operation: Operation,
    pub(crate) fault: Fault,
}

impl TokenFault {
    /// Reads the end of a token, `<fault>` or `<operation>_<fault>`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (operation, name) = Operation::split(text);
        Some(Self { operation, fault: Fault::parse(name)? })
    }
}

/// A request, as far as rules may look at it.
pub(crate) struct Subject<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) token: Option<&'a str>,
    pub(crate) reference: Option<&'a str>,
}

/// One rule of `POST /control/faults`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// The fault's name.
    pub(crate) fault: String,
    /// How often it may still strike; `null` for always.
    #[serde(default)]
    pub(crate) count: Option<u64>,
    /// The chance that it strikes a matching request, in thousandths.
    #[serde(default = "always")]
    pub(crate) per_mille: u16,
    /// Which requests it may strike; nothing given matches all.
    #[serde(default, rename = "match")]
    pub(crate) matching: Matching,
}

/// What a request must look like to be struck; every given part must fit.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Matching {
    method: Option<String>,
    path_prefix: Option<String>,
    token: Option<String>,
    reference: Option<String>,
}

fn always() -> u16 {
    1000
}

/// The rules in force and the dice.
pub(crate) struct Rules {
    rules: Vec<(Fault, Rule)>,
    dice: StdRng,
}

impl Default for Rules {
    fn default() -> Self {
        Self { rules: Vec::new(), dice: StdRng::seed_from_u64(0) }
    }
}

impl Rules {
    /// Replaces all rules.
    ///
    /// Fails with a sentence about the first rule that makes no sense; the old rules stay then.
    pub(crate) fn replace(&mut self, rules: Vec<Rule>) -> Result<(), String> {
        let parsed = rules.into_iter().map(|rule| {
            if rule.per_mille > 1000 {
                return Err(format!("per_mille is at most 1000, not {}", rule.per_mille));
            }
            let fault = Fault::parse(&rule.fault)
                .ok_or_else(|| format!("there is no fault named {:?}", rule.fault))?;
            Ok((fault, rule))
        });
        self.rules = parsed.collect::<Result<_, String>>()?;
        Ok(())
    }

    /// Makes the sequence of chances start anew from this seed.
    pub(crate) fn seed(&mut self, seed: u64) {
        self.dice = StdRng::seed_from_u64(seed);
    }

    /// The rules in force, with what is left of their counts.
    pub(crate) fn list(&self) -> Vec<&Rule> {
        self.rules.iter().map(|(_, rule)| rule).collect()
    }

    /// The first rule that matches and whose chance comes up; its count goes down by one.
    pub(crate) fn strike(&mut self, subject: &Subject<'_>) -> Option<Fault> {
        for (fault, rule) in &mut self.rules {
            if rule.count == Some(0) || !rule.matching.fits(subject) {
                continue;
            }
            if self.dice.random_range(0..1000) >= rule.per_mille {
                continue;
            }
            rule.count = rule.count.map(|left| left - 1);
            return Some(*fault);
        }
        None
    }
}

impl Matching {
    fn fits(&self, subject: &Subject<'_>) -> bool {
        let same =
            |wanted: &Option<String>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
        let path_fits = |prefix: &String| subject.path.starts_with(prefix.as_str());
        same(&self.method, Some(subject.method))
            && self.path_prefix.as_ref().is_none_or(path_fits)
            && same(&self.token, subject.token)
            && same(&self.reference, subject.reference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNAVAILABLE: Fault = Fault::Status(When::Before, Status { code: 503, should_retry: None });

    const CREATE: Subject<'static> = Subject {
        method: "POST",
        path: "/v1/payment_intents",
        token: Some("pm_card_visa"),
        reference: Some("pay_1"),
    };

    fn rules(json: serde_json::Value) -> Rules {
        let mut rules = Rules::default();
        rules.replace(serde_json::from_value(json).unwrap()).unwrap();
        rules
    }

    #[test]
    fn names_are_read() {
        let slow = Fault::parse("slow_after_3000");
        assert_eq!(slow, Some(Fault::Slow(When::After, Duration::from_secs(3))));
        assert_eq!(Fault::parse("drop_after"), Some(Fault::Drop(When::After)));
        assert_eq!(Fault::parse("slow_never_1"), None);
        assert_eq!(Fault::parse("nonsense"), None);
    }

    #[test]
    fn statuses_are_read() {
        let plain = |when, code| Some(Fault::Status(when, Status { code, should_retry: None }));
        for name in ["503", "503_once"] {
            assert_eq!(Fault::parse(name), plain(When::Before, 503));
        }
        assert_eq!(Fault::parse("502_after"), plain(When::After, 502));
        let advised = Status { code: 500, should_retry: Some(false) };
        assert_eq!(Fault::parse("500_should_retry_false"), Some(Fault::Status(When::Before, advised)));
        for name in ["500", "500_once", "200", "418", "429_after", "503_never", "503_should_retry_maybe"] {
            assert_eq!(Fault::parse(name), None, "{name}");
        }
    }

    #[test]
    fn tokens_name_what_they_strike() {
        let parsed = |text| TokenFault::parse(text).map(|found| (found.operation, found.fault));
        assert_eq!(parsed("drop_after"), Some((Operation::Charge, Fault::Drop(When::After))));
        assert_eq!(parsed("refund_503_once"), Some((Operation::Refund, UNAVAILABLE)));
        assert_eq!(parsed("capture_drop_before"), Some((Operation::Capture, Fault::Drop(When::Before))));
        assert_eq!(parsed("refund_nonsense"), None);
        assert_eq!(parsed("refund"), None);
    }

    #[test]
    fn a_count_runs_out() {
        let mut rules = rules(serde_json::json!([{"fault": "503", "count": 2}]));
        assert_eq!(rules.strike(&CREATE), Some(UNAVAILABLE));
        assert_eq!(rules.strike(&CREATE), Some(UNAVAILABLE));
        assert_eq!(rules.strike(&CREATE), None);
    }

    #[test]
    fn every_part_of_a_match_must_fit() {
        let matching = serde_json::json!({"path_prefix": "/v1/payment_intents", "token": "pm_card_amex"});
        let mut rules = rules(serde_json::json!([{"fault": "503", "match": matching}]));
        assert_eq!(rules.strike(&CREATE), None);
        let amex = Subject { token: Some("pm_card_amex"), ..CREATE };
        assert_eq!(rules.strike(&amex), Some(UNAVAILABLE));
    }

    #[test]
    fn one_seed_gives_one_sequence() {
        let mut rules = rules(serde_json::json!([{"fault": "503", "per_mille": 300}]));
        let mut draw = || {
            rules.seed(7);
            (0..200).map(|_| rules.strike(&CREATE).is_some()).collect::<Vec<_>>()
        };
        let first = draw();
        assert_eq!(first, draw());
        let struck = first.iter().filter(|struck| **struck).count();
        assert!((30..90).contains(&struck), "300 per mille of 200 gave {struck}");
    }
}
