//! Between rows and nouns: what a column holds becomes what the noun has, or an error that names the column.

use crate::money::Currency;

/// A column that holds what this version does not know: written by a newer one.
#[derive(Debug, thiserror::Error)]
#[error("column {column} holds {value:?}, which this version does not know")]
pub struct InvalidColumn {
    column: &'static str,
    value: String,
}

impl InvalidColumn {
    pub(crate) fn new(column: &'static str, value: &impl std::fmt::Debug) -> Self {
        Self { column, value: format!("{value:?}") }
    }
}

impl From<InvalidColumn> for sqlx::Error {
    fn from(error: InvalidColumn) -> Self {
        Self::Decode(Box::new(error))
    }
}

/// A number as wide as the noun has it.
pub(crate) fn known<T, V>(column: &'static str, value: V) -> Result<T, InvalidColumn>
where
    V: TryInto<T> + std::fmt::Debug + Copy,
{
    value.try_into().map_err(|_| InvalidColumn::new(column, &value))
}

/// A word of a closed set.
pub(crate) fn word<T: std::str::FromStr>(column: &'static str, value: &str) -> Result<T, InvalidColumn> {
    value.parse().map_err(|_| InvalidColumn::new(column, &value))
}

/// The code of a currency.
pub(crate) fn currency(code: &str) -> Result<Currency, InvalidColumn> {
    Currency::from_code(code).map_err(|_| InvalidColumn::new("currency", &code))
}
