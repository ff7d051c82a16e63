//! Whose a failure is: the database's, which may pass; or ours, where something does not hold that always must. What the
//! rules refuse is neither, and each noun's own.

use std::borrow::Cow;

use super::row::InvalidColumn;

/// Why something was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database is away, or refuses the statement.
    #[error("database: {0}")]
    Database(sqlx::Error),
    /// Something does not hold that the schema and our own rules promise: a defect of ours, or rows that somebody has
    /// changed by hand. The same again meets the same.
    #[error("broken invariant: {0}")]
    Broken(Cow<'static, str>),
}

/// What whoever reads or writes answers, where more is relied on than that the database does what it is told.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// This always holds, and does not.
    pub(crate) fn broken(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Broken(what.into())
    }

    /// Whether the same may work a moment later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Database(error) => super::is_unavailable(error),
            Self::Broken(_) => false,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            // Who may find nothing asks for an option.
            sqlx::Error::RowNotFound => Self::broken("a row that must be there is not"),
            sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => Self::broken(error.to_string()),
            error => Self::Database(error),
        }
    }
}

impl From<InvalidColumn> for Error {
    fn from(error: InvalidColumn) -> Self {
        Self::broken(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_the_database(error: sqlx::Error) -> Error {
        error.into()
    }

    #[test]
    fn what_the_database_cannot_do_now_may_pass() {
        for passing in [
            sqlx::Error::PoolTimedOut,
            sqlx::Error::PoolClosed,
            sqlx::Error::WorkerCrashed,
            sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into()),
            sqlx::Error::Protocol("it ended in the middle of a message".into()),
        ] {
            let error = from_the_database(passing);
            assert!(matches!(error, Error::Database(_)) && error.is_passing(), "{error}");
        }
    }

    #[test]
    fn what_is_broken_stays_so() {
        let missing = from_the_database(sqlx::Error::RowNotFound);
        assert!(matches!(missing, Error::Broken(_)), "{missing}");
        for broken in [missing, Error::broken("a payment of an invoice names none"), known_to_others()] {
            assert!(matches!(broken, Error::Broken(_)), "{broken}");
            assert!(!broken.is_passing(), "it would be tried again and again, with its neighbours: {broken}");
        }
    }

    /// What a newer version has written, this one cannot read, however often it tries.
    fn known_to_others() -> Error {
        InvalidColumn::new("status", &"partially_captured").into()
    }
}
