//! What appears on the payer's statement: the rules about descriptors.

use super::errors::StripeError;
use super::form::Params;
use super::objects::PaymentMethod;
use super::test_cards::{self, Kind};

/// A card's statement takes only a suffix; the whole descriptor is refused.
pub(crate) fn refuse_whole_on_card(
    params: &Params,
    method: Option<&PaymentMethod>,
) -> Result<(), StripeError> {
    let is_card = method.is_none_or(|method| test_cards::of(method).kind == Kind::Card);
    if is_card && params.has("statement_descriptor") {
        let message = "The `statement_descriptor` parameter is not supported for charges on cards. Use \
            `statement_descriptor_suffix` instead.";
        return Err(StripeError::invalid(message).param("statement_descriptor"));
    }
    Ok(())
}

/// `statement_descriptor_suffix`: at most 22 characters, a letter among them, and none of `<>\'"*`.
pub(crate) fn suffix(params: &Params) -> Result<Option<String>, StripeError> {
    const NAME: &str = "statement_descriptor_suffix";
    let suffix = params.short_text(NAME, 22)?;
    let wrong = suffix.as_deref().is_some_and(|text| {
        text.contains(['<', '>', '\\', '\'', '"', '*']) || !text.chars().any(char::is_alphabetic)
    });
    if wrong {
        let message = "The statement descriptor suffix must contain a letter and none of <>\\'\"*.";
        return Err(StripeError::invalid(message).param(NAME));
    }
    Ok(suffix)
}
