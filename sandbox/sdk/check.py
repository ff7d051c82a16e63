"""Goes through the sandbox with Stripe's own Python library: what it cannot read, no adapter should.

Usage: check.py URL
"""

import http.server
import json
import queue
import sys
import threading
import urllib.request

import stripe

url = sys.argv[1]
# The version that the adapter pins, and not the library's own.
VERSION = "2026-11-18.endive"
client = stripe.StripeClient(
    "sk_test_python", base_addresses={"api": url}, max_network_retries=0, stripe_version=VERSION
)
intents = client.v1.payment_intents if hasattr(client, "v1") else client.payment_intents

PAYMENT = {
    "amount": 1099,
    "currency": "eur",
    "payment_method": "pm_card_visa",
    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    "metadata": {"remit_payment": "python"},
}


def refused(kind, call):
    """The error of this kind that the call must end in."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"expected {kind.__name__}")


created = intents.create(PAYMENT, {"idempotency_key": "python-create"})
assert created.status == "requires_confirmation", created.status
replayed = intents.create(PAYMENT, {"idempotency_key": "python-create"})
assert replayed.id == created.id
assert replayed.last_response.headers["idempotent-replayed"] == "true"

confirmed = intents.confirm(created.id, {"expand": ["latest_charge"]})
assert confirmed.status == "succeeded", confirmed.status
card = confirmed.latest_charge.payment_method_details.card
assert (card.brand, card.last4, card.exp_year) == ("visa", "4242", 2034)

retrieved = intents.retrieve(created.id, {"expand": ["latest_charge"]})
assert retrieved.latest_charge.id == confirmed.latest_charge.id
assert retrieved.metadata["remit_payment"] == "python"

held = intents.create(PAYMENT | {"confirm": True, "capture_method": "manual"})
assert (held.status, held.amount_capturable) == ("requires_capture", 1099)
captured = intents.capture(held.id, {"amount_to_capture": 1000, "expand": ["latest_charge.balance_transaction"]})
assert (captured.status, captured.amount_received) == ("succeeded", 1000)
assert captured.last_response.headers["stripe-version"] == VERSION
# What was not captured is given free, and is no refund: one movement, of what was taken.
charge = captured.latest_charge
assert (charge.amount_captured, charge.amount_refunded, charge.refunded) == (1000, 0, False)
assert (charge.balance_transaction.type, charge.balance_transaction.amount) == ("charge", 1000)
assert client.v1.refunds.list({"payment_intent": held.id}).data == []
[movement] = client.v1.balance_transactions.list({"source": charge.id}).data
assert movement.id == charge.balance_transaction.id

other = intents.create(PAYMENT | {"confirm": True, "capture_method": "manual"})
canceled = intents.cancel(other.id, {"cancellation_reason": "requested_by_customer"})
assert canceled.status == "canceled"
charge = client.v1.charges.retrieve(canceled.latest_charge)
assert (charge.amount_captured, charge.amount_refunded, charge.refunded) == (0, 0, False)
assert client.v1.refunds.list({"charge": charge.id}).data == []
assert client.v1.balance_transactions.list({"source": charge.id}).data == []

page = intents.list({"limit": 2, "created": {"gte": created.created}})
assert [intent.id for intent in page.data] == [other.id, held.id] and page.has_more
everything = [intent.id for intent in page.auto_paging_iter()]
assert everything[:3] == [other.id, held.id, created.id], everything

declined = refused(
    stripe.CardError,
    lambda: intents.create(PAYMENT | {"confirm": True, "payment_method": "pm_card_visa_chargeDeclinedLostCard"}),
)
assert declined.http_status == 402 and declined.code == "card_declined"
assert declined.error.decline_code == "lost_card"
assert declined.error.payment_intent.status == "requires_payment_method"
unknown = refused(stripe.InvalidRequestError, lambda: intents.create(PAYMENT | {"colour": "blue"}))
assert unknown.code == "parameter_unknown" and unknown.param == "colour"
removed = refused(stripe.InvalidRequestError, lambda: intents.create(PAYMENT | {"payment_method_types": ["card"]}))
assert removed.code == "payment_method_types_no_longer_supported", removed.code
beside = PAYMENT | {"confirm": True, "off_session": True, "error_on_requires_action": True}
assert refused(stripe.InvalidRequestError, lambda: intents.create(beside)).param == "error_on_requires_action"
changed = PAYMENT | {"amount": 1100}
refused(stripe.IdempotencyError, lambda: intents.create(changed, {"idempotency_key": "python-create"}))
refused(stripe.AuthenticationError, lambda: stripe.StripeClient("sk_wrong", base_addresses={"api": url}).v1.payment_intents.list())

customers = client.v1.customers if hasattr(client, "v1") else client.customers
customer = customers.create({"email": "python@shop.test"})
method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
assert method.customer == customer.id and method.card.brand == "visa"
assert customers.retrieve(customer.id).email == "python@shop.test"

v1 = client.v1
SECRET = "whsec_python"
heard = queue.Queue()


class Shop(http.server.BaseHTTPRequestHandler):
    """Listens to webhooks and hands them on as they came."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        heard.put((body, self.headers["stripe-signature"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def control(path, body):
    """Asks the sandbox for something that Stripe does not have."""
    request = urllib.request.Request(
        f"{url}/control/{path}", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    urllib.request.urlopen(request).read()


def told(kind, about):
    """The next event of this type about this payment, verified by Stripe's own library."""
    while True:
        body, signature = heard.get(timeout=20)
        event = stripe.Webhook.construct_event(body, signature, SECRET)
        shown = event.data.object
        if event.type == kind and about in (shown.id, getattr(shown, "payment_intent", None)):
            return event


shop = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop)
threading.Thread(target=shop.serve_forever, daemon=True).start()
control("webhooks", {"stripe": {"url": f"http://127.0.0.1:{shop.server_port}/", "secret": SECRET}})

paid = intents.create(PAYMENT | {"confirm": True, "expand": ["latest_charge.balance_transaction"]})
balance = paid.latest_charge.balance_transaction
assert (balance.type, balance.fee, balance.net) == ("charge", 62, 1037), balance
assert balance.fee_details[0].type == "stripe_fee"
event = told("payment_intent.succeeded", paid.id)
assert event.data.object.id == paid.id and event.data.object.status == "succeeded"
refused(
    stripe.SignatureVerificationError,
    lambda: stripe.Webhook.construct_event(json.dumps(event.to_dict()), "t=1,v1=00", SECRET),
)

part = v1.refunds.create(
    {"payment_intent": paid.id, "amount": 300, "reason": "requested_by_customer", "expand": ["balance_transaction"]},
    {"idempotency_key": "python-refund"},
)
assert (part.status, part.amount, part.balance_transaction.net) == ("succeeded", 300, -300)
again = v1.refunds.create(
    {"payment_intent": paid.id, "amount": 300, "reason": "requested_by_customer", "expand": ["balance_transaction"]},
    {"idempotency_key": "python-refund"},
)
assert again.id == part.id
assert told("refund.created", paid.id).data.object.id == part.id
too_much = refused(stripe.InvalidRequestError, lambda: v1.refunds.create({"payment_intent": paid.id, "amount": 800}))
assert too_much.code == "amount_too_large", too_much.code
rest = v1.refunds.create({"payment_intent": paid.id})
assert rest.amount == 799
nothing_left = refused(stripe.InvalidRequestError, lambda: v1.refunds.create({"payment_intent": paid.id}))
assert nothing_left.code == "charge_already_refunded", nothing_left.code
page = v1.refunds.list({"payment_intent": paid.id, "limit": 1})
assert [refund.id for refund in page.auto_paging_iter()] == [rest.id, part.id]
charge = v1.charges.retrieve(paid.latest_charge.id, {"expand": ["refunds.data.balance_transaction"]})
assert charge.refunded and charge.refunds.data[0].balance_transaction.type == "refund"

control("settle_after", {"milliseconds": 10})
disputed = intents.create(PAYMENT | {"confirm": True, "payment_method": "pm_card_createDispute"})
opened = told("charge.dispute.created", disputed.id).data.object
[dispute] = v1.disputes.list({"payment_intent": disputed.id}).data
assert dispute.id == opened.id and dispute.status == "needs_response"
assert dispute.balance_transactions[0].fee == 1500
v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}, "submit": True})
assert told("charge.dispute.closed", disputed.id).data.object.status == "won"
assert [entry.reporting_category for entry in v1.balance_transactions.list({"source": dispute.id}).data] == [
    "dispute_reversal",
    "dispute",
]
events = v1.events.list({"type": "charge.dispute.created"})
assert v1.events.retrieve(events.data[0].id).data.object.id == dispute.id
control("webhooks", {})

print(
    f"stripe-python {stripe.VERSION}: create, confirm, retrieve, list, capture, cancel, refund, balance, dispute, "
    "events, signatures, errors: fine"
)
