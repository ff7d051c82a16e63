//! One table of Stripe's objects: in the order of creation, found by id, and grouped by what lists
//! narrow them by.

use std::collections::HashMap;

/// An object that a table can hold.
pub(crate) trait Row {
    /// Stripe's word for such an object.
    const KIND: &'static str;

    fn id(&self) -> &str;
    /// Seconds since 1970.
    fn created(&self) -> i64;
    fn set_created(&mut self, created: i64);
    /// What its lists are narrowed by: ids of other objects, and other words that are none.
    fn groups(&self) -> Vec<String>;
    /// When something happens to it by itself, in milliseconds since 1970.
    fn due_ms(&self) -> Option<i64> {
        None
    }
}

/// The objects of one kind.
pub(crate) struct Table<T> {
    rows: Vec<T>,
    places: HashMap<String, usize>,
    groups: HashMap<String, Vec<usize>>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), places: HashMap::new(), groups: HashMap::new() }
    }
}

impl<T: Row> Table<T> {
    /// Adds an object at the end, or puts its newer state over the older one. Answers its place.
    pub(crate) fn put(&mut self, mut row: T) -> usize {
        if let Some(&place) = self.places.get(row.id()) {
            self.rows[place] = row;
            return place;
        }
        let place = self.rows.len();
        // Lists are searched by time, so a machine clock set back must not make the order lie.
        let latest = self.rows.last().map_or(0, Row::created);
        row.set_created(row.created().max(latest));
        self.places.insert(row.id().to_owned(), place);
        for group in row.groups() {
            self.groups.entry(group).or_default().push(place);
        }
        self.rows.push(row);
        place
    }

    /// The object with this id.
    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.place(id).map(|place| &self.rows[place])
    }

    /// Where an object stands in the order of creation.
    pub(crate) fn place(&self, id: &str) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// The object at a place in the order of creation.
    pub(crate) fn at(&self, place: usize) -> &T {
        &self.rows[place]
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The places of one group, in the order of creation.
    pub(crate) fn places_of(&self, group: &str) -> &[usize] {
        self.groups.get(group).map_or(&[], Vec::as_slice)
    }

    /// One group, oldest first.
    pub(crate) fn of<'a>(&'a self, group: &str) -> impl DoubleEndedIterator<Item = &'a T> + use<'a, T> {
        self.places_of(group).iter().map(|&place| &self.rows[place])
    }
}
