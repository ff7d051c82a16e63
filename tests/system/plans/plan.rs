//! A plan of Postgres', and what is wrong with it.

use std::collections::BTreeSet;

use serde_json::Value;

/// Sets that are empty while all is well. They may be read as a whole, by the index that is theirs alone.
const SET_ASIDE: [&str; 3] = ["gateway_events_waiting", "jobs_dead", "subscriptions_missed"];

/// Rows of an inner side that is gone through again for each row of the outer one, at most.
const INNER_ROWS_MAX: u64 = 100;

/// A limit that is reached for this part of what reading may cost is reached at once.
const PASSES_MUCH_PART: u64 = 10;

/// A plan, as `EXPLAIN (FORMAT JSON)` tells it.
pub struct Plan(pub Value);

/// What a plan is measured by.
pub struct Bounds {
    /// The tables that only grow.
    pub growing: BTreeSet<String>,
    /// What reading one of them may cost, by the planner's own measure.
    pub cost_max: u64,
}

/// A node, and what stands above it.
struct Node<'a> {
    node: &'a Value,
    above: Option<&'a Node<'a>>,
}

impl Plan {
    /// What is wrong with it; empty when nothing is.
    pub fn faults(&self, bounds: &Bounds) -> Vec<String> {
        let mut faults = Vec::new();
        Node { node: &self.0, above: None }.collect(bounds, &mut faults);
        faults
    }
}

impl Node<'_> {
    fn collect(&self, bounds: &Bounds, faults: &mut Vec<String>) {
        faults.extend(self.fault(bounds));
        for child in self.node["Plans"].as_array().into_iter().flatten() {
            Node { node: child, above: Some(self) }.collect(bounds, faults);
        }
    }

    fn fault(&self, bounds: &Bounds) -> Option<String> {
        if self.kind() == "Nested Loop" && self.has("Join Filter") {
            let inner = &self.node["Plans"][1];
            let rows = number(&inner["Plan Rows"]);
            return (rows > INNER_ROWS_MAX)
                .then(|| format!("a loop over {rows} rows inside of another: {}", self.node["Join Filter"]));
        }
        let table = self.table().filter(|table| bounds.growing.contains(*table))?;
        let index = self.node["Index Name"].as_str().unwrap_or_default();
        match self.kind() {
            "Seq Scan" => Some(format!("all of {table} is read")),
            "Index Scan" | "Index Only Scan" | "Bitmap Index Scan" if !self.has("Index Cond") => {
                let is_aside = SET_ASIDE.contains(&index) && !self.has("Filter");
                let is_cut = is_aside || self.is_cut_short(bounds);
                (!is_cut).then(|| format!("all of {index}, an index of {table}, is read"))
            }
            "Index Scan" | "Index Only Scan" | "Bitmap Heap Scan" => {
                let cost = number(&self.node["Total Cost"]);
                (cost > bounds.cost_max && !self.is_cut_short(bounds))
                    .then(|| format!("too much of {table} is read by {index}: {cost}"))
            }
            _ => None,
        }
    }

    fn kind(&self) -> &str {
        self.node["Node Type"].as_str().unwrap_or_default()
    }

    fn has(&self, field: &str) -> bool {
        !self.node[field].is_null()
    }

    /// What it reads; a bitmap is of the table of the scan above it.
    fn table(&self) -> Option<&str> {
        let own = self.node["Relation Name"].as_str();
        own.or_else(|| match self.above {
            Some(above) if self.kind().starts_with("Bitmap") => above.table(),
            _ => None,
        })
    }

    /// Whether it is read only until enough was found: a limit stands above it, and nothing between them that must
    /// have seen all first. With a filter the first that passes may be the last: but for one that is known to pass so
    /// much that the limit is reached at once.
    fn is_cut_short(&self, bounds: &Bounds) -> bool {
        let mut above = self.above;
        while let Some(node) = above {
            match node.kind() {
                "Limit" => {
                    let passes_much = number(&node.node["Total Cost"]) <= bounds.cost_max / PASSES_MUCH_PART;
                    return passes_much || !self.has("Filter");
                }
                "Nested Loop" | "Subquery Scan" | "Append" | "Merge Append" | "Result" | "LockRows" => {}
                _ => return false,
            }
            above = node.above;
        }
        false
    }
}

/// Numbers of a plan have decimals; whole ones are enough here.
fn number(value: &Value) -> u64 {
    let text = value.to_string();
    text.split('.').next().and_then(|whole| whole.parse().ok()).unwrap_or(u64::MAX)
}

#[test]
fn what_is_wrong_with_a_plan_is_told() {
    let bounds = Bounds { growing: BTreeSet::from(["payments".to_owned()]), cost_max: 100 };
    let faults = |plan: Value| Plan(plan).faults(&bounds);
    let scan = |cost: u32, filter: Option<&str>| {
        serde_json::json!({"Node Type": "Index Scan", "Relation Name": "payments", "Index Name": "by_x",
            "Index Cond": "x", "Filter": filter, "Total Cost": cost, "Plan Rows": 5})
    };
    let limit = |below: Value| serde_json::json!({"Node Type": "Limit", "Plans": [below]});
    assert_eq!(faults(serde_json::json!({"Node Type": "Seq Scan", "Relation Name": "payments"})).len(), 1);
    assert_eq!(faults(serde_json::json!({"Node Type": "Seq Scan", "Relation Name": "merchants"})).len(), 0);
    assert_eq!(faults(scan(50, Some("y"))).len(), 0, "little of it");
    assert_eq!(faults(scan(500, None)).len(), 1, "much of it");
    assert_eq!(faults(limit(scan(500, None))).len(), 0, "much, but only the first of it");
    assert_eq!(
        faults(limit(scan(500, Some("y")))).len(),
        1,
        "much, and the first that passes may be the last"
    );
    let soon = |cost: u32, below: Value| serde_json::json!({"Node Type": "Limit", "Total Cost": cost, "Plans": [below]});
    assert_eq!(faults(soon(10, scan(500, Some("y")))).len(), 0, "most of it passes");
    assert_eq!(faults(soon(11, scan(500, Some("y")))).len(), 1, "little of it passes");
    let sorted = serde_json::json!({"Node Type": "Sort", "Plans": [scan(500, None)]});
    assert_eq!(faults(limit(sorted)).len(), 1, "much, before the first is known");
    let looped = |rows: u32| {
        let inner = serde_json::json!({"Node Type": "Materialize", "Plan Rows": rows});
        serde_json::json!({"Node Type": "Nested Loop", "Join Filter": "a = b", "Plans": [scan(1, None), inner]})
    };
    assert_eq!(faults(looped(30_000)).len(), 1);
    assert_eq!(faults(looped(3)).len(), 0);
}
