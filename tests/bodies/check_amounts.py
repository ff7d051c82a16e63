#!/usr/bin/env python3
"""Checks what our adapters send, and what the sandbox takes, for every currency, against tables of others.

Usage: check_amounts.py CURRENCIES WHEELS

CURRENCIES was written by `tests/system/contract/currencies.rs`, WHEELS is a folder with the packages of `tables.txt`.
The adapters and the sandbox are compared with those tables one by one, and never with each other: where one person
has read a gateway's table for both of them, both are wrong together.
"""

import ast
import json
import sys
import zipfile
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qsl
from xml.etree import ElementTree


def read(wheels, package, path):
    """One file of a package."""
    [wheel] = Path(wheels).glob(f"{package}-*.whl")
    with zipfile.ZipFile(wheel) as files:
        return files.read(path).decode()


def constant(source, name):
    """What a module says that a name stands for; `frozenset(…)` is what it holds."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == name:
            value = node.value.args[0] if isinstance(node.value, ast.Call) else node.value
            return ast.literal_eval(value)
    raise LookupError(name)


class Stripe:
    """pretix says which currencies have no decimals at Stripe, and the standard which have three. Those that the
    standard gives none, and Stripe two, are whole amounts all the same; of three decimals the last must be zero."""

    def __init__(self, wheels):
        self.places = constant(read(wheels, "pretix", "pretix/_base_settings.py"), "CURRENCY_PLACES")
        table = ElementTree.fromstring(read(wheels, "iso4217", "iso4217/table.xml"))
        entries = ((entry.findtext("Ccy"), entry.findtext("CcyMnrUnts")) for entry in table.iter("CcyNtry"))
        self.standard = {code: int(units) for code, units in entries if units and units.isdigit()}

    def decimals(self, currency):
        return 3 if self.standard.get(currency) == 3 else self.places.get(currency, 2)

    def step(self, currency):
        decimals = self.decimals(currency)
        return {3: 10, 2: 100 if self.standard.get(currency) == 0 else 1, 0: 1}[decimals]

    def most(self, currency):
        """Stripe's own words: eight digits, and twelve of rupiah. None of the tables has it."""
        return 10 ** (12 if currency == "IDR" else 8) - 1

    def takes(self, currency, minor):
        return minor % self.step(currency) == 0 and minor <= self.most(currency)

    def sent(self, body):
        """What a form asks for, in minor units."""
        form = dict(parse_qsl(body))
        return form["currency"].upper(), int(form["amount"])

    def expected(self, currency, amount):
        minor = Decimal(amount) * 10 ** self.decimals(currency)
        whole = minor == int(minor) and self.takes(currency, int(minor))
        return int(minor) if whole else None


class Paypal:
    """dj-paypal-checkout says which currencies PayPal takes, and which of them without decimals."""

    def __init__(self, wheels):
        money = read(wheels, "dj_paypal_checkout", "paypal_checkout/money.py")
        self.taken = constant(money, "SUPPORTED_CURRENCIES")
        self.whole = constant(money, "ZERO_DECIMAL_CURRENCIES")

    def decimals(self, currency):
        return 0 if currency in self.whole else 2

    def sent(self, body):
        amount = json.loads(body)["purchase_units"][0]["amount"]
        return amount["currency_code"], amount["value"]

    def expected(self, currency, amount):
        """What is sent for an amount; nothing for what PayPal does not take."""
        decimals = self.decimals(currency)
        exact = Decimal(amount) == round(Decimal(amount), decimals)
        return f"{Decimal(amount):.{decimals}f}" if exact and currency in self.taken else None


def adapter_faults(gateway, name, lines):
    """The adapter sends what the tables say, and nothing where they say that it cannot be said."""
    for line in lines:
        currency, amount = line["currency"], line["amount"]
        sent = gateway.sent(line["body"]) if line["body"] else None
        expected = gateway.expected(currency, amount)
        if sent != (None if expected is None else (currency, expected)):
            yield f"the adapter sends {name} {sent} for {amount} {currency}, and others {expected}"


def stripe_sandbox_faults(gateway, lines):
    """The sandbox takes what the tables say, and its books say what the payer's bank would."""
    for line in lines:
        currency, minor = line["currency"], int(line["amount"])
        if (line["status"] == 200) != gateway.takes(currency, minor):
            yield f"the sandbox answers {line['status']} to {minor} in minor units of {currency} at Stripe"
        elif line["status"] == 200 and (line["captured"], line["decimals"]) != (minor, gateway.decimals(currency)):
            yield f"the sandbox's books say {line['captured']} with {line['decimals']} decimals of {minor} {currency}"


def paypal_sandbox_faults(gateway, lines):
    for line in lines:
        currency, value = line["currency"], line["amount"]
        decimals = gateway.decimals(currency)
        places = len(value.partition(".")[2])
        takes = currency in gateway.taken and places <= decimals
        if (line["status"] == 201) != takes:
            yield f"the sandbox answers {line['status']} to {value} {currency} at PayPal"
        elif takes and Decimal(line["captured"]) != Decimal(value) * 10 ** line["decimals"]:
            yield f"the sandbox's books say {line['captured']} with {line['decimals']} decimals of {value} {currency}"


def taken_by_stripe(lines):
    """A currency that the sandbox does not know is none of Stripe's: nothing of it is taken, whatever it is."""
    return {line["currency"] for line in of(lines, "sandbox", "stripe") if line["status"] == 200}


def of(lines, table, gateway):
    return [line for line in lines if (line["table"], line["gateway"]) == (table, gateway)]


def all_faults(stripe, paypal, lines):
    taken = taken_by_stripe(lines)
    if len(taken) < 130:
        yield f"Stripe takes more than {len(taken)} currencies"
    for code in {"UGX", "ISK", "IDR", "MGA", "KWD", "HUF", "TWD"} - taken:
        yield f"Stripe takes {code}"
    known = [line for line in lines if line["gateway"] == "paypal" or line["currency"] in taken]
    yield from adapter_faults(stripe, "Stripe", of(known, "adapter", "stripe"))
    yield from stripe_sandbox_faults(stripe, of(known, "sandbox", "stripe"))
    yield from adapter_faults(paypal, "PayPal", of(known, "adapter", "paypal"))
    yield from paypal_sandbox_faults(paypal, of(known, "sandbox", "paypal"))


# What a wrong reading of a table would have left in the file: where, what then, and what is said of it.
WRONG = [
    (("adapter", "stripe", "UGX", "1000"), {"body": "amount=1000&currency=ugx"}, "('UGX', 1000) for 1000 UGX"),
    (("adapter", "stripe", "MGA", "1000"), {"body": "amount=100000&currency=mga"}, "('MGA', 100000) for 1000 MGA"),
    (("adapter", "stripe", "KWD", "1000.005"), {"body": "amount=1000005&currency=kwd"}, "1000005) for 1000.005 KWD"),
    (("adapter", "stripe", "IDR", "1000000"), {"body": None}, "None for 1000000 IDR"),
    (("adapter", "stripe", "EUR", "1000000"), {"body": "amount=100000000&currency=eur"}, "for 1000000 EUR"),
    (("adapter", "stripe", "JPY", "1000"), {"body": "amount=1000&currency=eur"}, "('EUR', 1000) for 1000 JPY"),
    (("adapter", "paypal", "HUF", "1000.5"), {"body": None}, None),
    (("adapter", "paypal", "TWD", "1000"), {"body": None}, "None for 1000 TWD"),
    (("sandbox", "stripe", "UGX", "100001"), {"status": 200}, "answers 200 to 100001 in minor units of UGX"),
    (("sandbox", "stripe", "UGX", "100000"), {"decimals": 0}, "with 0 decimals of 100000 UGX"),
    (("sandbox", "stripe", "ISK", "100010"), {"status": 200}, "answers 200 to 100010 in minor units of ISK"),
    (("sandbox", "stripe", "IDR", "999999999900"), {"status": 400}, "answers 400 to 999999999900"),
    (("sandbox", "stripe", "JPY", "100000"), {"decimals": 2}, "with 2 decimals of 100000 JPY"),
    (("sandbox", "paypal", "HUF", "1000.5"), {"status": 201}, "answers 201 to 1000.5 HUF"),
    (("sandbox", "paypal", "INR", "1000"), {"status": 201}, "answers 201 to 1000 INR"),
    (("sandbox", "paypal", "JPY", "1000"), {"decimals": 2}, "with 2 decimals of 1000 JPY"),
]


def self_test(stripe, paypal, lines):
    """Each wrong reading would be noticed, and nothing else with it."""
    for place, wrong, said in WRONG:
        is_it = lambda line: (line["table"], line["gateway"], line["currency"], line["amount"]) == place
        changed = [line | wrong if is_it(line) else line for line in lines]
        found = list(all_faults(stripe, paypal, changed))
        right = len(found) == 1 and said in found[0] if said else not found
        assert right, f"{place} with {wrong}: {found}, and not {said!r}"


def check(path, wheels):
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    stripe, paypal = Stripe(wheels), Paypal(wheels)
    faults = list(all_faults(stripe, paypal, lines))
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        sys.exit(f"{len(faults)} amounts are not as others say")
    self_test(stripe, paypal, lines)
    count = f"{len(lines)} in {len(taken_by_stripe(lines))} currencies of Stripe's and {len(paypal.taken)} of PayPal's"
    print(f"amounts: {count} are as others say; {len(WRONG)} wrong readings would be noticed")


if __name__ == "__main__":
    check(*sys.argv[1:])
