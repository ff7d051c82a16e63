//! When a gateway is given a rest. Pure: the instant is a parameter.
//!
//! The rule: so many failures in a row, over all calls. A share of failures would need a window of time
//! and a least number of calls in it, and would shut out a gateway that still takes half of what it is
//! sent. In a row means that not even one of the last calls got an answer: whoever is called then only
//! waits for a time-out.
//!
//! ```text
//!             failures in a row                 rest over
//!   closed ───────────────────────▶ open ─────────────────────▶ probing
//!     ▲                              ▲  probe got no answer        │
//!     │                              └─────────────────────────────┤
//!     └────────────────────────────────────────────────────────────┘
//!                             probe got an answer
//! ```

use std::time::{Duration, Instant};

/// How long to wait while another call finds out whether the gateway is back.
const PROBE_WAIT: Duration = Duration::from_secs(1);

/// When to open, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// After how many failures in a row; 0: never.
    pub failures: u32,
    /// How long no call is made then.
    pub rest: Duration,
}

/// What a call says about the gateway's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It answered; a no is an answer.
    Answered,
    /// It did not, or only to say that it cannot.
    Failed,
    /// Nobody can tell.
    Unclear,
}

/// The right to make one call; what came of it must be recorded.
#[derive(Debug, PartialEq, Eq)]
pub struct Pass {
    turn: u64,
}

/// The breaker of one gateway.
#[derive(Debug)]
pub struct Breaker {
    rule: Rule,
    state: State,
    /// Counts changes of state: a call that was begun before the last one says nothing about the present.
    turn: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant },
    Probing,
}

impl Breaker {
    /// A closed one.
    pub fn new(rule: Rule) -> Self {
        Self { rule, state: State::Closed { failures: 0 }, turn: 0 }
    }

    /// Whether calls are held back.
    pub fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed { .. })
    }

    /// For how long calls are held back; `None`: the next one may be made.
    pub fn rest(&self, now: Instant) -> Option<Duration> {
        match self.state {
            State::Closed { .. } => None,
            State::Open { until } => {
                Some(until.saturating_duration_since(now)).filter(|left| !left.is_zero())
            }
            State::Probing => Some(PROBE_WAIT),
        }
    }

    /// Lets a call through: any while closed, one after a rest.
    ///
    /// Fails with how long to wait.
    pub fn admit(&mut self, now: Instant) -> Result<Pass, Duration> {
        if let Some(rest) = self.rest(now) {
            return Err(rest);
        }
        if let State::Open { .. } = self.state {
            self.enter(State::Probing);
        }
        Ok(Pass { turn: self.turn })
    }

    /// What came of a call.
    pub fn record(&mut self, pass: &Pass, health: Health, now: Instant) {
        if pass.turn != self.turn {
            return;
        }
        match (self.state, health) {
            (State::Closed { .. }, Health::Answered) => self.state = State::Closed { failures: 0 },
            (State::Closed { failures }, Health::Failed) => {
                let failures = failures.saturating_add(1);
                self.state = State::Closed { failures };
                if self.rule.failures > 0 && failures >= self.rule.failures {
                    self.open(now);
                }
            }
            (State::Probing, Health::Answered) => self.enter(State::Closed { failures: 0 }),
            (State::Probing, Health::Failed | Health::Unclear) => self.open(now),
            (State::Closed { .. }, Health::Unclear) | (State::Open { .. }, _) => {}
        }
    }

    fn open(&mut self, now: Instant) {
        self.enter(State::Open { until: now + self.rule.rest });
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.turn += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_secs(10);

    fn breaker(failures: u32) -> Breaker {
        Breaker::new(Rule { failures, rest: REST })
    }

    /// Makes calls one after the other and says what state they leave behind: `closed`, `open`.
    fn after(breaker: &mut Breaker, healths: &[Health], now: Instant) -> &'static str {
        for health in healths {
            if let Ok(pass) = breaker.admit(now) {
                breaker.record(&pass, *health, now);
            }
        }
        if breaker.is_open() { "open" } else { "closed" }
    }

    #[test]
    fn only_failures_in_a_row_open_it() {
        use Health::{Answered as A, Failed as F, Unclear as U};
        for (calls, expected) in [
            (&[][..], "closed"),
            (&[F, F], "closed"),
            (&[F, F, F], "open"),
            (&[F, F, A, F, F], "closed"),
            (&[F, F, A, F, F, F], "open"),
            (&[F, U, F, U, U, F], "open"),
            (&[U, U, U, U], "closed"),
            (&[A, A, A, A], "closed"),
        ] {
            assert_eq!(after(&mut breaker(3), calls, Instant::now()), expected, "{calls:?}");
        }
        assert_eq!(after(&mut breaker(0), &[F; 100], Instant::now()), "closed", "it can be switched off");
    }

    #[test]
    fn after_a_rest_one_call_decides() {
        for (health, expected) in
            [(Health::Answered, None), (Health::Failed, Some(REST)), (Health::Unclear, Some(REST))]
        {
            let start = Instant::now();
            let mut breaker = breaker(1);
            after(&mut breaker, &[Health::Failed], start);
            assert_eq!(breaker.admit(start), Err(REST));
            assert_eq!(breaker.rest(start + REST / 2), Some(REST / 2));

            let now = start + REST;
            let probe = breaker.admit(now).unwrap();
            assert_eq!(breaker.admit(now), Err(PROBE_WAIT), "only one");
            assert!(breaker.is_open(), "not closed on a hope");
            breaker.record(&probe, health, now);
            assert_eq!(breaker.rest(now), expected, "{health:?}");
        }
    }

    #[test]
    fn a_call_of_earlier_says_nothing_about_the_present() {
        let now = Instant::now();
        let mut breaker = breaker(2);
        let [slow, slower, slowest] = [(); 3].map(|()| breaker.admit(now).unwrap());
        after(&mut breaker, &[Health::Failed, Health::Failed], now);
        breaker.record(&slow, Health::Answered, now);
        assert!(breaker.is_open(), "an answer to a call from before the failures");

        let probe = breaker.admit(now + REST).unwrap();
        breaker.record(&slower, Health::Failed, now + REST);
        breaker.record(&probe, Health::Answered, now + REST);
        assert!(!breaker.is_open(), "the probe decides");
        breaker.record(&slowest, Health::Failed, now + REST);
        assert_eq!(after(&mut breaker, &[Health::Failed], now + REST), "closed", "counted from anew");
    }
}
