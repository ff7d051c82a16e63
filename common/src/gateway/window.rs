//! In which order a time is searched for something of ours: what was asked for at a moment was most likely done in
//! that second, however much else was done in the same minutes. So the narrowest time comes first, and a wider one
//! without what was searched. Pure.

/// Whole seconds since 1970, the first and the last.
pub type Seconds = (i64, i64);

/// How far around a call is searched before the rest: so many seconds before it, and after it.
const RINGS: [Seconds; 2] = [(1, 2), (10, 30)];

/// The parts of a time in the order in which they are searched. No second is in two of them, and none is left out:
/// from `apart` seconds before the first call to as many after the last.
#[must_use]
pub fn parts(calls: Seconds, apart: i64) -> Vec<Seconds> {
    let (first, last) = (calls.0, calls.1.max(calls.0));
    let whole = (first.saturating_sub(apart), last.saturating_add(apart));
    let around = |call: i64, (before, after): Seconds| {
        (call.saturating_sub(before).max(whole.0), call.saturating_add(after).min(whole.1))
    };
    let rings = RINGS.iter().flat_map(|ring| [around(first, *ring), around(last, *ring)]);
    let mut parts: Vec<Seconds> = Vec::new();
    for part in rings.chain([whole]) {
        let mut left = without(part, &parts);
        left.sort_by_key(|part| part.0.saturating_sub(first).unsigned_abs());
        parts.extend(left);
    }
    parts
}

/// What is left of a time without others.
fn without(part: Seconds, others: &[Seconds]) -> Vec<Seconds> {
    others.iter().fold(vec![part], |left, other| {
        let around = |(from, to): Seconds| [(from, to.min(other.0 - 1)), (from.max(other.1 + 1), to)];
        left.into_iter().flat_map(around).filter(|(from, to)| from <= to).collect()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_seconds_of_the_call_come_first() {
        assert_eq!(
            parts((1000, 1000), 120),
            [(999, 1002), (1003, 1030), (990, 998), (1031, 1120), (880, 989)]
        );
        assert_eq!(parts((1000, 1000), 0), [(1000, 1000)]);
        let with_a_later_call = parts((1000, 9000), 120);
        assert_eq!(with_a_later_call[..2], [(999, 1002), (8999, 9002)]);
    }

    proptest! {
        #[test]
        fn every_second_is_in_one_part(first in 0_i64..500, long in 0_i64..500, apart in 0_i64..200) {
            let parts = parts((first, first + long), apart);
            for second in first - apart - 2..=first + long + apart + 2 {
                let within = parts.iter().filter(|(from, to)| (*from..=*to).contains(&second)).count();
                let expected = (first - apart..=first + long + apart).contains(&second);
                prop_assert_eq!(within, usize::from(expected), "{}", second);
            }
        }
    }
}
