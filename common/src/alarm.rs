//! What an operator is woken for. Each has a name that never changes, by which it is counted and routed, and a sentence
//! for the log; `docs/operating.md` says what is to be done.

use crate::name::names;

/// Something that an operator should be woken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Alarm {
    /// A gateway does not know our credentials, or they may not do this.
    CredentialsRefused,
    /// The account that money goes to is restricted, closed, at a limit, or not set up for this.
    AccountUnusable,
    /// A gateway moved money for a payment, or for a refund, a second time.
    MovedTwice,
    /// A gateway states another amount than the one that it was asked for.
    OtherAmount,
    /// A charge succeeded after another end of its payment had been told.
    ChargedAfterTheEnd,
    /// Money was reserved after another end of its payment had been told.
    ReservedAfterTheEnd,
    /// Money is reserved at a gateway that its payment has left.
    ReservedElsewhere,
    /// A refund succeeded after its failure had been told.
    RefundedAfterTheEnd,
    /// What became of a call could not be found out.
    OutcomeUnknown,
    /// A gateway has taken something on, and does not end it.
    OutcomeOverdue,
    /// A gateway's event could not be worked off.
    EventGivenUp,
    /// A dispute that was decided was decided otherwise.
    DisputeDecidedOtherwise,
    /// Money came for an invoice that owed nothing any more.
    PaidWithoutDebt,
    /// A subscription's rules refuse what the payment of its invoice calls for.
    SubscriptionCannotFollow,
    /// A subscription's rules refuse what its own job is to do.
    SubscriptionRefuses,
    /// A subscription missed more renewals than are billed without asking.
    RenewalsMissed,
}

names!(
    Alarm,
    CredentialsRefused => "credentials_refused",
    AccountUnusable => "account_unusable",
    MovedTwice => "moved_twice",
    OtherAmount => "other_amount",
    ChargedAfterTheEnd => "charged_after_the_end",
    ReservedAfterTheEnd => "reserved_after_the_end",
    ReservedElsewhere => "reserved_elsewhere",
    RefundedAfterTheEnd => "refunded_after_the_end",
    OutcomeUnknown => "outcome_unknown",
    OutcomeOverdue => "outcome_overdue",
    EventGivenUp => "event_given_up",
    DisputeDecidedOtherwise => "dispute_decided_otherwise",
    PaidWithoutDebt => "paid_without_debt",
    SubscriptionCannotFollow => "subscription_cannot_follow",
    SubscriptionRefuses => "subscription_refuses",
    RenewalsMissed => "renewals_missed",
);

impl Alarm {
    /// What has happened, for whoever reads the log.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::CredentialsRefused => "a gateway refuses our credentials",
            Self::AccountUnusable => "our account at a gateway cannot be used",
            Self::MovedTwice => "money was moved twice",
            Self::OtherAmount => "a gateway states another amount than the one we asked for",
            Self::ChargedAfterTheEnd => "a charge succeeded after we had told another end",
            Self::ReservedAfterTheEnd => "money was reserved after we had told another end",
            Self::ReservedElsewhere => "money is reserved at a gateway that the payment has left",
            Self::RefundedAfterTheEnd => "a refund succeeded after we had told that it failed",
            Self::OutcomeUnknown => "an outcome stays unknown",
            Self::OutcomeOverdue => "an outcome does not come",
            Self::EventGivenUp => "a gateway's event could not be looked into for days",
            Self::DisputeDecidedOtherwise => "a decided dispute was decided otherwise",
            Self::PaidWithoutDebt => "an invoice was paid that owed nothing any more",
            Self::SubscriptionCannotFollow => "a subscription cannot follow the payment of its invoice",
            Self::SubscriptionRefuses => "a subscription stands in the way of its own rules",
            Self::RenewalsMissed => "a subscription missed more renewals than are billed without asking",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, fs, path::Path};

    use super::*;

    #[test]
    fn operators_are_told_of_every_alarm_by_its_name() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let operating = fs::read_to_string(root.join("docs/operating.md")).unwrap();
        let rows: Vec<_> = operating.lines().filter_map(|line| line.strip_prefix("| `")).collect();
        for alarm in Alarm::ALL {
            let row = format!("{alarm}` | {}", alarm.sentence());
            assert!(rows.iter().any(|line| line.starts_with(&row)), "docs/operating.md has no row `{row}…");
        }
    }

    #[test]
    fn no_two_alarms_sound_alike() {
        let sentences: HashSet<_> = Alarm::ALL.map(Alarm::sentence).into();
        assert_eq!(sentences.len(), Alarm::ALL.len());
    }
}
