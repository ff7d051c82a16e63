//! `/v1/payment_intents`: create, confirm, capture, cancel, retrieve.
//!
//! Every endpoint checks everything first and only then decides; it changes nothing itself but answers
//! with the changes it wants.

use std::collections::BTreeMap;

use super::charging::{self, Attempt, Terms};
use super::customers;
use super::effect::Effect;
use super::errors::StripeError;
use super::expand::{self, Expand, Shelf};
use super::form::Params;
use super::listing;
use super::objects::{CaptureMethod, Intent, IntentStatus, PaymentMethod, Redirects};
use super::render;
use super::store::{Change, Store, StripeChange};
use super::test_cards::{self, Kind};
use super::{amounts, balance, declines, descriptors};
use crate::books;
use crate::clock::Moment;
use crate::engine::Setting;
use crate::faults::Operation;
use crate::ids::new_id;

/// What create and confirm both take.
const CONFIRMATION: [&str; 13] = [
    "capture_method",
    "expand[]",
    "mandate",
    "mandate_data[customer_acceptance][accepted_at]",
    "mandate_data[customer_acceptance][offline]",
    "mandate_data[customer_acceptance][online][ip_address]",
    "mandate_data[customer_acceptance][online][user_agent]",
    "mandate_data[customer_acceptance][type]",
    "off_session",
    "payment_method",
    "receipt_email",
    "return_url",
    "setup_future_usage",
];

const CREATION: [&str; 11] = [
    "amount",
    "automatic_payment_methods[allow_redirects]",
    "automatic_payment_methods[enabled]",
    "confirm",
    "confirmation_method",
    "currency",
    "customer",
    "description",
    "metadata[*]",
    "statement_descriptor",
    "statement_descriptor_suffix",
];

/// What makes sense only when the intent is confirmed with the same request.
const ONLY_WITH_CONFIRM: [&str; 4] = ["mandate", "mandate_data", "off_session", "return_url"];

/// `POST /v1/payment_intents`.
pub(crate) fn create(store: &Store, params: &Params, setting: &Setting<'_>) -> Result<Effect, StripeError> {
    refuse_removed(params)?;
    params.only(&[&CONFIRMATION[..], &CREATION[..]].concat())?;
    let expand = Expand::read(params, "", &expand::IN_INTENT)?;
    let confirm = params.boolean("confirm")?.unwrap_or(false);
    if let Some(name) = ONLY_WITH_CONFIRM.into_iter().find(|name| !confirm && params.has(name)) {
        let message = format!("`{name}` can only be used with `confirm=true`.");
        return Err(StripeError::invalid(message).param(name));
    }
    let method = read_method(store, params, setting.now)?;
    let intent = new_intent(store, params, method.as_ref(), setting.now)?;
    if !confirm {
        let changes = created(intent.clone(), method);
        let shown = render::intent(&intent, Shelf::after(store, &changes), &expand);
        return Ok(Effect::ok(shown).with(changes));
    }
    let Some(method) = method else {
        return Err(missing_method(&intent));
    };
    confirm_with(store, params, intent, method, &expand, setting)
}

/// `POST /v1/payment_intents/{id}/confirm`.
pub(crate) fn confirm(
    store: &Store,
    id: &str,
    params: &Params,
    setting: &Setting<'_>,
) -> Result<Effect, StripeError> {
    refuse_removed(params)?;
    params.only(&CONFIRMATION)?;
    let expand = Expand::read(params, "", &expand::IN_INTENT)?;
    let mut intent = find(store, id)?.clone();
    match intent.status {
        IntentStatus::RequiresPaymentMethod
        | IntentStatus::RequiresConfirmation
        | IntentStatus::RequiresAction => {}
        other => {
            let message =
                format!("You cannot confirm this PaymentIntent because it has a status of {}.", other.name());
            return Err(unexpected(store, &intent, message));
        }
    }
    if let Some(email) = params.text("receipt_email") {
        intent.receipt_email = Some(email.to_owned());
    }
    if let Some(usage) = future_usage(params)? {
        intent.setup_future_usage = Some(usage);
    }
    if let Some(capture_method) = capture_method(params)? {
        intent.capture_method = capture_method;
    }
    let stored = || intent.payment_method.as_deref().and_then(|id| store.method(id)).cloned();
    let Some(method) = read_method(store, params, setting.now)?.or_else(stored) else {
        return Err(missing_method(&intent));
    };
    confirm_with(store, params, intent, method, &expand, setting)
}

/// `POST /v1/payment_intents/{id}/capture`.
pub(crate) fn capture(
    store: &Store,
    id: &str,
    params: &Params,
    setting: &Setting<'_>,
) -> Result<Effect, StripeError> {
    params.only(&["amount_to_capture", "expand[]", "metadata[*]", "statement_descriptor_suffix"])?;
    let expand = Expand::read(params, "", &expand::IN_INTENT)?;
    let suffix = descriptors::suffix(params)?;
    let metadata = params.metadata()?;
    let mut intent = find(store, id)?.clone();
    let charge = intent.latest_charge.as_deref().and_then(|id| store.charges.get(id));
    let method = intent.payment_method.as_deref().and_then(|id| store.method(id));
    let (IntentStatus::RequiresCapture, Some(charge), Some(method)) = (intent.status, charge, method) else {
        let message = format!(
            "This PaymentIntent could not be captured because it has a status of {}. Only a \
             PaymentIntent with one of the following statuses may be captured: requires_capture.",
            intent.status.name()
        );
        return Err(unexpected(store, &intent, message));
    };
    let amount = params.integer("amount_to_capture")?.unwrap_or(intent.amount_capturable);
    if !(1..=intent.amount_capturable).contains(&amount) {
        let message = "The amount to capture must be at least 1 and at most the amount capturable.";
        let code = if amount < 1 { "parameter_invalid_integer" } else { "amount_too_large" };
        return Err(StripeError::invalid(message).code(code).param("amount_to_capture"));
    }
    amounts::check_step(amount, &intent.currency)?;
    if let Some(decline) = declines::of(&method.token, Operation::Capture) {
        let intent = render::intent(&intent, Shelf::stored(store), &Expand::default());
        return Err(StripeError::declined(&decline).with("payment_intent", intent));
    }
    let mut charge = charge.clone();
    let taken = charging::take(&mut charge, amount, method, setting);
    intent.status = IntentStatus::Succeeded;
    intent.amount_received = amount;
    intent.amount_capturable = 0;
    intent.due_ms = None;
    set_metadata(&mut intent.metadata, metadata, params);
    intent.statement_descriptor_suffix = suffix.or(intent.statement_descriptor_suffix);
    let mut changes = vec![taken];
    changes.extend(balance::booked_charge(&intent, &charge, books::Status::Captured));
    changes.push(Change::Own(StripeChange::Charge(Box::new(charge))));
    let effect = Effect::ok(render::intent(&intent, Shelf::after(store, &changes), &expand));
    changes.push(Change::Own(StripeChange::Intent(Box::new(intent))));
    Ok(effect.with(changes))
}

/// `POST /v1/payment_intents/{id}/cancel`.
pub(crate) fn cancel(store: &Store, id: &str, params: &Params, now: Moment) -> Result<Effect, StripeError> {
    params.only(&["cancellation_reason", "expand[]"])?;
    let expand = Expand::read(params, "", &expand::IN_INTENT)?;
    let reasons = ["duplicate", "fraudulent", "requested_by_customer", "abandoned"];
    let reason = params.choice("cancellation_reason", &reasons)?;
    let intent = find(store, id)?;
    if matches!(intent.status, IntentStatus::Succeeded | IntentStatus::Canceled | IntentStatus::Processing) {
        let message = format!(
            "You cannot cancel this PaymentIntent because it has a status of {}. Only a PaymentIntent \
             with one of the following statuses may be canceled: requires_payment_method, \
             requires_capture, requires_confirmation, requires_action.",
            intent.status.name()
        );
        return Err(unexpected(store, intent, message));
    }
    let (intent, released) = canceled(store, intent.clone(), reason, now);
    let effect = Effect::ok(render::intent(&intent, Shelf::stored(store), &expand));
    Ok(effect.with(released).with([Change::Own(StripeChange::Intent(Box::new(intent)))]))
}

/// An intent canceled, and the entry in the books that gives a reserved amount free.
pub(crate) fn canceled(
    store: &Store,
    mut intent: Intent,
    reason: Option<&str>,
    now: Moment,
) -> (Intent, Option<Change>) {
    let charge = intent.latest_charge.as_deref().and_then(|id| store.charges.get(id));
    let released = charge
        .filter(|_| intent.status == IntentStatus::RequiresCapture)
        .and_then(|charge| balance::booked_charge(&intent, charge, books::Status::Released));
    intent.status = IntentStatus::Canceled;
    intent.canceled_at = Some(now.seconds());
    intent.cancellation_reason = reason.map(str::to_owned);
    intent.amount_capturable = 0;
    intent.next_action = None;
    intent.due_ms = None;
    (intent, released)
}

/// `GET /v1/payment_intents/{id}`.
pub(crate) fn retrieve(store: &Store, id: &str, params: &Params) -> Result<Effect, StripeError> {
    params.only(&["client_secret", "expand[]"])?;
    let expand = Expand::read(params, "", &expand::IN_INTENT)?;
    let intent = find(store, id)?;
    Ok(Effect::ok(render::intent(intent, Shelf::stored(store), &expand)))
}

fn find<'a>(store: &'a Store, id: &str) -> Result<&'a Intent, StripeError> {
    listing::find(&store.intents, id)
}

/// What most examples in the world still send: the parameter that Stripe took away, and the one that may only stand
/// beside it. Payments without it have automatic payment methods, whether they say so or not.
fn refuse_removed(params: &Params) -> Result<(), StripeError> {
    if params.has("payment_method_types") {
        let message = "The `payment_method_types` parameter is no longer supported. Use dynamic payment methods, or \
            `allowed_payment_method_types`.";
        let error = StripeError::invalid(message).param("payment_method_types");
        return Err(error.code("payment_method_types_no_longer_supported"));
    }
    if params.has("error_on_requires_action") {
        let message = "The `error_on_requires_action` parameter can't be used with PaymentIntents which use payment \
            methods managed through the Dashboard.";
        return Err(StripeError::invalid(message).param("error_on_requires_action"));
    }
    Ok(())
}

/// The method named by `payment_method`: a stored one, or a new one made of a test token.
fn read_method(store: &Store, params: &Params, now: Moment) -> Result<Option<PaymentMethod>, StripeError> {
    let Some(name) = params.text("payment_method") else {
        return Ok(None);
    };
    customers::resolve_method(store, name, now).map(Some)
}

fn new_intent(
    store: &Store,
    params: &Params,
    method: Option<&PaymentMethod>,
    now: Moment,
) -> Result<Intent, StripeError> {
    let (amount, currency) = amounts::read(params)?;
    let customer = customers::named(store, params)?;
    descriptors::refuse_whole_on_card(params, method)?;
    if params.choice("confirmation_method", &["automatic", "manual"])? == Some("manual") {
        let message = "`confirmation_method=manual` cannot be combined with `automatic_payment_methods`.";
        return Err(StripeError::invalid(message).param("confirmation_method"));
    }
    let id = new_id("pi");
    Ok(Intent {
        client_secret: format!("{id}_{}", new_id("secret")),
        id,
        account: String::new(),
        created: now.seconds(),
        amount,
        currency,
        status: if method.is_some() {
            IntentStatus::RequiresConfirmation
        } else {
            IntentStatus::RequiresPaymentMethod
        },
        amount_capturable: 0,
        amount_received: 0,
        capture_method: capture_method(params)?.unwrap_or(CaptureMethod::AutomaticAsync),
        customer,
        payment_method: method.map(|method| method.id.clone()),
        latest_charge: None,
        metadata: params.metadata()?,
        description: params.short_text("description", 1000)?,
        receipt_email: params.short_text("receipt_email", 800)?,
        statement_descriptor: params.short_text("statement_descriptor", 22)?,
        statement_descriptor_suffix: descriptors::suffix(params)?,
        setup_future_usage: future_usage(params)?,
        redirects: redirects(params)?,
        last_payment_error: None,
        next_action: None,
        canceled_at: None,
        cancellation_reason: None,
        due_ms: None,
    })
}

fn created(intent: Intent, method: Option<PaymentMethod>) -> Vec<Change> {
    let method = method.map(|method| Change::Own(StripeChange::PaymentMethod(method)));
    let intent = Change::Own(StripeChange::Intent(Box::new(intent)));
    method.into_iter().chain([intent]).collect()
}

fn confirm_with(
    store: &Store,
    params: &Params,
    intent: Intent,
    mut method: PaymentMethod,
    expand: &Expand,
    setting: &Setting<'_>,
) -> Result<Effect, StripeError> {
    let terms = read_terms(params, &intent)?;
    check_method(&intent, &mut method, params)?;
    let attempt = charging::attempt(intent, method, &terms, setting);
    Ok(shown(store, attempt, expand))
}

/// An attempt as an answer: the intent, or with a decline the error that holds it.
fn shown(store: &Store, attempt: Attempt, expand: &Expand) -> Effect {
    let error = attempt.card_error();
    let intent = attempt.intent.clone();
    let changes = attempt.into_changes();
    let shown = render::intent(&intent, Shelf::after(store, &changes), expand);
    let effect = match error {
        Some(error) => Effect::error(&error.with("payment_intent", shown)),
        None => Effect::ok(shown),
    };
    effect.with(changes)
}

fn read_terms(params: &Params, intent: &Intent) -> Result<Terms, StripeError> {
    let off_session = ["true", "false", "one_off", "recurring"];
    let off_session = params.choice("off_session", &off_session)?;
    let terms = Terms {
        off_session: off_session.is_some_and(|said| said != "false"),
        return_url: params.text("return_url").map(str::to_owned),
    };
    // With redirects allowed, some method or other may send the payer away, so Stripe wants to know
    // where to send them back, whatever the method at hand.
    if terms.return_url.is_none() && !terms.off_session && intent.redirects != Redirects::Never {
        let message = "This PaymentIntent is configured to accept payment methods enabled in your \
            Dashboard. Because some of these payment methods might redirect your customer off of your \
            page, you must provide a `return_url`. If you don't want to accept redirect-based payment \
            methods, set `automatic_payment_methods[enabled]` to `true` and \
            `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and \
            Payment Intents.";
        return Err(StripeError::invalid(message));
    }
    Ok(terms)
}

/// Whether this method may pay this intent; a debit's mandate is noted on the way.
fn check_method(intent: &Intent, method: &mut PaymentMethod, params: &Params) -> Result<(), StripeError> {
    let refuse = |message: String| Err(StripeError::invalid(message).param("payment_method"));
    if method.used_up {
        return refuse(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer \
             attachment, and may not be used again."
                .to_owned(),
        );
    }
    if method.customer.is_some() && method.customer != intent.customer {
        return refuse(format!(
            "The provided PaymentMethod ({}) is attached to a Customer. Provide that Customer with the \
             PaymentIntent.",
            method.id
        ));
    }
    let kind = test_cards::of(method).kind;
    if kind == Kind::Card {
        return Ok(());
    }
    if kind.only_currency().is_some_and(|only| only != intent.currency) {
        return refuse(format!("{} cannot be used with the currency {}.", kind.name(), intent.currency));
    }
    if intent.capture_method == CaptureMethod::Manual {
        return refuse(format!("{} does not support manual capture.", kind.name()));
    }
    if method.mandate.is_none() {
        method.mandate = customers::read_mandate(params)?;
    }
    if method.mandate.is_none() {
        let message = "This PaymentIntent requires a mandate, but no existing mandate was found. Try \
            passing `mandate_data`.";
        return Err(StripeError::invalid(message)
            .code("payment_intent_mandate_invalid")
            .param("mandate_data"));
    }
    Ok(())
}

fn capture_method(params: &Params) -> Result<Option<CaptureMethod>, StripeError> {
    let word = params.choice("capture_method", &["automatic", "automatic_async", "manual"])?;
    Ok(word.map(|word| match word {
        "manual" => CaptureMethod::Manual,
        "automatic" => CaptureMethod::Automatic,
        _ => CaptureMethod::AutomaticAsync,
    }))
}

fn redirects(params: &Params) -> Result<Redirects, StripeError> {
    let enabled = params.boolean("automatic_payment_methods[enabled]")?;
    let word = params.choice("automatic_payment_methods[allow_redirects]", &["always", "never"])?;
    if word.is_some() && enabled.is_none() {
        return Err(StripeError::missing("automatic_payment_methods[enabled]"));
    }
    Ok(match word {
        Some("never") => Redirects::Never,
        Some(_) => Redirects::Always,
        None => Redirects::Unsaid,
    })
}

fn future_usage(params: &Params) -> Result<Option<String>, StripeError> {
    let word = params.choice("setup_future_usage", &["off_session", "on_session"])?;
    Ok(word.map(str::to_owned))
}

/// Adds the sent keys; a key sent empty is taken away.
fn set_metadata(metadata: &mut BTreeMap<String, String>, sent: BTreeMap<String, String>, params: &Params) {
    metadata.extend(sent);
    metadata.retain(|key, _| {
        let name = format!("metadata[{key}]");
        !params.has(&name) || params.text(&name).is_some()
    });
}

fn missing_method(intent: &Intent) -> StripeError {
    let message = format!(
        "You cannot confirm this PaymentIntent ({}) because it's missing a payment method.",
        intent.id
    );
    StripeError::invalid(message).code("payment_intent_unexpected_state")
}

fn unexpected(store: &Store, intent: &Intent, message: String) -> StripeError {
    let shown = render::intent(intent, Shelf::stored(store), &Expand::default());
    StripeError::unexpected_state(message, shown)
}
