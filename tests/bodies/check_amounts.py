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
    """The adapter sends what the tables say. Amounts that no currency of that size is charged in are not compared."""
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


def check(path, wheels):
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    of = lambda table, name: [line for line in lines if (line["table"], line["gateway"]) == (table, name)]
    stripe, paypal = Stripe(wheels), Paypal(wheels)
    # A currency that the sandbox does not know is none of Stripe's: nothing of it is taken, whatever it is.
    taken = {line["currency"] for line in of("sandbox", "stripe") if line["status"] == 200}
    known = lambda lines: [line for line in lines if line["currency"] in taken]
    assert len(taken) > 130, f"Stripe takes more than {len(taken)} currencies"
    assert {"UGX", "ISK", "IDR", "MGA", "KWD", "HUF", "TWD"} <= taken, "some of Stripe's currencies are missing"
    faults = [
        *adapter_faults(stripe, "Stripe", known(of("adapter", "stripe"))),
        *stripe_sandbox_faults(stripe, known(of("sandbox", "stripe"))),
        *adapter_faults(paypal, "PayPal", of("adapter", "paypal")),
        *paypal_sandbox_faults(paypal, of("sandbox", "paypal")),
    ]
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        sys.exit(f"{len(faults)} amounts are not as others say")
    print(f"amounts: {len(lines)} in {len(taken)} currencies of Stripe's and {len(paypal.taken)} of PayPal's are as others say")


if __name__ == "__main__":
    check(*sys.argv[1:])
