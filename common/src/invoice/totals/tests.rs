//! Lines add up, by table and by property.

use proptest::prelude::*;

use super::*;
use crate::invoice::{Duration, Percent};

fn amount(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn euro() -> Currency {
    Currency::from_code("EUR").unwrap()
}

fn days() -> Span {
    Span { from: "2025-01-01".parse().unwrap(), to: "2025-02-01".parse().unwrap() }
}

fn period(unit: &str, quantity: u32) -> Item {
    Item::Sale(Sale::period("Pro", amount(unit), quantity, days(), euro()).unwrap())
}

fn charge(unit: &str) -> Item {
    let sale = Sale::period("Pro", amount(unit), 1, days(), euro()).unwrap();
    Item::Sale(Sale { kind: LineKind::ProrationCharge, ..sale })
}

fn credit(net: &str, tax: &str) -> Item {
    Item::Credit(Share {
        of: LineRef { invoice: InvoiceId::new(), position: 0 },
        description: "Unused: Pro".into(),
        quantity: 1,
        unit_amount: amount("10"),
        amount: amount(net),
        tax: amount(tax),
        days: days(),
    })
}

fn discount(reduction: Reduction) -> Discount {
    Discount {
        name: "Welcome".into(),
        reduction,
        duration: Duration::Forever,
        from_period: 0,
        until_period: None,
    }
}

fn percent(number: &str) -> Reduction {
    Reduction::Percent(Percent::new(amount(number)).unwrap())
}

fn vat(number: &str, inclusive: bool) -> TaxRate {
    TaxRate { name: "VAT".into(), percent: Percent::new(amount(number)).unwrap(), inclusive }
}

/// The lines as `kind amount tax`, and the total.
fn made(items: &[Item], discounts: &[Discount], tax: Option<TaxRate>) -> (Vec<String>, String) {
    let terms = Terms { invoice: InvoiceId::new(), currency: euro(), discounts, tax: tax.as_ref() };
    let lines = lines(items, &terms).unwrap();
    let text = |line: &Line| format!("{} {} {}", line.kind, line.amount, line.tax);
    (lines.iter().map(text).collect(), Totals::of(&lines).total.to_string())
}

#[test]
fn what_is_sold_is_the_total() {
    let (lines, total) = made(&[period("9.99", 3)], &[], None);
    assert_eq!((lines, total.as_str()), (vec!["period 29.97 0".to_owned()], "29.97"));
}

#[test]
fn tax_is_added_or_contained() {
    let (lines, total) = made(&[period("10", 1)], &[], Some(vat("19", false)));
    assert_eq!(lines, ["period 10.00 1.90", "tax 1.90 0"]);
    assert_eq!(total, "11.90");
    let (lines, total) = made(&[period("10", 1)], &[], Some(vat("19", true)));
    assert_eq!(lines, ["period 8.40 1.60", "tax 1.60 0"]);
    assert_eq!(total, "10.00");
}

#[test]
fn tax_is_on_what_discounts_leave() {
    let (lines, total) = made(&[period("100", 1)], &[discount(percent("25"))], Some(vat("20", false)));
    assert_eq!(lines, ["period 100.00 20.00", "discount -25.00 -5.00", "tax 15.00 0"]);
    assert_eq!(total, "90.00");
}

#[test]
fn discounts_come_one_after_the_other() {
    let both = [discount(percent("50")), discount(Reduction::Amount(amount("30")))];
    let (lines, total) = made(&[period("100", 1)], &both, None);
    assert_eq!(lines, ["period 100.00 0", "discount -50.00 0", "discount -30.00 0"]);
    assert_eq!(total, "20.00");
}

#[test]
fn an_amount_off_is_taken_off_once_and_never_below_nothing() {
    let off = [discount(Reduction::Amount(amount("15.00")))];
    let (lines, total) = made(&[period("10", 1), period("20", 1), charge("5")], &off, None);
    let expected = [
        "period 10.00 0",
        "discount -10.00 0",
        "period 20.00 0",
        "discount -5.00 0",
        "proration_charge 5.00 0",
    ];
    assert_eq!(lines, expected);
    assert_eq!(total, "20.00");
    assert_eq!(made(&[period("10", 1)], &off, None).1, "0.00");
}

#[test]
fn a_credit_keeps_its_own_share_of_tax() {
    let (lines, total) = made(&[credit("-8.40", "-1.60"), charge("20")], &[], Some(vat("19", true)));
    assert_eq!(lines, ["proration_credit -8.40 -1.60", "proration_charge 16.81 3.19", "tax 1.59 0"]);
    assert_eq!(total, "10.00");
    // Even where the tax has gone since.
    assert_eq!(
        made(&[credit("-8.40", "-1.60")], &[], None).0,
        ["proration_credit -8.40 -1.60", "tax -1.60 0"]
    );
}

#[test]
fn percentages_have_their_limits() {
    for number in ["0", "-1", "100.0001", "1.00001"] {
        assert!(Percent::new(amount(number)).is_err(), "{number}");
    }
    for number in ["0.0001", "100", "100.00000", "8.875"] {
        assert!(Percent::new(amount(number)).is_ok(), "{number}");
    }
}

#[test]
fn discounts_end() {
    let of = |duration, from_period| Discount { duration, from_period, ..discount(percent("10")) };
    for (discount, covered) in [
        (of(Duration::Once, 2), vec![2]),
        (of(Duration::Periods(2), 1), vec![1, 2]),
        (of(Duration::Forever, 3), vec![3, 4]),
    ] {
        let found: Vec<u32> = (0..5).filter(|index| discount.covers(*index)).collect();
        assert_eq!(found, covered, "{discount:?}");
    }
}

fn any_items() -> impl Strategy<Value = Vec<Item>> {
    let price = |cents: u32| Decimal::new(cents.into(), 2).to_string();
    let item = prop_oneof![
        (0_u32..1_000_000, 1_u32..50).prop_map(move |(cents, quantity)| period(&price(cents), quantity)),
        (0_u32..1_000_000).prop_map(move |cents| charge(&price(cents))),
        (0_i64..100_000, 0_i64..10_000).prop_map(|(net, tax)| {
            credit(&Decimal::new(-net, 2).to_string(), &Decimal::new(-tax, 2).to_string())
        }),
    ];
    proptest::collection::vec(item, 0..6)
}

fn any_discounts() -> impl Strategy<Value = Vec<Discount>> {
    let reduction = prop_oneof![
        (1_i64..=1_000_000).prop_map(|number| percent(&Decimal::new(number, 4).to_string())),
        (1_i64..500_000).prop_map(|cents| Reduction::Amount(Decimal::new(cents, 2))),
    ];
    proptest::collection::vec(reduction.prop_map(discount), 0..3)
}

proptest! {
    /// The parts add up, everything is whole coins, discounts never exceed what they reduce, and an inclusive
    /// tax changes nothing of what there is to pay.
    #[test]
    fn lines_add_up(items in any_items(), discounts in any_discounts(), rate in 1_i64..=1_000_000, inclusive: bool) {
        let tax = vat(&Decimal::new(rate, 4).to_string(), inclusive);
        let invoice = InvoiceId::new();
        let terms = Terms { invoice, currency: euro(), discounts: &discounts, tax: Some(&tax) };
        let made = lines(&items, &terms).unwrap();
        let totals = Totals::of(&made);
        prop_assert_eq!(totals.total, totals.subtotal + totals.discount + totals.tax);
        prop_assert_eq!(totals.total, made.iter().map(|line| line.amount).sum::<Decimal>());
        prop_assert_eq!(totals.tax, made.iter().map(|line| line.tax).sum::<Decimal>());
        for line in &made {
            prop_assert!(line.amount.normalize().scale() <= 2 && line.tax.normalize().scale() <= 2);
        }
        for (position, sale) in made.iter().enumerate().filter(|(_, line)| line.of.is_none()) {
            let place = LineRef { invoice, position: position.try_into().unwrap() };
            let off = made.iter().filter(|line| line.of == Some(place));
            let (net, tax) = off.fold((sale.amount, sale.tax), |(net, tax), off| (net + off.amount, tax + off.tax));
            prop_assert!(sale.kind == LineKind::Tax || (net >= Decimal::ZERO && tax >= Decimal::ZERO));
        }
        let untaxed = lines(&items, &Terms { tax: None, ..terms }).unwrap();
        if inclusive {
            prop_assert_eq!(totals.total, Totals::of(&untaxed).total);
        }
    }
}
