//! The cases of the rule book, properties over any sequence of changes, and exact fractions' table
//! (`oracle.py`).

use chrono::Days;
use proptest::prelude::*;

use super::*;
use crate::{
    id::InvoiceId,
    invoice::{
        self, Invoice, Line, LineRef, Occasion, Percent, TaxRate,
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
    let line = LineRef { invoice: InvoiceId::new(), position: 0 };
    Billed::paid(line, amount(unit), quantity, days, amount(unit) * Decimal::from(quantity))
}

/// All of it was paid.
fn book(lines: Vec<Billed>) -> Book {
    let paid = |billed: &Billed| Funds {
        invoice: billed.line.invoice,
        due: Decimal::ZERO,
        paid: billed.billed.total() - billed.credited.total(),
    };
    Book { funds: lines.iter().map(paid).collect(), lines }
}

fn point<'a>(book: &'a Book, period: Span, day: &str, code: &str) -> ProrationPoint<'a> {
    ProrationPoint { book, period, day: day.parse().unwrap(), currency: currency(code) }
}

fn amounts(adjustment: &Adjustment) -> Vec<String> {
    let items = &adjustment.items;
    let amount = |item: &Item| match item {
        Item::Sale(sale) => sale.amount,
        Item::Credit(share) | Item::Return(share) => share.amount,
    };
    items.iter().map(|item| amount(item).to_string()).collect()
}

#[track_caller]
fn assert_swap(code: &str, units: (&str, &str), period: Span, day: &str, expected: &[&str]) {
    let book = book(vec![billed(units.0, 1, period)]);
    let items = point(&book, period, day, code).swap(&seats(units.1, 1)).unwrap();
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
    let book = book(vec![billed("249.95", 1, period)]);
    let items = point(&book, period, "2025-03-04", "EUR").end().unwrap();
    assert_eq!(amounts(&items), ["-233.82"]);
}

#[test]
fn case_12_a_resumption_charges_the_rest() {
    let period = span("2025-04-02", "2025-05-02");
    let book = Book::default();
    let items = point(&book, period, "2025-04-05", "EUR").resize(0, &seats("249.95", 1)).unwrap().0;
    assert_eq!(amounts(&items), ["224.96"]);
}

#[test]
fn case_13_three_more_seats_are_one_line() {
    let period = span("2025-03-15", "2025-04-15");
    let book = book(vec![billed("10", 5, period)]);
    let items = point(&book, period, "2025-03-25", "EUR").resize(0, &seats("10.00", 8)).unwrap().0;
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
    let book = book(vec![billed("10", 5, period), billed("10", 3, span("2025-06-11", "2025-07-01"))]);
    let items = point(&book, period, "2025-06-21", "EUR").resize(0, &seats("10", 4)).unwrap().0;
    // Three of 20 days that were billed at 30.00, half of them left; one of five for 30 days, a third left.
    assert_eq!(amounts(&items), ["-15.00", "-3.33"]);
    assert!(matches!(
        items.items[..],
        [Item::Credit(Share { quantity: 3, .. }), Item::Credit(Share { quantity: 1, .. })]
    ));
}

#[test]
fn no_more_is_given_back_than_was_paid_after_discounts() {
    let period = span("2025-06-01", "2025-07-01");
    let net = |text| NetAndTax { net: amount(text), tax: Decimal::ZERO };
    let half_price = Billed { billed: net("5"), ..billed("10", 1, period) };
    let given = Billed { credited: net("4.90"), ..half_price.clone() };
    for (billed, expected) in [(half_price, "-2.50"), (given, "-0.10")] {
        let book = book(vec![billed]);
        let items = point(&book, period, "2025-06-16", "EUR").end().unwrap();
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
                let point =
                    ProrationPoint { book: &Book::default(), period, day, currency: currency(words[1]) };
                point.resize(0, &seats(words[2], number(3))).unwrap().0
            }
            _ => {
                let (period, day) = days(5);
                let quantity = number(4);
                let net = |at: usize| NetAndTax { net: amount(words[at]), tax: Decimal::ZERO };
                let billed = Billed { quantity, billed: net(2), credited: net(7), ..billed("0", 1, period) };
                let book = book(vec![billed]);
                let point = ProrationPoint { book: &book, period, day, currency: currency(words[1]) };
                point.resize(0, &seats("0", quantity - number(3))).unwrap().0
            }
        };
        // What is worth nothing is not told.
        let found = amounts(&found).pop().unwrap_or_else(|| "0".into()).replace('-', "");
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

/// The invoices of one period, in their order: all are paid.
struct Invoices {
    all: Vec<Invoice>,
    tax: Option<TaxRate>,
}

impl Invoices {
    fn write(&mut self, items: &[Item]) -> Decimal {
        let id = InvoiceId::new();
        let terms = Terms { invoice: id, currency: currency("EUR"), discounts: &[], tax: self.tax.as_ref() };
        let lines = lines(items, &terms).unwrap();
        let total: Decimal = lines.iter().map(|line| line.amount).sum();
        let paid = invoice::state::tests::invoice(invoice::Status::Paid, &total.to_string());
        let occasion = match u32::try_from(self.all.len()).unwrap() {
            0 => Occasion::Period,
            change => Occasion::Change(change),
        };
        self.all.push(Invoice { id, lines, occasion, ..paid });
        total
    }

    fn book(&self) -> Book {
        Book::of(&self.all, &[], &Gone::new())
    }

    /// What each sale was billed, and what of it was given back: net and tax.
    fn sales(&self) -> Vec<[Decimal; 4]> {
        let all = || self.all.iter().flat_map(|invoice| &invoice.lines);
        let sold = |line: &Line| matches!(line.kind, LineKind::Period | LineKind::ProrationCharge);
        self.all
            .iter()
            .flat_map(Invoice::places)
            .filter(|(_, line)| sold(line))
            .map(|(place, line)| {
                let given = |what: fn(&Line) -> Decimal| -> Decimal {
                    all()
                        .filter(|line| line.kind == LineKind::ProrationCredit && line.of == Some(place))
                        .map(what)
                        .sum()
                };
                [line.amount, line.tax, -given(|line| line.amount), -given(|line| line.tax)]
            })
            .collect()
    }
}

fn seats_of(unit_amount: Decimal, quantity: u32) -> Seats<'static> {
    Seats { name: "Pro", unit_amount, quantity }
}

fn first(unit: Decimal, quantity: u32, period: Span) -> Item {
    Item::Sale(Sale::period("Pro", unit, quantity, period, currency("EUR")).unwrap())
}

fn period_of(length: u32) -> Span {
    let from = NaiveDate::from_ymd_opt(2025, 1, 31).unwrap();
    Span { from, to: from + Days::new(length.into()) }
}

proptest! {
    /// Whatever changes, in whatever order: no line gives back more than it billed, and the seats in force
    /// are the seats there are, but for those that are worth nothing.
    #[test]
    fn credits_never_exceed_what_was_billed(
        cents in 1_u32..1_000_000, quantity in 1_u32..20, length in 1_u32..92, steps in steps(), rate in 0_usize..3,
    ) {
        let period = period_of(length);
        let percent = Percent::new(amount("19")).unwrap();
        let tax = |inclusive| TaxRate { name: "VAT".into(), percent, inclusive };
        let mut invoices = Invoices { all: Vec::new(), tax: [None, Some(tax(false)), Some(tax(true))][rate].clone() };
        let price = |cents: u32| Decimal::new(cents.into(), 2);
        let (mut unit, mut count) = (price(cents), quantity);
        let euro = currency("EUR");
        invoices.write(&[first(unit, count, period)]);
        let mut day = period.from;
        for (later, step) in steps {
            day = (day + Days::new(later.into())).min(period.to);
            let book = invoices.book();
            let point = ProrationPoint { book: &book, period, day, currency: euro };
            let adjustment = match step {
                Step::Swap(cents, quantity) if count > 0 => {
                    (unit, count) = (price(cents), quantity);
                    point.swap(&seats_of(unit, count))
                }
                Step::Resize(quantity) if count > 0 => {
                    count = quantity;
                    point.swap(&seats_of(unit, count))
                }
                Step::Pause => {
                    count = 0;
                    point.end()
                }
                Step::Resume(cents, quantity) if count == 0 => {
                    (unit, count) = (price(cents), quantity);
                    point.swap(&seats_of(unit, count))
                }
                Step::Swap(..) | Step::Resize(_) | Step::Resume(..) => continue,
            }.unwrap();
            prop_assert_eq!(&adjustment.notes, &[], "all was paid");
            invoices.write(&adjustment.items);
            if day < period.to && unit * Decimal::from(count) > Decimal::from(length) {
                let in_force: u32 = invoices.book().lines.iter().map(Billed::in_force).sum();
                prop_assert!(in_force >= count);
            }
            for [net, tax, given, given_tax] in invoices.sales() {
                prop_assert!(Decimal::ZERO <= given && given <= net, "{given} of {net}");
                prop_assert!(Decimal::ZERO <= given_tax && given_tax <= tax, "{given_tax} of {tax}");
            }
        }
    }

    /// A change and its reversal on one day, and a pause and a resumption, cost nothing, to the cent.
    #[test]
    fn nothing_for_nothing(
        cents in 0_u32..10_000_000, other in 0_u32..10_000_000, quantity in 1_u32..500, fewer in 0_u32..500,
        length in 1_u32..400, passed in 0_u32..400, inclusive: bool,
    ) {
        let period = period_of(length);
        let percent = Percent::new(amount("7.7")).unwrap();
        let day = period.from + Days::new((passed % length).into());
        let price = |cents: u32| Decimal::new(cents.into(), 2);
        let old = seats_of(price(cents), quantity);
        for new in [seats_of(price(other), quantity), seats_of(price(cents), fewer.min(quantity)), seats_of(price(cents), 0)] {
            let tax = Some(TaxRate { name: "VAT".into(), percent, inclusive });
            let mut invoices = Invoices { all: Vec::new(), tax };
            invoices.write(&[first(old.unit_amount, quantity, period)]);
            let mut cost = Decimal::ZERO;
            for to in [&new, &old] {
                let book = invoices.book();
                let point = ProrationPoint { book: &book, period, day, currency: currency("EUR") };
                cost += invoices.write(&point.swap(to).unwrap().items);
            }
            prop_assert_eq!(cost, Decimal::ZERO, "{:?} and back", new);
        }
    }
}
