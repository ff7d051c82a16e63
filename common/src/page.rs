//! A page of a list, newest first: which one is asked for, and what was found on it.

/// Which page.
#[derive(Debug, Clone, Copy)]
pub struct Page<Id> {
    /// How many.
    pub limit: u16,
    /// The page after this one, towards older ones.
    pub starting_after: Option<Id>,
    /// The page before this one, towards newer ones.
    pub ending_before: Option<Id>,
}

/// What was found for a page.
#[derive(Debug, Clone)]
pub struct Found<T> {
    /// What is on it, newest first.
    pub data: Vec<T>,
    /// Whether there are more in its direction.
    pub has_more: bool,
}

impl<Id> Page<Id> {
    /// The newest.
    #[must_use]
    pub fn first(limit: u16) -> Self {
        Self { limit, starting_after: None, ending_before: None }
    }

    /// How many rows to ask for: one more than are shown tells whether there are more.
    pub(crate) fn rows(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Cuts the page out of these rows, of which the nearest to where it begins come first.
    pub(crate) fn cut<Row, T, E>(
        &self,
        rows: Vec<Row>,
        read: impl Fn(Row) -> Result<T, E>,
    ) -> Result<Found<T>, E> {
        let limit = usize::from(self.limit);
        let has_more = rows.len() > limit;
        let mut data = rows.into_iter().take(limit).map(read).collect::<Result<Vec<_>, _>>()?;
        if self.ending_before.is_some() {
            data.reverse();
        }
        Ok(Found { data, has_more })
    }
}
