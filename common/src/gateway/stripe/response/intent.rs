//! Payment intents: what became of a payment.

use crate::gateway::{
    Charge, ChargeOutcome, ChargeRef, GatewayRef, InDoubt, Report, Resolution,
    stripe::{
        decline,
        wire::{Expandable, NextAction, PaymentIntent},
    },
};

use super::balance::{fee_of, money};

impl NextAction {
    fn url(&self) -> Option<String> {
        let redirect = self.redirect_to_url.as_ref().and_then(|redirect| redirect.url.clone());
        redirect.or_else(|| self.use_stripe_sdk.as_ref()?.stripe_js.clone())
    }
}

/// What its status means, whatever was asked for.
pub fn read(intent: &PaymentIntent, resolution: Resolution) -> Report<ChargeOutcome> {
    let unknown = |why: String| Err(InDoubt::Unknown { why, resolution });
    let Some(gateway_ref) = intent.id.clone().map(GatewayRef) else {
        return unknown("an answer without an id".into());
    };
    Ok(match intent.status.as_deref() {
        Some("succeeded") => ChargeOutcome::Succeeded(charge(intent, gateway_ref, intent.amount_received)),
        Some("requires_capture") => {
            ChargeOutcome::Authorized(charge(intent, gateway_ref, intent.amount_capturable))
        }
        Some("processing") => ChargeOutcome::Processing { gateway_ref },
        Some("requires_action") => {
            let url = intent.next_action.as_ref().and_then(NextAction::url);
            ChargeOutcome::RequiresAction { gateway_ref, url }
        }
        Some("canceled") => ChargeOutcome::Canceled { gateway_ref },
        Some("requires_payment_method") => match &intent.last_payment_error {
            Some(error) if error.is_duplicate() => {
                return unknown("the gateway takes it for a duplicate of another payment".into());
            }
            Some(error) => ChargeOutcome::Declined(decline::classify(error.said(), Some(gateway_ref))),
            None => return unknown("an answer without the reason of its failure".into()),
        },
        other => return unknown(format!("an answer with status {}", other.unwrap_or("missing"))),
    })
}

fn charge(intent: &PaymentIntent, gateway_ref: GatewayRef, minor: Option<i64>) -> Charge {
    let (charge_ref, charge) = match &intent.latest_charge {
        Some(Expandable::Id(id)) => (Some(id.clone()), None),
        Some(Expandable::Object(charge)) => (charge.id.clone(), Some(charge)),
        None => (None, None),
    };
    Charge {
        gateway_ref,
        charge_ref: charge_ref.map(ChargeRef),
        card: charge.and_then(|charge| charge.payment_method_details.as_ref()?.card.clone()),
        money: money(minor, intent.currency.as_deref()),
        fee: charge.and_then(|charge| fee_of(charge.balance_transaction.as_ref())),
    }
}
