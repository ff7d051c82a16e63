//! What an answer says about the gateway's health, and how to answer without asking it.

use std::time::Duration;

use crate::gateway::{Answer, Dispute, Found, InDoubt, Obstacle, Verdict};

use super::breaker::Health;

/// An answer of an adapter, whatever was asked.
pub trait AdapterAnswer {
    /// What it says about the gateway's health.
    fn health(&self) -> Health;
    /// The answer where no call was made.
    fn deferred(why: String, wait: Duration, obstacle: Obstacle) -> Self;
}

impl<T> AdapterAnswer for Answer<T> {
    fn health(&self) -> Health {
        match (&self.report, self.call.http_status) {
            _ if !self.call.was_made() => Health::Unclear,
            // Too many calls are our fault, and whoever counts them is well.
            (Err(InDoubt::NotSent { .. }), Some(429)) => Health::Answered,
            // It was held back: nobody was asked.
            (Err(InDoubt::NotSent { obstacle: Obstacle::Busy, .. }), None) => Health::Unclear,
            (Err(InDoubt::NotSent { .. }), _) | (Err(InDoubt::Unknown { .. }), None | Some(500..)) => {
                Health::Failed
            }
            _ => Health::Answered,
        }
    }

    fn deferred(why: String, wait: Duration, obstacle: Obstacle) -> Self {
        Self::without_a_call(Err(InDoubt::Deferred { why, wait, obstacle }))
    }
}

impl AdapterAnswer for Found<Dispute> {
    fn health(&self) -> Health {
        match self {
            Self::One(_) | Self::None => Health::Answered,
            Self::Unknown(_) => Health::Unclear,
        }
    }

    fn deferred(why: String, _: Duration, _: Obstacle) -> Self {
        Self::Unknown(why)
    }
}

impl AdapterAnswer for Verdict {
    fn health(&self) -> Health {
        match self {
            Self::Genuine | Self::Forged => Health::Answered,
            Self::Unknown(_) => Health::Unclear,
        }
    }

    fn deferred(why: String, _: Duration, _: Obstacle) -> Self {
        Self::Unknown(why)
    }
}

impl<T> AdapterAnswer for Result<T, String> {
    fn health(&self) -> Health {
        match self {
            Ok(_) => Health::Answered,
            Err(_) => Health::Unclear,
        }
    }

    fn deferred(why: String, _: Duration, _: Obstacle) -> Self {
        Err(why)
    }
}

#[cfg(test)]
mod tests {
    use crate::gateway::{Call, ChargeOutcome, Fault, Resolution};

    use super::*;

    #[test]
    fn only_silence_and_server_errors_are_failures() {
        let not_sent = || {
            Err(InDoubt::NotSent { why: String::new(), retry_after: None, obstacle: Obstacle::Unreachable })
        };
        let unknown = || Err(InDoubt::Unknown { why: String::new(), resolution: Resolution::Replay });
        let refused = || {
            Err(InDoubt::Refused { code: String::new(), message: String::new(), fault: Fault::Credentials })
        };
        for (report, status, expected) in [
            (not_sent(), None, Health::Failed),
            (not_sent(), Some(429), Health::Answered),
            (unknown(), None, Health::Failed),
            (unknown(), Some(500), Health::Failed),
            (unknown(), Some(503), Health::Failed),
            (unknown(), Some(409), Health::Answered),
            (unknown(), Some(200), Health::Answered),
            (refused(), Some(401), Health::Answered),
            (Err(InDoubt::NotFound), Some(404), Health::Answered),
            (Ok(ChargeOutcome::Canceled { gateway_ref: "pi_1".into() }), Some(200), Health::Answered),
        ] {
            let call = Call {
                operation: "charge",
                http_status: status,
                request_id: None,
                duration: Duration::from_millis(1),
            };
            let answer = Answer { report, call, cursor: None };
            assert_eq!(answer.health(), expected, "{answer:?}");
        }
        for report in [not_sent(), unknown(), refused()] {
            assert_eq!(Answer::without_a_call(report).health(), Health::Unclear, "nobody was asked");
        }
    }
}
