//! The rules on which every model is built, against billing.md's own table.

use chrono::NaiveDate;
use tests::calendar::{At, Every, Unit, midnight, share};

#[test]
fn the_table_of_cases_holds() {
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let month = |count| Every { count, unit: Unit::Month };
    for (first, every, n, expected) in [
        ("2022-12-31", month(1), 2, "2023-02-28"),
        ("2022-12-31", month(1), 14, "2024-02-29"),
        ("2024-01-30", month(1), 1, "2024-02-29"),
        ("2022-01-31", month(3), 1, "2022-04-30"),
        ("2024-02-29", Every { count: 1, unit: Unit::Year }, 4, "2028-02-29"),
        ("2024-02-29", Every { count: 1, unit: Unit::Year }, 1, "2025-02-28"),
        ("2015-05-01", Every { count: 1, unit: Unit::Week }, 2, "2015-05-15"),
    ] {
        assert_eq!(every.after(day(first), n), day(expected));
    }
    for (text, zone, expected) in [
        ("2023-03-01", chrono_tz::Asia::Kolkata, "2023-02-28T18:30:00Z"),
        ("2024-03-10", chrono_tz::America::New_York, "2024-03-10T05:00:00Z"),
        ("2024-04-10", chrono_tz::America::New_York, "2024-04-10T04:00:00Z"),
        ("2024-04-26", chrono_tz::Africa::Cairo, "2024-04-25T22:00:00Z"),
    ] {
        assert_eq!(midnight(day(text), zone), expected.parse::<At>().unwrap(), "{text}");
    }
    for (amount, part, whole, expected) in [
        (-24995, 29, 31, -23382),
        (24995, 27, 30, 22496),
        (3000, 21, 31, 2032),
        (-1000, 21, 31, -677),
        (-101, 15, 30, -51),
        (201, 15, 30, 101),
    ] {
        assert_eq!(share(amount, part, whole), expected, "{amount}");
    }
}
