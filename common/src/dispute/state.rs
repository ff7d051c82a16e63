//! The rules of a dispute: what the gateway's word changes. Pure. It may be heard of late, twice, and in
//! any order: what counts is what the gateway says when it is asked.

use crate::{
    alarm::Alarm,
    gateway::{self, DisputeStatus},
    ledger::Kind,
};

/// What is known of a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Where it stands.
    pub status: DisputeStatus,
    /// Whether the money was taken back from us, at least for a time.
    pub funds_withdrawn: bool,
}

/// What the gateway's word changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What is known from now on.
    pub to: Known,
    /// Whether the merchant is to be told.
    pub is_news: bool,
    /// Money that moved, in its order.
    pub moved: Vec<Kind>,
    /// Something that an operator should be woken for.
    pub alarm: Option<Alarm>,
}

/// Decides what the gateway's word changes.
#[must_use]
pub fn apply(known: Option<Known>, told: &gateway::Dispute) -> Change {
    use DisputeStatus::{Lost, Open, Won};
    let before = known.unwrap_or(Known { status: Open, funds_withdrawn: false });
    let status = match (before.status, told.status) {
        (Open, status) => status,
        // On appeal: the bank has the money, and gives it back.
        (Lost, Won) => Won,
        // A question that was closed, and has come back as a dispute.
        (Won, status) if told.funds_withdrawn && !before.funds_withdrawn => status,
        (decided @ (Won | Lost), _) => decided,
    };
    if told.status != Open && told.status != status {
        // Decided once and for all, we thought. What moved since is for a person to find out.
        let alarm = Some(Alarm::DisputeDecidedOtherwise);
        return Change { to: before, is_news: false, moved: Vec::new(), alarm };
    }
    let to = Known { status, funds_withdrawn: before.funds_withdrawn || told.funds_withdrawn };
    let is_back = |known: Known| known.status == DisputeStatus::Won && known.funds_withdrawn;
    let mut moved = Vec::new();
    if to.funds_withdrawn && !before.funds_withdrawn {
        moved.push(Kind::DisputeWithdrawn);
    }
    if is_back(to) && !is_back(before) {
        moved.push(Kind::DisputeReinstated);
    }
    Change { is_news: known != Some(to), to, moved, alarm: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::{Currency, Money};

    fn told(status: DisputeStatus, funds_withdrawn: bool) -> gateway::Dispute {
        let money = Money::parse_positive("10.00", Currency::from_code("EUR").unwrap()).unwrap();
        gateway::Dispute {
            dispute_ref: "dp_1".into(),
            reference: None,
            money,
            fee: None,
            reason: None,
            status,
            funds_withdrawn,
        }
    }

    /// In whatever order and however often it is heard: each movement is booked once.
    #[test]
    fn every_movement_is_booked_once() {
        use DisputeStatus::{Lost, Open, Won};
        use Kind::{DisputeReinstated as Back, DisputeWithdrawn as Out};
        for (words, booked, end) in [
            (vec![(Open, true), (Won, true)], vec![Out, Back], Won),
            (vec![(Open, true), (Lost, true)], vec![Out], Lost),
            (vec![(Open, false), (Open, true), (Open, false), (Lost, true)], vec![Out], Lost),
            (vec![(Won, true)], vec![Out, Back], Won),
            (vec![(Lost, true), (Lost, true), (Open, true)], vec![Out], Lost),
            (vec![(Open, false), (Won, false)], vec![], Won),
            (vec![(Won, false), (Won, true)], vec![Out, Back], Won),
            // An appeal after the decision, and one that changes nothing.
            (vec![(Open, true), (Lost, true), (Open, true), (Won, true), (Won, true)], vec![Out, Back], Won),
            (vec![(Open, true), (Lost, true), (Open, true), (Lost, true)], vec![Out], Lost),
            // A question of the bank's that was closed, and became a dispute after all.
            (vec![(Open, false), (Won, false), (Open, true), (Lost, true)], vec![Out], Lost),
            (vec![(Won, false), (Open, true), (Won, true)], vec![Out, Back], Won),
            (vec![(Won, false), (Lost, true)], vec![Out], Lost),
        ] {
            let (mut known, mut moved) = (None, Vec::new());
            for (status, funds_withdrawn) in &words {
                let change = apply(known, &told(*status, *funds_withdrawn));
                moved.extend(change.moved);
                known = Some(change.to);
            }
            assert_eq!((moved, known.unwrap().status), (booked, end), "{words:?}");
        }
    }

    #[test]
    fn the_merchant_is_told_once_and_an_operator_of_what_should_not_be() {
        let open = apply(None, &told(DisputeStatus::Open, true));
        assert!(open.is_news);
        assert!(!apply(Some(open.to), &told(DisputeStatus::Open, true)).is_news);
        let won = apply(Some(open.to), &told(DisputeStatus::Won, true));
        assert!(won.is_news && won.alarm.is_none());
        assert!(apply(Some(won.to), &told(DisputeStatus::Lost, true)).alarm.is_some());
    }
}
