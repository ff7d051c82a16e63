//! The cases of the rule book, properties over any sequence of changes, and exact fractions' table
//! (`oracle.py`).

use chrono::Days;
use proptest::prelude::*;

use super::*;
use crate::{
    id::InvoiceId,
    invoice::{
        Percent, TaxRate,
        totals::{Terms, lines},
    },
};

/// Amounts as another language's fractions compute them.
const ORACLE: &str = include_str!("oracle.txt");

fn currency(code: &str) -> Currency {
    Currency::from_code(code).unwrap()
}

fn amount(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn span(from: &str, to: &str) -> Span {
    Span { from: from.parse().unwrap(), to: to.parse().unwrap() }
}

fn seats(unit: &str, quantity: u32) -> Seats<'static> {
    Seats { name: "Pro", unit_amount: amount(unit), quantity }
}

/// What was billed for a whole period, without discount and tax.
fn billed(unit: &str, quantity: u32, days: Span) -> Billed {
    Billed {
        line: LineRef { invoice: InvoiceId::new(), position: 0 },
        name: "Basic".into(),
        unit_amount: amount(unit),
        days,
        quantity,
        in_force: quantity,
        net: amount(unit) * Decimal::from(quantity),
        tax: Decimal::ZERO,
        credited: Decimal::ZERO,
        credited_tax: Decimal::ZERO,
    }
}

fn moment<'a>(billed: &'a [Billed], period: Span, day: &str, code: &str) -> Moment<'a> {
    Moment { billed, period, day: day.parse().unwrap(), currency: currency(code) }
}

fn amounts(items: &[Item]) -> Vec<String> {
    let amount = |item: &Item| match item {
        Item::Sale(sale) => sale.amount,
        Item::Credit { amount, .. } => *amount,
    };
    items.iter().map(|item| amount(item).to_string()).collect()
}

#[track_caller]
fn assert_swap(code: &str, units: (&str, &str), period: Span, day: &str, expected: &[&str]) {
    let billed = [billed(units.0, 1, period)];
    let items = moment(&billed, period, day, code).swap(&seats(units.1, 1)).unwrap();
    assert_eq!(amounts(&items), expected);
}

#[test]
fn case_09_a_dearer_plan_at_half_of_the_period() {
    assert_swap("EUR", ("10", "20"), span("2025-06-01", "2025-07-01"), "2025-06-16", &["-5.00", "10.00"]);
}

#[test]
fn case_10_the_day_of_the_change_belongs_to_the_new_plan() {
    let period = span("2025-01-01", "2025-01-31");
    assert_swap("EUR", ("300", "600"), period, "2025-01-30", &["-10.00", "20.00"]);
}

#[test]
fn case_11_a_pause_gives_back_the_rest() {
    let period = span("2025-03-02", "2025-04-02");
    let billed = [billed("249.95", 1, period)];
    let items = moment(&billed, period, "2025-03-04", "EUR").end().unwrap();
    assert_eq!(amounts(&items), ["-233.82"]);
}

#[test]
fn case_12_a_resumption_charges_the_rest() {
    let period = span("2025-04-02", "2025-05-02");
    let items = moment(&[], period, "2025-04-05", "EUR").begin(&seats("249.95", 1)).unwrap();
    assert_eq!(amounts(&items), ["224.96"]);
}

#[test]
fn case_13_three_more_seats_are_one_line() {
    let period = span("2025-03-15", "2025-04-15");
    let billed = [billed("10", 5, period)];
    let items = moment(&billed, period, "2025-03-25", "EUR").resize(5, &seats("10.00", 8)).unwrap();
    assert_eq!(amounts(&items), ["20.32"]);
}

#[test]
fn case_14_yen_have_no_decimals() {
    let period = span("2025-01-01", "2025-02-01");
    assert_swap("JPY", ("1000", "3000"), period, "2025-01-11", &["-677", "2032"]);
}

#[test]
fn case_15_halves_are_rounded_away_from_zero() {
    let period = span("2025-06-01", "2025-07-01");
    assert_swap("EUR", ("1.01", "2.01"), period, "2025-06-16", &["-0.51", "1.01"]);
}

#[test]
fn case_16_a_change_on_a_periods_start_swaps_all_and_on_its_end_nothing() {
    let period = span("2025-06-01", "2025-07-01");
    assert_swap("EUR", ("9.99", "19.99"), period, "2025-06-01", &["-9.99", "19.99"]);
    assert_swap("EUR", ("9.99", "19.99"), period, "2025-07-01", &[]);
}

#[test]
fn seats_that_came_last_leave_first() {
    let period = span("2025-06-01", "2025-07-01");
    let billed = [billed("10", 5, period), billed("10", 3, span("2025-06-11", "2025-07-01"))];
    let items = moment(&billed, period, "2025-06-21", "EUR").resize(8, &seats("10", 4)).unwrap();
    // Three of 20 days that were billed at 30.00, half of them left; one of five for 30 days, a third left.
    assert_eq!(amounts(&items), ["-15.00", "-3.33"]);
    assert!(matches!(items[..], [Item::Credit { quantity: 3, .. }, Item::Credit { quantity: 1, .. }]));
}

#[test]
fn no_more_is_given_back_than_was_paid_after_discounts() {
    let period = span("2025-06-01", "2025-07-01");
    let half_price = Billed { net: amount("5"), ..billed("10", 1, period) };
    let given = Billed { credited: amount("4.90"), ..half_price.clone() };
    for (billed, expected) in [(half_price, "-2.50"), (given, "-0.10")] {
        let items = moment(&[billed], period, "2025-06-16", "EUR").end().unwrap();
        assert_eq!(amounts(&items), [expected]);
    }
}

#[test]
fn another_language_agrees() {
    let start = NaiveDate::from_ymd_opt(2025, 1, 1).unwrap();
    for line in ORACLE.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<u32>().unwrap();
        let days = |at: usize| {
            let (left, whole) = (number(at), number(at + 1));
            (
                Span { from: start, to: start + Days::new(whole.into()) },
                start + Days::new((whole - left).into()),
            )
        };
        let found = match words[0] {
            "charge" => {
                let (period, day) = days(4);
                let moment = Moment { billed: &[], period, day, currency: currency(words[1]) };
                moment.begin(&seats(words[2], number(3))).unwrap()
            }
            _ => {
                let (period, day) = days(5);
                let quantity = number(4);
                let billed = [Billed {
                    quantity,
                    in_force: quantity,
                    net: amount(words[2]),
                    credited: amount(words[7]),
                    ..billed("0", 1, period)
                }];
                let left = Seats { quantity: quantity - number(3), ..seats("0", 0) };
                let moment = Moment { billed: &billed, period, day, currency: currency(words[1]) };
                moment.resize(quantity, &left).unwrap()
            }
        };
        let found = amounts(&found).concat().replace('-', "");
        assert_eq!(amount(&found), amount(words[words.len() - 1]), "{line}");
    }
    assert!(ORACLE.lines().count() > 2000);
}

/// A change, so many days after the one before.
#[derive(Debug, Clone)]
enum Step {
    Swap(u32, u32),
    Resize(u32),
    Pause,
    Resume(u32, u32),
}

fn steps() -> impl Strategy<Value = Vec<(u32, Step)>> {
    let step = prop_oneof![
        (0_u32..100_000, 1_u32..20).prop_map(|(cents, quantity)| Step::Swap(cents, quantity)),
        (0_u32..20).prop_map(Step::Resize),
        Just(Step::Pause),
        (0_u32..100_000, 1_u32..20).prop_map(|(cents, quantity)| Step::Resume(cents, quantity)),
    ];
    proptest::collection::vec((0_u32..8, step), 1..12)
}

/// The lines of one period, each invoice's in its order.
struct Book {
    invoices: Vec<(InvoiceId, Vec<Line>)>,
    tax: Option<TaxRate>,
}

impl Book {
    fn write(&mut self, items: &[Item]) {
        let invoice = InvoiceId::new();
        let terms = Terms { invoice, currency: currency("EUR"), discounts: &[], tax: self.tax.as_ref() };
        self.invoices.push((invoice, lines(items, &terms).unwrap()));
    }

    fn in_force(&self) -> Vec<Billed> {
        in_force(self.invoices.iter().flat_map(|(invoice, lines)| {
            let place =
                |position: usize| LineRef { invoice: *invoice, position: position.try_into().unwrap() };
            lines.iter().enumerate().map(move |(position, line)| (place(position), line))
        }))
    }

    /// What each sale was billed, and what of it was given back: net and tax.
    fn sales(&self) -> Vec<[Decimal; 4]> {
        let all = || self.invoices.iter().flat_map(|(_, lines)| lines);
        self.invoices
            .iter()
            .flat_map(|(invoice, lines)| lines.iter().enumerate().map(move |line| (*invoice, line)))
            .filter(|(_, (_, line))| matches!(line.kind, LineKind::Period | LineKind::ProrationCharge))
            .map(|(invoice, (position, line))| {
                let of = Some(LineRef { invoice, position: position.try_into().unwrap() });
                let given = |what: fn(&Line) -> Decimal| -> Decimal {
                    all().filter(|line| line.of == of).map(what).sum()
                };
                [line.amount, line.tax, -given(|line| line.amount), -given(|line| line.tax)]
            })
            .collect()
    }
}

proptest! {
    /// Whatever changes, in whatever order: no line gives back more than it billed, and the seats in force
    /// are the seats there are.
    #[test]
    fn credits_never_exceed_what_was_billed(
        cents in 0_u32..1_000_000, quantity in 1_u32..20, length in 1_u32..92, steps in steps(), rate in 0_usize..3,
    ) {
        let from = NaiveDate::from_ymd_opt(2025, 1, 31).unwrap();
        let period = Span { from, to: from + Days::new(length.into()) };
        let percent = Percent::new(amount("19")).unwrap();
        let tax = |inclusive| TaxRate { name: "VAT".into(), percent, inclusive };
        let mut book = Book { invoices: Vec::new(), tax: [None, Some(tax(false)), Some(tax(true))][rate].clone() };
        let price = |cents: u32| Decimal::new(cents.into(), 2);
        let (mut unit, mut count) = (price(cents), quantity);
        let of = |unit_amount: Decimal, quantity: u32| Seats { name: "Pro", unit_amount, quantity };
        let euro = currency("EUR");
        let first = crate::invoice::totals::Sale::period("Pro", unit, count, period, euro).unwrap();
        book.write(&[Item::Sale(first)]);
        let mut day = from;
        for (later, step) in steps {
            day = (day + Days::new(later.into())).min(period.to);
            let billed = book.in_force();
            let moment = Moment { billed: &billed, period, day, currency: euro };
            let items = match step {
                Step::Swap(cents, quantity) if count > 0 => {
                    (unit, count) = (price(cents), quantity);
                    moment.swap(&of(unit, count))
                }
                Step::Resize(quantity) if count > 0 => {
                    let before = std::mem::replace(&mut count, quantity);
                    moment.resize(before, &of(unit, count))
                }
                Step::Pause => {
                    count = 0;
                    moment.end()
                }
                Step::Resume(cents, quantity) if count == 0 => {
                    (unit, count) = (price(cents), quantity);
                    moment.begin(&of(unit, count))
                }
                Step::Swap(..) | Step::Resize(_) | Step::Resume(..) => continue,
            };
            book.write(&items.unwrap());
            if day < period.to {
                let in_force: u32 = book.in_force().iter().map(|billed| billed.in_force).sum();
                prop_assert_eq!(in_force, count);
            }
            for [net, tax, given, given_tax] in book.sales() {
                prop_assert!(Decimal::ZERO <= given && given <= net, "{given} of {net}");
                prop_assert!(Decimal::ZERO <= given_tax && given_tax <= tax, "{given_tax} of {tax}");
            }
        }
    }

    /// Old and new at the same price cancel out on the first day, tax included; on the last, nothing happens.
    #[test]
    fn a_swap_at_the_start_is_whole(cents in 0_u32..10_000_000, quantity in 1_u32..500, length in 1_u32..400, inclusive: bool) {
        let from = NaiveDate::from_ymd_opt(2025, 1, 31).unwrap();
        let period = Span { from, to: from + Days::new(length.into()) };
        let percent = Percent::new(amount("7.7")).unwrap();
        let mut book = Book { invoices: Vec::new(), tax: Some(TaxRate { name: "VAT".into(), percent, inclusive }) };
        let unit_amount = Decimal::new(cents.into(), 2);
        let seats = Seats { name: "Pro", unit_amount, quantity };
        let euro = currency("EUR");
        book.write(&[Item::Sale(crate::invoice::totals::Sale::period("Pro", unit_amount, quantity, period, euro).unwrap())]);
        let billed = book.in_force();
        let moment = Moment { billed: &billed, period, day: from, currency: euro };
        book.write(&moment.swap(&seats).unwrap());
        let total: Decimal = book.invoices[1].1.iter().map(|line| line.amount).sum();
        prop_assert_eq!(total, Decimal::ZERO);
        prop_assert_eq!(Moment { day: period.to, ..moment }.swap(&seats).unwrap(), []);
    }
}
