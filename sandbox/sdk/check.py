"""Goes through the sandbox with Stripe's own Python library: what it cannot read, no adapter should.

Usage: check.py URL
"""

import sys

import stripe

url = sys.argv[1]
client = stripe.StripeClient("sk_test_python", base_addresses={"api": url}, max_network_retries=0)
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
captured = intents.capture(held.id, {"amount_to_capture": 1000})
assert (captured.status, captured.amount_received) == ("succeeded", 1000)

other = intents.create(PAYMENT | {"confirm": True, "capture_method": "manual"})
canceled = intents.cancel(other.id, {"cancellation_reason": "requested_by_customer"})
assert canceled.status == "canceled"

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
changed = PAYMENT | {"amount": 1100}
refused(stripe.IdempotencyError, lambda: intents.create(changed, {"idempotency_key": "python-create"}))
refused(stripe.AuthenticationError, lambda: stripe.StripeClient("sk_wrong", base_addresses={"api": url}).v1.payment_intents.list())

customers = client.v1.customers if hasattr(client, "v1") else client.customers
customer = customers.create({"email": "python@shop.test"})
method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
assert method.customer == customer.id and method.card.brand == "visa"
assert customers.retrieve(customer.id).email == "python@shop.test"

print(f"stripe-python {stripe.VERSION}: create, confirm, retrieve, list, capture, cancel, errors: fine")
