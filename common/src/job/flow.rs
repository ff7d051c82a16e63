//! Fair queueing: the jobs of one *flow*, a merchant's payments say, have a bound on the queue. What is beyond it is held
//! in the database until it has room, so that whoever floods us waits behind nobody but itself.

use super::Kind;

/// Whose jobs of a kind share a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// A merchant's: `flow_id` is its id.
    Merchant,
    /// What is sent to one endpoint of a merchant's: `flow_id` is its id.
    Endpoint,
}

impl Kind {
    /// Whose jobs of this kind share a bound; `None`: no one's, for nobody can call for many of them, or it is not known
    /// whose they are.
    #[must_use]
    pub fn flow(self) -> Option<Flow> {
        match self {
            Self::ChargePayment
            | Self::ChargeOffSession
            | Self::CapturePayment
            | Self::CancelPayment
            | Self::ResolvePayment
            | Self::RefundPayment
            | Self::ResolveRefund => Some(Flow::Merchant),
            Self::DeliverWebhook => Some(Flow::Endpoint),
            Self::HandleEvent
            | Self::VerifyEvent
            | Self::ReconcileGateway
            | Self::RenewSubscription
            | Self::RetryInvoice
            | Self::ReplayWebhooks => None,
        }
    }

    /// Whether the scheduler alone puts it on the queue, because nobody waits for it. All others are published by whoever
    /// has called for them, while their flow has room.
    #[must_use]
    pub fn is_always_held(self) -> bool {
        match self {
            Self::ChargeOffSession | Self::DeliverWebhook => true,
            Self::ChargePayment
            | Self::CapturePayment
            | Self::CancelPayment
            | Self::ResolvePayment
            | Self::RefundPayment
            | Self::ResolveRefund
            | Self::HandleEvent
            | Self::VerifyEvent
            | Self::ReconcileGateway
            | Self::RenewSubscription
            | Self::RetryInvoice
            | Self::ReplayWebhooks => false,
        }
    }
}

/// How many jobs of one kind and flow are out at once: on the queue, or under way.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// A merchant's.
    pub merchant: u32,
}

/// How many deliveries to one endpoint are out at once.
const ENDPOINT: u32 = 8;

/// Of those that are out, a part waits for a worker, and this many where the part is less: whoever comes next waits
/// behind these alone, however many workers there are and however long a gateway takes.
const WAITING_PART: u32 = 4;
const WAITING_LEAST: u32 = 8;

impl Bounds {
    /// How many jobs of this kind a flow may have out; `None`: as many as it likes.
    #[must_use]
    pub fn of(self, kind: Kind) -> Option<u32> {
        kind.flow().map(|flow| match flow {
            Flow::Merchant => self.merchant,
            Flow::Endpoint => ENDPOINT,
        })
    }

    /// How many more may go out, where so many are out, and so many of these wait for a worker.
    #[must_use]
    pub fn room(self, kind: Kind, Out { all, waiting }: Out) -> u32 {
        let Some(bound) = self.of(kind) else { return u32::MAX };
        let may_wait = (bound / WAITING_PART).max(WAITING_LEAST);
        bound.saturating_sub(all).min(may_wait.saturating_sub(waiting))
    }
}

/// How many jobs of a kind and flow are out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Out {
    /// On the queue, or under way.
    pub all: u32,
    /// Of these, on the queue.
    pub waiting: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_has_room_while_few_are_out_and_few_of_them_wait() {
        let bounds = Bounds { merchant: 256 };
        let room = |all, waiting| bounds.room(Kind::ChargePayment, Out { all, waiting });
        assert_eq!(room(0, 0), 64);
        assert_eq!(room(40, 40), 24);
        assert_eq!(room(230, 10), 26);
        assert_eq!(room(256, 0), 0);
        assert_eq!(room(100, 90), 0);
        assert_eq!(Bounds { merchant: 8 }.room(Kind::RefundPayment, Out { all: 3, waiting: 3 }), 5);
        assert_eq!(Bounds { merchant: 1 }.room(Kind::RefundPayment, Out::default()), 1);
        assert_eq!(bounds.room(Kind::HandleEvent, Out { all: 1_000_000, waiting: 1_000_000 }), u32::MAX);
    }
}
