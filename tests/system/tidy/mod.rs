//! The house rules that a compiler does not know: who may import whom, and how long a file may be.

mod imports;

use std::{
    fs,
    path::{Path, PathBuf},
};

use imports::Files;

/// Lines in one file, at most.
const LINES_MAX: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All Rust sources below a folder, as (path from the root, text).
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().display().to_string();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "nothing below {folder}");
    found
}

/// The modules of `common`, each after all that it may import: first what knows no noun, then the nouns, then what
/// spans several of them. See docs/adr/0040-nouns-have-an-order.md.
const ORDER: [&str; 33] = [
    "clock",
    "id",
    "money",
    "name",
    "alarm",
    "metadata",
    "page",
    "retry",
    "card_data",
    "encryption",
    "lifecycle",
    "telemetry",
    "db",
    "batch",
    "gateway",
    "job",
    "config",
    "event",
    "merchant",
    "webhook",
    "gateway_account",
    "ledger",
    "customer",
    "plan",
    "payment",
    "invoice",
    "subscription",
    "billing",
    "refund",
    "dispute",
    "gateway_event",
    "reconciliation",
    "rewrapping",
];

const CRATES: [&str; 6] = ["common/src", "api/src", "worker/src", "scheduler/src", "sandbox/src", "ops/src"];

fn all_sources() -> Vec<(String, String)> {
    CRATES
        .iter()
        .chain(&["tests/src", "tests/law", "tests/system"])
        .flat_map(|folder| sources(folder))
        .collect()
}

/// Fails with every place where `word` stands outside of `allowed`.
fn only_in(word: &str, allowed: &[&str]) {
    let places: Vec<_> = CRATES
        .iter()
        .flat_map(|folder| sources(folder))
        .filter(|(name, text)| {
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            !allowed.iter().any(|place| name.starts_with(place))
                && code.clone().any(|line| line.contains(word))
        })
        .map(|(name, _)| name)
        .collect();
    assert!(places.is_empty(), "{word:?} belongs in {allowed:?}, not in {places:?}");
}

#[test]
fn binaries_import_common_and_never_each_other() {
    for binary in ["api", "worker", "scheduler", "ops", "sandbox"] {
        let manifest = fs::read_to_string(root().join(binary).join("Cargo.toml")).unwrap();
        for other in ["api", "worker", "scheduler", "ops", "sandbox"] {
            assert!(!manifest.contains(&format!("\n{other}")), "{binary} imports {other}");
        }
    }
}

#[test]
fn the_sandbox_imports_nothing_of_ours() {
    let manifest = fs::read_to_string(root().join("sandbox/Cargo.toml")).unwrap();
    assert!(!manifest.contains("common"), "a shared bug would not be found");
}

#[test]
fn leaves_import_nothing_of_ours() {
    for leaf in ["clock.rs", "id.rs", "money.rs"] {
        let text = fs::read_to_string(root().join("common/src").join(leaf)).unwrap();
        assert!(!text.contains("crate::"), "common/src/{leaf}");
    }
}

/// The imports of a crate.
fn files(crate_: &str) -> Files {
    let folder = format!("{crate_}/src/");
    let sources = sources(&folder);
    Files::read(sources.iter().map(|(name, text)| (name.trim_start_matches(&folder), text.as_str())))
}

#[test]
fn no_noun_imports_a_later_one() {
    let files = files("common");
    let place = |noun: &str| ORDER.iter().position(|known| *known == noun);
    let missing: Vec<_> = files.top().into_iter().filter(|noun| place(noun).is_none()).collect();
    assert!(missing.is_empty(), "{missing:?} have no place in ORDER");
    for (module, from) in files.imports() {
        let (Some(noun), Some(imported)) = (module.first(), from.first()) else { continue };
        let is_earlier = place(imported) <= place(noun);
        assert!(is_earlier, "{} imports {}, which comes later", module.join("::"), from.join("::"));
    }
}

#[test]
fn files_import_each_other_in_no_circle() {
    for crate_ in ["common", "api", "worker", "scheduler", "ops", "sandbox"] {
        let files = files(crate_);
        let circle = files.circle();
        assert!(circle.is_none(), "{crate_}: {}", circle.unwrap_or_default().join(" → "));
    }
}

/// Whether it is where statuses are decided.
fn is_state(name: &str) -> bool {
    (name.ends_with("/state.rs") || name.contains("/state/")) && !name.contains("/tests")
}

#[test]
fn rules_do_no_input_or_output() {
    let is_rules = |name: &str| is_state(name) || name.ends_with("doubt.rs") || name.ends_with("breaker.rs");
    for (name, text) in sources("common/src").into_iter().filter(|(name, _)| is_rules(name)) {
        for word in ["async ", "sqlx", "reqwest", "tokio", "tracing", "Utc::now", "rand"] {
            assert!(!text.contains(word), "{name} has {word}");
        }
    }
}

/// Where a new variant must be decided on by somebody: the compiler asks only where no arm takes whatever comes.
#[test]
fn rules_and_the_dispatch_of_jobs_name_every_case() {
    let is_rules = |name: &str| {
        name.ends_with("/state.rs")
            || (name.contains("/state/") && !name.contains("/tests/") && !name.ends_with("tests.rs"))
            || name.ends_with("gateway/doubt.rs")
            || name.starts_with("worker/src/")
    };
    let common_and_worker = sources("common/src").into_iter().chain(sources("worker/src"));
    for (name, text) in common_and_worker.filter(|(name, _)| is_rules(name)) {
        let rules = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for (number, line) in rules.lines().enumerate() {
            let pattern = line.trim_start().split(" if ").next().unwrap();
            let pattern = pattern.split("=>").next().unwrap().trim();
            let is_wildcard = !pattern.is_empty()
                && pattern.contains('_')
                && pattern.chars().all(|c| matches!(c, '_' | '(' | ')' | ',' | ' ' | '|'));
            let is_arm = line.contains("=>") || line.contains(" if ");
            assert!(!(is_wildcard && is_arm), "{name}:{} takes whatever comes: {line}", number + 1);
        }
    }
}

#[test]
fn each_library_has_its_place() {
    only_in("lapin::", &["common/src/job/broker"]);
    only_in(
        "reqwest::",
        &[
            "common/src/gateway",
            "common/src/config",
            "common/src/webhook",
            "ops/src/api.rs",
            "sandbox/src/webhooks",
            "sandbox/src/tests",
        ],
    );
    only_in("axum::", &["api", "sandbox"]);
    // What serves with bounds: the other way speaks HTTP/2 as soon as anything in the build can.
    only_in("hyper::", &["api/src/serve"]);
    only_in("axum::serve", &["sandbox"]);
    only_in("backoff::", &["common/src/retry.rs"]);
    // What is ours is no error of the database's. See docs/adr/0046-errors-and-alarms-say-whose-they-are.md.
    only_in("sqlx::Error::", &["common/src/db", "common/src/batch"]);
    only_in(
        "sqlx::query",
        &[
            "common/src/db",
            "common/src/event/deliveries",
            "common/src/event/store",
            "common/src/job/store",
            "common/src/payment/store",
            "common/src/refund/store",
            "common/src/dispute/store",
            "common/src/gateway_event/store",
            "common/src/ledger/store",
            "common/src/reconciliation/store",
            "common/src/merchant/store",
            "common/src/webhook/store",
            "common/src/gateway_account/store",
            "common/src/rewrapping/store",
            "common/src/customer/store",
            "common/src/plan/store",
            "common/src/subscription/store",
            "common/src/invoice/store",
            // A store of several nouns together.
            "common/src/billing",
        ],
    );
}

/// What waits does so with `eventually`, and what goes through pages knows how many there may be.
#[test]
fn no_test_goes_on_for_ever() {
    for (name, text) in ["tests/src", "tests/law", "tests/system"].into_iter().flat_map(sources) {
        let has_loop = text.lines().any(|line| line.trim_end().ends_with(concat!("lo", "op {")));
        assert_eq!(has_loop, name == "tests/src/lib.rs", "{name} has a loop without a bound");
    }
}

#[test]
fn modules_are_nouns() {
    for (name, _) in all_sources() {
        for word in ["utils", "util", "helpers", "helper", "types", "models", "prelude", "misc"] {
            let is_it = name.split('/').any(|part| part == word || part == format!("{word}.rs"));
            assert!(!is_it, "{name}: a module is named for what it owns");
        }
    }
}

#[test]
fn a_module_with_children_is_a_folder() {
    for (name, _) in all_sources() {
        let beside = root().join(name.trim_end_matches(".rs"));
        assert!(!beside.is_dir(), "{name} stands beside its folder: it is the folder's mod.rs");
    }
}

#[test]
fn files_are_short_and_say_what_they_own() {
    for (name, text) in all_sources() {
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{name} has {lines} lines, {LINES_MAX} are allowed");
        let first = text.lines().next().unwrap_or_default();
        assert!(first.starts_with("//!"), "{name} does not open with //!");
    }
}
