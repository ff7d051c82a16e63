//! The sandbox put together: the engine and all gateways that run on it.

use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

use crate::engine::Engine;
use crate::engine::host::{Host, Hosted};
use crate::engine::state::Change;
use crate::journal::LineNumber;
use crate::paypal::store::{PayPalChange, Store as PayPal};
use crate::stripe::store::{Store as Stripe, StripeChange};

/// The running sandbox.
pub(crate) struct App {
    pub(crate) engine: Arc<Engine>,
    pub(crate) stripe: Arc<Host<Stripe>>,
    pub(crate) paypal: Arc<Host<PayPal>>,
}

/// A change of one protocol or the other, by the name under which it stands in the journal.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Own {
    Stripe(StripeChange),
    Paypal(PayPalChange),
}

impl App {
    /// Brings the sandbox in `dir` back to where it was.
    pub(crate) fn open(dir: &Path, public_url: String) -> io::Result<Self> {
        let mut stripe = Stripe::default();
        let mut paypal = PayPal::default();
        let engine = Engine::open(dir, public_url, |change| match change {
            Own::Stripe(change) => stripe.apply(change),
            Own::Paypal(change) => paypal.apply(change),
        })?;
        let engine = Arc::new(engine);
        let stripe = Arc::new(Host::new(&engine, stripe));
        let paypal = Arc::new(Host::new(&engine, paypal));
        Ok(Self { engine, stripe, paypal })
    }

    /// All gateways. What happens to several at once happens in this order.
    pub(crate) fn gateways(&self) -> [Arc<dyn Hosted>; 2] {
        [Arc::clone(&self.stripe) as Arc<dyn Hosted>, Arc::clone(&self.paypal) as Arc<dyn Hosted>]
    }

    /// Moves the clock forward to where it is so far ahead of the machine's, and lets everything happen that is
    /// due then. It never goes back.
    pub(crate) fn move_clock(&self, offset_ms: i64) -> LineNumber {
        {
            let mut state = self.engine.state();
            if offset_ms > self.engine.clock.offset_ms() {
                let _ = self.engine.commit_shared(&mut state, vec![Change::Clock { offset_ms }]);
                self.engine.clock.set_offset_ms(offset_ms);
            }
        }
        self.run_due()
    }

    /// Lets everything happen that is due by now; answers the last line.
    pub(crate) fn run_due(&self) -> LineNumber {
        let mut state = self.engine.state();
        for gateway in self.gateways() {
            gateway.run_due(&mut state);
        }
        self.engine.last_line()
    }
}
