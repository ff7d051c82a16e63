#!/usr/bin/env python3
"""Checks what we send to PayPal against PayPal's own OpenAPI descriptions.

Usage: check_paypal.py SENT-REQUESTS; check_paypal.py --self-test
"""

import json
import re
import sys

import paypal_openapi
import sent

# PayPal describes neither, and there is not much to say of them.
TOKEN, CERTIFICATE = "/v1/oauth2/token", "/v1/notifications/certs/"
# Asks, and changes nothing: it needs no id.
VERIFY = "/v1/notifications/verify-webhook-signature"


def body(request):
    return json.loads(request["body"] or "{}")


def at(document, path):
    """What stands at a path like `purchase_units.0.amount.value`; `None` if nothing does."""
    for step in path.split("."):
        if isinstance(document, list):
            document = document[int(step)] if step.isdigit() and int(step) < len(document) else None
        else:
            document = document.get(step) if isinstance(document, dict) else None
    return document


def to(method, path, **fields):
    """Recognizes a request by its method, its path, and what its body says: `None` is for what it must not say, and
    `...` for whatever. (`a__b` is `a.b`.)"""

    def is_it(request):
        if request["method"] != method or not re.fullmatch(path, request["path"]):
            return False
        said = {name: at(body(request), name.replace("__", ".")) for name in fields}
        return all(said[name] is not None if value is ... else said[name] == value for name, value in fields.items())

    return is_it


ORDERS, ORDER = "/v2/checkout/orders", "/v2/checkout/orders/[^/]+"
AUTHORIZATION, CAPTURE = "/v2/payments/authorizations/[^/]+", "/v2/payments/captures/[^/]+"
VAULT, PAGE = "payment_source__paypal__vault_id", "payment_source__paypal__experience_context__return_url"
VALUE, CURRENCY = "purchase_units__0__amount__value", "purchase_units__0__amount__currency_code"
EXPECTED = {
    "a token": to("POST", TOKEN),
    "a charge of a saved payer": to("POST", ORDERS, intent="CAPTURE", **{VAULT: ..., PAGE: ...}),
    "a charge of a saved payer who has no way home": to("POST", ORDERS, intent="CAPTURE", **{VAULT: ..., PAGE: None}),
    "a renewal": to("POST", ORDERS, intent="CAPTURE", **{VAULT: ..., PAGE: None, VALUE: "49.90"}),
    "a charge in a currency without decimals": to("POST", ORDERS, **{CURRENCY: "JPY", VALUE: "2000"}),
    "a charge with a description": to("POST", ORDERS, purchase_units__0__description=...),
    "a reservation of a saved payer": to("POST", ORDERS, intent="AUTHORIZE", **{VAULT: ...}),
    "an order that the payer approves": to("POST", ORDERS, intent="CAPTURE", **{VAULT: None, PAGE: ...}),
    "a reservation that the payer approves": to("POST", ORDERS, intent="AUTHORIZE", **{VAULT: None, PAGE: ...}),
    "a capture of an order": to("POST", f"{ORDER}/capture"),
    "an authorization of an order": to("POST", f"{ORDER}/authorize"),
    "a capture": to("POST", f"{AUTHORIZATION}/capture", amount__value="20.00", final_capture=True),
    "a partial capture": to("POST", f"{AUTHORIZATION}/capture", amount__value="12.34", final_capture=True),
    "a cancellation": to("POST", f"{AUTHORIZATION}/void"),
    "a refund": to("POST", f"{CAPTURE}/refund", amount__value="20.00"),
    "a partial refund": to("POST", f"{CAPTURE}/refund", amount__value="1.50"),
    "a refund of the rest": to("POST", f"{CAPTURE}/refund", amount__value="13.00"),
    "a look-up of an order": to("GET", ORDER),
    "a look-up of a capture": to("GET", CAPTURE),
    "a look-up of a refund": to("GET", "/v2/payments/refunds/[^/]+"),
    "what moved in a time": to("GET", "/v1/reporting/transactions"),
    "whose dispute it is": to("GET", "/v1/customer/disputes"),
    "a look-up of a dispute": to("GET", "/v1/customer/disputes/[^/]+"),
    "whether an event is PayPal's": to("POST", VERIFY),
}


def faults(request):
    """What is wrong with a request, its headers included."""
    where = f"{request['method']} {request['path']}"
    if request["path"].startswith(CERTIFICATE):
        return
    if request["path"] == TOKEN:
        if (request["body"], request["content_type"]) != (
            "grant_type=client_credentials",
            "application/x-www-form-urlencoded",
        ):
            yield f"{where}: {request['content_type']} {request['body']}"
        return
    if request["method"] == "POST":
        if request["content_type"] != "application/json":
            yield f"{where}: {request['content_type']} is not JSON"
        if request["path"] != VERIFY and not request["headers"].get("paypal-request-id"):
            yield f"{where}: no id that PayPal would know it by again"
    for fault in paypal_openapi.faults(request):
        yield f"{where}: {fault}"


def check(path):
    requests = sent.of("paypal", path)
    found = [f"nobody has sent {name}" for name in sent.missing(EXPECTED, requests)]
    found += dict.fromkeys(fault for request in requests for fault in faults(request))
    sent.finish("PayPal", requests, found)


# ---- whether the check would notice


def request(method, path, said=None, query="", **headers):
    text = said if isinstance(said, str) else "" if said is None else json.dumps(said)
    content = "application/json" if method == "POST" else None
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named = ({"paypal-request-id": "pay_1"} if method == "POST" and path != VERIFY else {}) | named
    return {
        "method": method, "path": path, "query": query, "headers": named, "content_type": content, "body": text,
    }  # fmt: skip


def order(**more):
    unit = {
        "reference_id": "pay_1",
        "custom_id": "pay_1",
        "invoice_id": "pay_1",
        "amount": {"currency_code": "EUR", "value": "49.90"},
    }
    source = {"paypal": {"vault_id": "vault_ok", "experience_context": {"user_action": "PAY_NOW"}}}
    said = {"intent": "CAPTURE", "purchase_units": [unit], "payment_source": source}
    for path, value in more.items():
        node, (*steps, last) = said, path.split("__")
        for step in steps:
            node = node[int(step)] if step.isdigit() else node[step]
        if value is None:
            del node[last]
        else:
            node[last] = value
    return request("POST", ORDERS, said)


def event(**more):
    names = ["auth_algo", "cert_url", "transmission_id", "transmission_sig", "webhook_id"]
    said = dict.fromkeys(names, "https://paypal.example/x") | {"transmission_time": "2026-11-28T08:00:00Z"}
    said |= {"transmission_id": "69cd13f0", "webhook_id": "WH1", "auth_algo": "SHA256withRSA", "webhook_event": {}}
    return request("POST", VERIFY, said | more)


AMOUNT, DATE = {"currency_code": "EUR", "value": "1.00"}, "2026-11-28T08:00:00Z"
REPORT = "/v1/reporting/transactions"
WRONG = [
    # Unknown, at every depth, below what is put together of parts as well.
    (order(colour="blue"), "'colour' was unexpected"),
    (order(purchase_units__0__colour="blue"), "'colour' was unexpected"),
    (order(purchase_units__0__amount__colour="blue"), "'colour' was unexpected"),
    (order(payment_source__colour={}), "'colour' was unexpected"),
    (order(payment_source__paypal__experience_context__colour="blue"), "'colour' was unexpected"),
    (request("POST", "/v2/payments/captures/1/refund", {"reason": "fraud"}), "'reason' was unexpected"),
    (request("POST", "/v2/payments/authorizations/1/capture", {"custom_id": "1"}), "'custom_id' was unexpected"),
    (request("POST", "/v2/checkout/orders/5O1/capture", {"amount": AMOUNT}), "'amount' was unexpected"),
    (event(colour="blue"), "'colour' was unexpected"),
    (event(webhook_event={"colour": "blue"}), "'colour' was unexpected"),
    # What only PayPal may say.
    (order(payer={"payer_id": "QYR5Z8XDVJNXQ"}), "'payer_id' was unexpected"),
    # Mistyped, or no value that there is.
    (order(intent="SALE"), "'SALE' is not one of"),
    (order(purchase_units__0__amount__value=49.9), "49.9 is not of type 'string'"),
    (order(purchase_units__0__amount__value="49,90"), "does not match"),
    (order(purchase_units={}), "is not of type 'array'"),
    (order(purchase_units=[]), "body/purchase_units: []"),
    (order(purchase_units__0__custom_id="x" * 128), "is too long"),
    (order(purchase_units__0__description=""), "body/purchase_units/0/description"),
    (order(payment_source__paypal__experience_context__user_action="PAY"), "'PAY' is not one of"),
    (order(payment_source__paypal__vault_id=7), "7 is not of type 'string'"),
    (request("POST", "/v2/payments/authorizations/1/capture", {"final_capture": "true"}), "not of type 'boolean'"),
    (request("POST", "/v2/payments/captures/1/refund", {"amount": "1.00"}), "is not of type 'object'"),
    (request("POST", ORDERS, "[]"), "is not of type 'object'"),
    (request("POST", ORDERS, '{"intent":"CAPTURE","intent":"AUTHORIZE"}'), "there twice"),
    (request("POST", ORDERS, "{"), "body: "),
    # Missing.
    (order(intent=None), "'intent' is a required property"),
    (order(purchase_units__0__amount=None), "'amount' is a required property"),
    (order(purchase_units__0__amount__currency_code=None), "'currency_code' is a required property"),
    (request("POST", ORDERS), "body: missing"),
    (request("POST", "/v2/payments/captures/1/refund", {"amount": {"value": "1"}}), "'currency_code' is a required"),
    (request("GET", REPORT, query=f"start_date={DATE}"), "query end_date: missing"),
    (order() | {"headers": {}}, "no id that PayPal would know it by again"),
    # Headers, addresses, and what is put where nothing is to be.
    (order() | {"headers": {"paypal-request-id": "x" * 109}}, "is too long"),
    (request("POST", ORDERS, order()["body"], prefer="return=representation; wait=10"), "does not match"),
    (request("POST", ORDERS, order()["body"], paypal_colour="blue"), "header paypal-colour: unknown"),
    (order() | {"content_type": "text/plain"}, "text/plain is not JSON"),
    (request("POST", "/v2/payments/authorizations/1/void", {}), "body: there is to be none"),
    (request("GET", "/v2/checkout/orders/5o1"), "does not match"),
    (request("GET", "/v1/customer/disputes", query="disputed_transaction=1"), "query disputed_transaction: unknown"),
    (request("GET", REPORT, query=f"start_date={DATE}&end_date=tomorrow"), "query end_date"),
    (request("GET", REPORT, query=f"start_date={DATE}&end_date={DATE}&page_size=many"), "'many' is not of type"),
    (request("GET", REPORT, query=f"start_date={DATE}&end_date={DATE}&page=1&page=2"), "query page: said twice"),
    (request("POST", "/v2/checkout/order", {}), "no such operation"),
    (request("POST", TOKEN, "grant_type=password"), "grant_type=password"),
]
RIGHT = [
    order(),
    order(intent="AUTHORIZE", payment_source__paypal__vault_id=None),
    order(purchase_units__0__description="x" * 127),
    event(),
    event(webhook_event={"id": "WH-1", "event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": {"colour": "blue"}}),
    request("POST", "/v2/checkout/orders/5O1/capture", {}, prefer="return=representation"),
    request("POST", "/v2/payments/captures/1/refund", {"amount": AMOUNT, "custom_id": "re_1"}),
    request("POST", "/v2/payments/authorizations/1/void"),
    request("GET", REPORT, query=f"start_date={DATE}&end_date={DATE}&page_size=500&page=1"),
    request("GET", "/v1/customer/disputes/PP-R-1"),
]


def self_test():
    for wrong, fault in WRONG:
        found = list(faults(wrong))
        assert any(fault in one for one in found), f"{wrong}: {found}, and not {fault!r}"
    for right in RIGHT:
        assert list(faults(right)) == [], (right, list(faults(right)))
    assert sent.missing(EXPECTED, []) == list(EXPECTED)
    print(f"the check itself: {len(WRONG)} faults are noticed, by jsonschema {paypal_openapi.VERSION}")


if __name__ == "__main__":
    self_test()
    if sys.argv[1:] != ["--self-test"]:
        check(*sys.argv[1:])
