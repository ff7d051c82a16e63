//! Round robin: whoever waits is served in turns, one of each flow before the next of any. Pure.

use std::collections::{HashMap, VecDeque};

use tokio::time::Instant;
use uuid::Uuid;

/// What waits, by whose it is, each in the order in which it came.
pub struct Turns<T> {
    waiting: HashMap<Uuid, VecDeque<(Instant, T)>>,
    order: VecDeque<Uuid>,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { waiting: HashMap::new(), order: VecDeque::new() }
    }
}

impl<T> Turns<T> {
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// How many of this flow wait, and since when the first of them.
    pub fn of(&self, flow: Uuid) -> Option<(usize, Instant)> {
        let waiting = self.waiting.get(&flow)?;
        waiting.front().map(|(since, _)| (waiting.len(), *since))
    }

    pub fn push(&mut self, flow: Uuid, item: T) {
        let waiting = self.waiting.entry(flow).or_default();
        if waiting.is_empty() {
            self.order.push_back(flow);
        }
        waiting.push_back((Instant::now(), item));
    }

    /// The next of each flow in turn, `max` at most.
    pub fn take(&mut self, max: usize) -> Vec<T> {
        let mut taken = Vec::new();
        while taken.len() < max {
            let Some(flow) = self.order.pop_front() else { break };
            let Some(waiting) = self.waiting.get_mut(&flow) else { continue };
            taken.extend(waiting.pop_front().map(|(_, item)| item));
            if waiting.is_empty() {
                self.waiting.remove(&flow);
            } else {
                self.order.push_back(flow);
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_flood_waits_for_itself() {
        let (flood, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut turns = Turns::default();
        (0..100).for_each(|i| turns.push(flood, i));
        turns.push(other, 1000);
        turns.push(other, 1001);
        assert_eq!(turns.of(flood).map(|(count, _)| count), Some(100));
        assert_eq!(turns.take(3), [0, 1000, 1]);
        assert_eq!(turns.take(4), [1001, 2, 3, 4]);
        assert_eq!(turns.of(other), None, "who waits no more is forgotten");
        assert_eq!(turns.take(1000).len(), 95);
        assert!(turns.is_empty() && turns.waiting.is_empty());
    }
}
