//! What a commit means: whether it has reached a second server before we are told of it.

use std::fmt;

use sqlx::PgExecutor;

/// How safe a commit is from the loss of its server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durability {
    /// `synchronous_commit`, as it is for us.
    commit: String,
    /// `synchronous_standby_names`: who must have it. Empty: nobody.
    standbys: String,
}

impl Durability {
    /// Whether what was told as committed is on a standby too, so that a failover to it loses nothing. With fewer
    /// standbys than are asked for Postgres waits; it never answers without them.
    #[must_use]
    pub fn is_synchronous(&self) -> bool {
        !self.standbys.trim().is_empty() && ["on", "remote_apply"].contains(&self.commit.as_str())
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "synchronous_standby_names is '{}', synchronous_commit is {}", self.standbys, self.commit)
    }
}

/// What a commit of ours means at this moment.
pub async fn durability(db: impl PgExecutor<'_>) -> sqlx::Result<Durability> {
    let (commit, standbys) = sqlx::query_as(
        "SELECT current_setting('synchronous_commit'), current_setting('synchronous_standby_names')",
    )
    .fetch_one(db)
    .await?;
    Ok(Durability { commit, standbys })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_on_a_standby_only_where_one_is_named_and_waited_for() {
        for (commit, standbys, expected) in [
            ("on", "FIRST 1 (a, b)", true),
            ("remote_apply", "*", true),
            ("on", "", false),
            ("local", "*", false),
            ("off", "*", false),
            // It has it in memory: both servers lost together lose it.
            ("remote_write", "*", false),
        ] {
            let durability = Durability { commit: commit.into(), standbys: standbys.into() };
            assert_eq!(durability.is_synchronous(), expected, "{durability}");
        }
    }
}
