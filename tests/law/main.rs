//! The law of conservation over random histories of the pure rules: no server, no clock, thousands of them, each beside
//! a [`Law`](tests::law::Law). What breaks it is shrunk, and its seed is told: `REMIT_LAW_SEED` repeats a run,
//! `REMIT_LAW_PURE_HISTORIES` sets its size.
#![expect(clippy::unwrap_used, reason = "a missing value fails the test")]

mod calendar;
mod customer;
mod store;

use proptest::{
    collection::vec,
    prelude::any,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};
use tests::law::history::histories;

/// Histories, unless asked for otherwise.
const HISTORIES: u32 = 2000;

/// Steps of one, at most.
const STEPS: usize = 24;

/// Days of one, at most.
const DAYS: u32 = 150;

fn from_environment<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn the_law_of_conservation_holds() {
    let seed: u64 =
        from_environment("REMIT_LAW_SEED").unwrap_or_else(|| u64::from(uuid::Uuid::new_v4().as_fields().0));
    let cases: u32 = from_environment("REMIT_LAW_PURE_HISTORIES").unwrap_or(HISTORIES);
    println!("REMIT_LAW_SEED={seed} REMIT_LAW_PURE_HISTORIES={cases}");
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed.to_be_bytes(); 4].concat());
    let any_history = (histories(STEPS, DAYS), vec(any::<bool>(), 0..4));
    let ran = TestRunner::new_with_rng(config, rng).run(&any_history, |(history, slow)| {
        let lived = std::panic::catch_unwind(|| customer::live(&history, &slow));
        lived.unwrap_or_else(|why| Err(panicked(&*why))).map_err(TestCaseError::fail)
    });
    match ran {
        Ok(()) => {}
        Err(TestError::Fail(why, (history, slow))) => {
            panic!("the law is broken (seed {seed}), slow {slow:?}:\n{why}\nby {history:?}")
        }
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

fn panicked(why: &dyn std::any::Any) -> String {
    format!(
        "a panic: {:?}",
        why.downcast_ref::<String>().map(String::as_str).or(why.downcast_ref::<&str>().copied())
    )
}
