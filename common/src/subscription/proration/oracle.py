#!/usr/bin/env python3
"""Proration in exact fractions, rounded once, half away from zero.

    python3 oracle.py > oracle.txt

One line is one case, with random numbers from a fixed seed:

    charge CODE UNIT QUANTITY D T            -> AMOUNT
    credit CODE NET SEATS OF_SEATS D T GIVEN -> AMOUNT   (positive; GIVEN was given back before)
"""

import random
from fractions import Fraction

CURRENCIES = {"EUR": 2, "JPY": 0, "KWD": 3}
random.seed(20250301)


def coins(amount, exponent):
    """The nearest number of coins; a half goes up (no amount here is negative)."""
    scaled = amount * 10**exponent
    return (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)


def text(number, exponent):
    if exponent == 0:
        return str(number)
    return f"{number // 10**exponent}.{number % 10**exponent:0{exponent}d}"


def days():
    whole = random.choice([1, 7, 14, 28, 29, 30, 30, 31, 31, 90, 91, 92, 365, 366, random.randint(1, 1096)])
    return random.randint(1, whole), whole


def price(exponent):
    return random.randint(0, random.choice([10, 999, 99_999, 10**7, 10**12]) * (1 if exponent else 10))


def main():
    for _ in range(1500):
        code, exponent = random.choice(list(CURRENCIES.items()))
        d, whole = days()
        unit, quantity = price(exponent), random.choice([1, 1, 2, 3, 7, random.randint(1, 5000)])
        amount = coins(Fraction(unit, 10**exponent) * quantity * d / whole, exponent)
        if amount < 10**15 * 10**exponent:
            print("charge", code, text(unit, exponent), quantity, d, whole, text(amount, exponent))
    for _ in range(1500):
        code, exponent = random.choice(list(CURRENCIES.items()))
        d, whole = days()
        net, seats = price(exponent), random.choice([1, 1, 2, 3, random.randint(1, 500)])
        part = random.randint(1, seats)
        given = random.choice([0, 0, random.randint(0, net)])
        amount = min(coins(Fraction(net, 10**exponent) * Fraction(part, seats) * Fraction(d, whole), exponent), net - given)
        print("credit", code, text(net, exponent), part, seats, d, whole, text(given, exponent), text(amount, exponent))


main()
