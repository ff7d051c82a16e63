//! A payer objects: the policy that was agreed, in every status.

use super::*;

#[test]
fn a_dispute_does_what_was_agreed() {
    for status in Status::ALL {
        for (on_dispute, ends) in [(OnDispute::Keep, false), (OnDispute::Cancel, !status.is_final())] {
            let before = Subscription { on_dispute, cancel_at_period_end: true, ..subscription(status) };
            let mut after = before.clone();
            let effects = apply(&mut after, Fact::Disputed, on("01-20")).unwrap();
            let first_invoice = ends && status == Status::Incomplete;
            assert_eq!(effects == [Effect::VoidFirstInvoice], first_invoice, "{status} {on_dispute}");
            assert_eq!(effects.is_empty(), !first_invoice, "nothing is given back: {effects:?}");
            if ends {
                assert_eq!((after.status, after.ended_at), (Status::Canceled, Some(on("01-20"))), "{status}");
            } else {
                assert_eq!(after, before, "{status} {on_dispute}");
            }
            // Heard again, it changes nothing.
            let once = after.clone();
            assert_eq!(apply(&mut after, Fact::Disputed, on("01-21")), Ok(Effects::new()));
            assert_eq!(after, once);
        }
    }
}
