"""Pays and reads it again, with the client that openapi-python-client makes of the description."""

import os
import uuid

from remit_client import AuthenticatedClient
from remit_client.api.payments import create_payment, get_payment, list_payments
from remit_client.api.refunds import create_refund
from remit_client.models import (
    PaymentMethod,
    PaymentStatus,
    Problem,
    ProcessPayment,
    RefundPayment,
)

client = AuthenticatedClient(
    base_url=os.environ["REMIT_API_URL"], token=os.environ["REMIT_API_KEY"]
)


def key() -> str:
    return str(uuid.uuid4())


def payment(amount: str) -> ProcessPayment:
    method = PaymentMethod.from_dict({"type": "card", "token": "pm_card_visa"})
    return ProcessPayment(amount=amount, currency="EUR", payment_method=method)


paid = create_payment.sync(
    client=client, body=payment("49.90"), idempotency_key=key(), prefer="wait=20"
)
assert not isinstance(paid, Problem) and paid is not None, paid

read = get_payment.sync(client=client, id=paid.id)
assert read.status == PaymentStatus.SUCCEEDED, read
assert read.amount_captured == "49.90" and read.payment_method.card.last4 == "4242", read

page = list_payments.sync(client=client, status=PaymentStatus.SUCCEEDED, limit=100)
assert paid.id in [one.id for one in page.data], page

refund = create_refund.sync(
    client=client,
    body=RefundPayment(payment=paid.id, amount="20.00"),
    idempotency_key=key(),
)
assert refund.payment == paid.id and refund.amount == "20.00", refund

refused = create_payment.sync(client=client, body=payment("0"), idempotency_key=key())
assert isinstance(refused, Problem) and refused.code == "validation-failed", refused
assert refused.errors[0].pointer == "/amount", refused
print(f"openapi-python-client's client has paid {paid.id}")
