#!/usr/bin/env python3
"""Boundaries as another calendar library sees them: python-dateutil for the days, zoneinfo for the clocks.

    python3 oracle.py > oracle.txt

One line is one series: zone, anchor, unit, count, and the boundaries `n:seconds since 1970`. The search for
midnight goes minute by minute, so that nothing of ours is repeated here.
"""

from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

ZONES = [
    "UTC", "America/New_York", "America/Los_Angeles", "America/Sao_Paulo", "America/Santiago", "America/St_Johns",
    "America/Havana", "America/Asuncion", "Europe/London", "Europe/Berlin", "Africa/Cairo", "Africa/Casablanca",
    "Asia/Kolkata", "Asia/Tehran", "Asia/Beirut", "Asia/Gaza", "Asia/Kathmandu", "Asia/Tokyo", "Australia/Sydney",
    "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Apia", "Atlantic/Azores",
]
ANCHORS = [date(2011, 12, 29), date(2016, 10, 16), date(2023, 12, 31), date(2024, 1, 30), date(2024, 2, 29), date(2024, 4, 26)]
SERIES = [
    ("day", 1, [0, 1, 2, 3, 59, 91, 182, 303]),
    ("day", 10, [1, 7, 36, 73]),
    ("week", 1, [1, 10, 27, 44, 104]),
    ("week", 2, [3, 13, 26]),
    ("month", 1, [1, 2, 3, 6, 9, 10, 13, 25, 37, 150]),
    ("month", 3, [1, 2, 5, 8]),
    ("year", 1, [1, 2, 4, 10]),
    ("year", 2, [1, 3]),
]


def first_instant(day, zone):
    """The first minute at which the zone's clocks show `day` or later."""
    wanted = datetime(day.year, day.month, day.day)
    instant = wanted.replace(tzinfo=timezone.utc) - timedelta(hours=15)
    while instant.astimezone(zone).replace(tzinfo=None) < wanted:
        instant += timedelta(minutes=1)
    return int(instant.timestamp())


def main():
    for name in ZONES:
        zone = ZoneInfo(name)
        for anchor in ANCHORS:
            for unit, count, numbers in SERIES:
                rows = []
                for n in numbers:
                    day = anchor + relativedelta(**{unit + "s": n * count})
                    rows.append(f"{n}:{first_instant(day, zone)}")
                print(name, anchor.isoformat(), unit, count, *rows)


main()
