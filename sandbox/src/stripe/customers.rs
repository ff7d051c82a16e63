//! `/v1/customers` and `/v1/payment_methods`: who pays, and with what.

use super::effect::Effect;
use super::errors::StripeError;
use super::expand::{self, Expand, Shelf};
use super::form::Params;
use super::objects::{Customer, PaymentMethod};
use super::render_methods;
use super::store::{Change, Store, StripeChange};
use super::test_cards::{self, Behaviour};
use crate::clock::Moment;
use crate::ids::new_id;

/// `POST /v1/customers`.
pub(crate) fn create(store: &Store, params: &Params, now: Moment) -> Result<Effect, StripeError> {
    params.only(&[
        "description",
        "email",
        "expand[]",
        "invoice_settings[default_payment_method]",
        "metadata[*]",
        "name",
        "payment_method",
        "phone",
    ])?;
    let expand = Expand::read(params, "", &expand::IN_CUSTOMER)?;
    let mut customer = Customer {
        id: new_id("cus"),
        account: String::new(),
        created: now.seconds(),
        name: params.short_text("name", 256)?,
        email: params.short_text("email", 512)?,
        phone: params.short_text("phone", 20)?,
        description: params.short_text("description", 5000)?,
        default_payment_method: None,
        metadata: params.metadata()?,
    };
    let method = params.text("payment_method").map(|name| {
        let method = resolve_method(store, name, now)?;
        attached(method, &customer.id)
    });
    let method = method.transpose()?;
    if params.has("invoice_settings") {
        customer.default_payment_method = method.as_ref().map(|method| method.id.clone());
    }
    let mut changes = Vec::new();
    changes.extend(method.map(|method| Change::Own(StripeChange::PaymentMethod(method))));
    let shown = render_methods::customer_with_method(&customer, Shelf::after(store, &changes), &expand);
    changes.push(Change::Own(StripeChange::Customer(customer)));
    Ok(Effect::ok(shown).with(changes))
}

/// `GET /v1/customers/{id}`.
pub(crate) fn retrieve(store: &Store, id: &str, params: &Params) -> Result<Effect, StripeError> {
    params.only(&["expand[]"])?;
    let expand = Expand::read(params, "", &expand::IN_CUSTOMER)?;
    let found = store.customer(id);
    let customer = found.ok_or_else(|| StripeError::no_such(404, "customer", id, "id"))?;
    Ok(Effect::ok(render_methods::customer_with_method(customer, Shelf::stored(store), &expand)))
}

/// `POST /v1/payment_methods`: what the payer's browser does, with a card behind a `tok_…`.
pub(crate) fn create_method(store: &Store, params: &Params, now: Moment) -> Result<Effect, StripeError> {
    params.only(&["card[token]", "expand[]", "type"])?;
    params.required("type")?;
    params.choice("type", &["card"])?;
    let token = params.required("card[token]")?;
    let name = token.strip_prefix("tok_").unwrap_or_default();
    let known = [format!("pm_card_{name}"), format!("pm_{name}")];
    let known = known.iter().find(|name| test_cards::find(name).is_some());
    let known = known.ok_or_else(|| StripeError::no_such(400, "token", token, "card[token]"))?;
    let method = resolve_method(store, known, now)?;
    let effect = Effect::ok(render_methods::payment_method(&method));
    Ok(effect.with([Change::Own(StripeChange::PaymentMethod(method))]))
}

/// `GET /v1/payment_methods/{id}`.
pub(crate) fn retrieve_method(store: &Store, id: &str, params: &Params) -> Result<Effect, StripeError> {
    params.only(&["expand[]"])?;
    let expand = Expand::read(params, "", &expand::IN_METHOD)?;
    let found = store.method(id);
    let method = found.ok_or_else(|| StripeError::no_such(404, "PaymentMethod", id, "payment_method"))?;
    Ok(Effect::ok(render_methods::owned_method(method, store, &expand)))
}

/// `POST /v1/payment_methods/{pm}/attach`.
pub(crate) fn attach(store: &Store, id: &str, params: &Params, now: Moment) -> Result<Effect, StripeError> {
    params.only(&["customer", "expand[]"])?;
    let Some(customer) = named(store, params)? else {
        return Err(StripeError::missing("customer"));
    };
    let method = attached(resolve_method(store, id, now)?, &customer)?;
    let effect = Effect::ok(render_methods::payment_method(&method));
    Ok(effect.with([Change::Own(StripeChange::PaymentMethod(method))]))
}

/// The id of the customer that `customer` names, who must exist.
pub(crate) fn named(store: &Store, params: &Params) -> Result<Option<String>, StripeError> {
    let Some(id) = params.text("customer") else {
        return Ok(None);
    };
    let found = store.customer(id);
    let customer = found.ok_or_else(|| StripeError::no_such(400, "customer", id, "customer"))?;
    Ok(Some(customer.id.clone()))
}

/// The method of this name: a stored one by its id, or a new one made of a test token.
pub(crate) fn resolve_method(store: &Store, name: &str, now: Moment) -> Result<PaymentMethod, StripeError> {
    if let Some(method) = store.method(name) {
        return Ok(method.clone());
    }
    if test_cards::find(name).is_none() {
        return Err(StripeError::no_such(400, "PaymentMethod", name, "payment_method"));
    }
    Ok(PaymentMethod {
        id: new_id("pm"),
        created: now.seconds(),
        token: name.to_owned(),
        customer: None,
        used_up: false,
        mandate: None,
    })
}

fn attached(mut method: PaymentMethod, customer: &str) -> Result<PaymentMethod, StripeError> {
    let test = test_cards::of(&method);
    if let (Behaviour::Declines(decline), false) = (test.behaviour, test.attaches) {
        // Stripe asks the issuer when a card is saved, and this one says no.
        return Err(StripeError::declined(&decline));
    }
    if method.used_up || method.customer.as_deref().is_some_and(|other| other != customer) {
        let message =
            "The payment method you provided has already been used or attached to another customer.";
        return Err(StripeError::invalid(message).param("payment_method"));
    }
    method.customer = Some(customer.to_owned());
    Ok(method)
}

/// The payer's consent to a debit, from `mandate_data` or an older `mandate`; answers the mandate's id.
pub(crate) fn read_mandate(params: &Params) -> Result<Option<String>, StripeError> {
    if let Some(mandate) = params.text("mandate") {
        return Ok(Some(mandate.to_owned()));
    }
    if !params.has("mandate_data") {
        return Ok(None);
    }
    let name = "mandate_data[customer_acceptance][type]";
    params.required(name)?;
    if params.choice(name, &["online", "offline"])? == Some("online") {
        params.required("mandate_data[customer_acceptance][online][ip_address]")?;
        params.required("mandate_data[customer_acceptance][online][user_agent]")?;
    }
    Ok(Some(new_id("mandate")))
}
