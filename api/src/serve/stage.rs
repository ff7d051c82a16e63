//! Where a connection stands, and for how long it may stand there. Pure.

use std::time::Duration;

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The head of a request is on its way.
    Head,
    /// Its head is there, and its body on its way.
    Body,
    /// The whole request is there, and we work on it.
    Work,
    /// The answer is ready, and the client takes it.
    Answer,
    /// Nothing is owed to anybody: the client may ask again.
    Idle,
}

/// What happens on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Bytes have come in.
    Bytes,
    /// The head of a request was read; `whole`: it has no body.
    Head {
        /// There is nothing more to come.
        whole: bool,
    },
    /// Its body was read to the end, or nobody wants it.
    Body,
    /// The answer was made.
    Answer,
    /// All that we have written has left.
    Flush,
}

impl Stage {
    /// Where it stands afterwards.
    pub fn after(self, step: Step) -> Self {
        match (self, step) {
            (Self::Idle, Step::Bytes) => Self::Head,
            (Self::Head | Self::Idle | Self::Answer, Step::Head { whole: false }) => Self::Body,
            (Self::Head | Self::Idle | Self::Answer, Step::Head { whole: true })
            | (Self::Body, Step::Body) => Self::Work,
            // An answer may be made before the body has come: a refusal.
            (Self::Body | Self::Work, Step::Answer) => Self::Answer,
            (Self::Answer, Step::Flush) => Self::Idle,
            (stage, _) => stage,
        }
    }

    /// How long the client may take for its part. `None`: it is our turn, and our work has bounds of its own.
    pub fn patience(self) -> Option<Duration> {
        match self {
            Self::Head => Some(Duration::from_secs(10)),
            // Whoever reads a body waits for ten seconds, and answers (`extract/body.rs`); before that the caller is
            // looked up. This is for what nobody reads.
            Self::Body => Some(Duration::from_secs(20)),
            Self::Answer => Some(Duration::from_secs(20)),
            Self::Idle => Some(Duration::from_secs(60)),
            Self::Work => None,
        }
    }

    /// Whether nobody would miss an answer: there is no whole request, or it was answered.
    pub fn owes_no_answer(self) -> bool {
        matches!(self, Self::Head | Self::Body | Self::Idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_goes_through_all_stages() {
        let (head, whole) = (Step::Head { whole: false }, Step::Head { whole: true });
        for (stage, step, then) in [
            (Stage::Head, Step::Bytes, Stage::Head),
            (Stage::Head, Step::Flush, Stage::Head),
            (Stage::Head, head, Stage::Body),
            (Stage::Head, whole, Stage::Work),
            (Stage::Body, Step::Bytes, Stage::Body),
            (Stage::Body, Step::Flush, Stage::Body),
            (Stage::Body, Step::Body, Stage::Work),
            (Stage::Body, Step::Answer, Stage::Answer),
            (Stage::Work, Step::Bytes, Stage::Work),
            (Stage::Work, Step::Body, Stage::Work),
            (Stage::Work, Step::Flush, Stage::Work),
            (Stage::Work, Step::Answer, Stage::Answer),
            (Stage::Answer, Step::Bytes, Stage::Answer),
            (Stage::Answer, Step::Body, Stage::Answer),
            (Stage::Answer, Step::Flush, Stage::Idle),
            (Stage::Answer, whole, Stage::Work),
            (Stage::Idle, Step::Flush, Stage::Idle),
            (Stage::Idle, Step::Bytes, Stage::Head),
            (Stage::Idle, whole, Stage::Work),
            (Stage::Idle, head, Stage::Body),
        ] {
            assert_eq!(stage.after(step), then, "{stage:?} {step:?}");
        }
    }

    #[test]
    fn only_our_own_work_is_waited_for_without_a_bound() {
        for stage in [Stage::Head, Stage::Body, Stage::Answer, Stage::Idle] {
            assert!(stage.patience().is_some(), "{stage:?}");
        }
        assert_eq!(Stage::Work.patience(), None);
        assert!(!Stage::Work.owes_no_answer() && !Stage::Answer.owes_no_answer());
    }
}
