#!/usr/bin/env python3
"""Checks what we send to Stripe against the parameters in Stripe's own Python library.

Usage: check_stripe.py SENT-REQUESTS; check_stripe.py --self-test
"""

import re
import sys
from urllib.parse import parse_qsl

import sent
import stripe
import stripe_params

# Within a release Stripe only adds: what its library knows of the release that we pin, every later version takes too.
DATE, _, RELEASE = stripe.api_version.partition(".")


def form(request):
    return dict(parse_qsl(request["body"], keep_blank_values=True))


def to(method, path, **fields):
    """Recognizes a request by its method, its path, and what its form says: `None` is for what it must not say, and
    `...` for whatever. (`a__b` is Stripe's `a[b]`.)"""

    def name(field):
        first, *rest = field.split("__")
        return first + "".join(f"[{one}]" for one in rest)

    def is_it(request):
        if request["method"] != method or not re.fullmatch(path, request["path"]):
            return False
        said = form(request)
        return all(
            name(field) in said if value is ... else said.get(name(field)) == value for field, value in fields.items()
        )

    return is_it


INTENTS, INTENT = "/v1/payment_intents", "/v1/payment_intents/[^/]+"
EXPECTED = {
    "a charge": to("POST", INTENTS, confirm="true", capture_method="automatic", customer=None, off_session=None),
    "a charge in a currency without decimals": to("POST", INTENTS, currency="jpy", amount="2000"),
    "a charge with a description": to("POST", INTENTS, description=...),
    "a charge with a page to come back to": to("POST", INTENTS, return_url=...),
    "a bank debit": to("POST", INTENTS, mandate_data__customer_acceptance__type="offline"),
    "a reservation": to("POST", INTENTS, capture_method="manual"),
    "a first charge of what is saved": to("POST", INTENTS, setup_future_usage="off_session", customer=...),
    "a renewal": to("POST", INTENTS, off_session="true", customer=..., setup_future_usage=None),
    "a capture": to("POST", f"{INTENT}/capture", amount_to_capture="2000"),
    "a partial capture": to("POST", f"{INTENT}/capture", amount_to_capture="1234"),
    "a cancellation": to("POST", f"{INTENT}/cancel"),
    "a refund": to("POST", "/v1/refunds", amount="2000", reason=None),
    "a partial refund of a duplicate": to("POST", "/v1/refunds", amount="150", reason="duplicate"),
    "a partial refund of a fraud": to("POST", "/v1/refunds", amount="250", reason="fraudulent"),
    "a partial refund on request": to("POST", "/v1/refunds", amount="300", reason="requested_by_customer"),
    "a customer with a method": to("POST", "/v1/customers", payment_method=..., email=..., name=...),
    "another method of a customer": to("POST", "/v1/payment_methods/[^/]+/attach", customer=...),
    "whose a method is": to("GET", "/v1/payment_methods/[^/]+"),
    "a look-up of a payment": to("GET", INTENT),
    "a look-up among payments": to("GET", INTENTS),
    "a look-up of a refund": to("GET", "/v1/refunds/[^/]+"),
    "a look-up among refunds": to("GET", "/v1/refunds"),
    "a look-up of a dispute": to("GET", "/v1/disputes/[^/]+"),
    "what moved in a time": to("GET", "/v1/balance_transactions"),
}


def faults(request):
    """What is wrong with a request, its headers included."""
    headers, method = request["headers"], request["method"]
    at = f"{method} {request['path']}"
    date, _, release = headers.get("stripe-version", "").partition(".")
    if release != RELEASE or date < DATE:
        yield f"{at}: the version {date}.{release} is none that {stripe.api_version} speaks for"
    if method == "POST":
        if request["body"] and request["content_type"] != "application/x-www-form-urlencoded":
            yield f"{at}: {request['content_type']} is no form"
        if not 0 < len(headers.get("idempotency-key", "")) <= 255:
            yield f"{at}: no key that Stripe would keep"
    text, other = (request["query"], request["body"]) if method == "GET" else (request["body"], request["query"])
    if other:
        yield f"{at}: parameters where a {method} has none"
    yield from stripe_params.faults(method, request["path"], text)


def check(path):
    requests = sent.of("stripe", path)
    found = [f"nobody has sent {name}" for name in sent.missing(EXPECTED, requests)]
    found += dict.fromkeys(fault for request in requests for fault in faults(request))
    sent.finish("Stripe", requests, found)


# ---- whether the check would notice

GOOD = "amount=2000&currency=eur&payment_method=pm_1&confirm=true&metadata[a]=b&expand[0]=latest_charge.balance_transaction"
WRONG = [
    ("payment_method_types[0]=card", "payment_method_types: unknown"),
    ("payment_method_types[0]=card&error_on_requires_action=true", "payment_method_types: unknown"),
    ("colour=blue", "colour: unknown"),
    ("automatic_payment_methods[enabled]=true&automatic_payment_methods[colour]=blue", "colour: unknown"),
    ("automatic_payment_methods[allow_redirects]=never", "automatic_payment_methods.enabled: missing"),
    ("automatic_payment_methods=true", "automatic_payment_methods: no group"),
    ("mandate_data[customer_acceptance][type]=paper", "'paper' is none of"),
    ("mandate_data[customer_acceptance][online][ip]=1", "online.ip: unknown"),
    ("capture_method=later", "'later' is none of"),
    ("off_session=maybe", "'maybe'"),
    ("error_on_requires_action=yes", "'yes' is no boolean"),
    ("application_fee_amount=1.5", "'1.5' is no integer"),
    ("amount[0]=1", "amount[0]: said twice"),
    ("currency=usd", "currency: said twice"),
    ("description[a]=b", "description: has parts"),
    ("metadata[c][d]=e", "metadata[c]: has parts"),
    ("idempotency_key=a", "idempotency_key: unknown"),
    ("expand[1]=charges", "cannot be expanded: 'charges'"),
    ("expand[1]=latest_charge.amount", "cannot be expanded: 'amount'"),
    ("expand[2]=customer", "expand: no list"),
]
ELSEWHERE = [
    ("POST", "/v1/payment_intents", "amount=2000", "currency: missing"),
    ("POST", "/v1/payment_intent", "", "no such endpoint"),
    ("GET", "/v1/payment_intents", "limit=ten", "'ten' is no integer"),
    ("GET", "/v1/payment_intents", "created[since]=1", "created.since: unknown"),
    ("GET", "/v1/payment_intents", "expand[0]=latest_charge", "not in the members of a list"),
    ("POST", "/v1/refunds", "reason=expired_uncaptured_charge", "is none of"),
    ("POST", "/v1/payment_intents/pi_1/cancel", "cancellation_reason=expired", "is none of"),
]
RIGHT = [
    ("POST", "/v1/payment_intents", GOOD),
    ("POST", "/v1/payment_intents", f"{GOOD}&off_session=one_off&expand[1]=customer"),
    ("POST", "/v1/payment_intents/pi_1/cancel", ""),
    ("GET", "/v1/payment_intents", "created[gte]=1&created[lte]=2&expand[0]=data.latest_charge.balance_transaction"),
    ("GET", "/v1/balance_transactions", "limit=100&expand[0]=data.source"),
    ("POST", "/v1/customers", "payment_method=pm_1&expand[0]=invoice_settings.default_payment_method"),
]


def self_test():
    wrong = [("POST", "/v1/payment_intents", f"{GOOD}&{more}", fault) for more, fault in WRONG] + ELSEWHERE
    for method, path, text, fault in wrong:
        found = stripe_params.faults(method, path, text)
        assert any(fault in one for one in found), f"{method} {path} {text}: {found}, and not {fault!r}"
    for method, path, text in RIGHT:
        assert stripe_params.faults(method, path, text) == [], stripe_params.faults(method, path, text)
    assert sent.missing(EXPECTED, []) == list(EXPECTED)
    print(f"the check itself: {len(wrong)} faults are noticed, by stripe {stripe.VERSION} ({stripe.api_version})")


if __name__ == "__main__":
    self_test()
    if sys.argv[1:] != ["--self-test"]:
        check(*sys.argv[1:])
