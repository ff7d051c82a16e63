"""Goes through the sandbox with PayPal's own Python library: what it cannot read, no adapter should.

Usage: check_paypal.py URL
"""

import sys
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from urllib.request import Request, urlopen

from paypalserversdk.configuration import Configuration, Environment, Server
from paypalserversdk.exceptions.error_exception import ErrorException
from paypalserversdk.http.auth.o_auth_2 import ClientCredentialsAuthCredentials
from paypalserversdk.paypal_serversdk_client import PaypalServersdkClient

url = sys.argv[1]
# The library knows PayPal's two addresses and no way to name a third.
Configuration.environments[Environment.SANDBOX][Server.DEFAULT] = url


def client_with(secret):
    credentials = ClientCredentialsAuthCredentials(o_auth_client_id="test_python", o_auth_client_secret=secret)
    return PaypalServersdkClient(
        client_credentials_auth_credentials=credentials, environment=Environment.SANDBOX, max_retries=0
    )


client = client_with("test_secret")
orders, payments = client.orders, client.payments
WHOLE = "return=representation"


def order(reference, intent="CAPTURE", vault_id="vault_ok"):
    """An order of 10.99 EUR, paid with a vault id in the same call."""
    unit = {
        "custom_id": reference,
        "invoice_id": f"inv-{reference}",
        "soft_descriptor": "SHOP",
        "amount": {"currency_code": "EUR", "value": "10.99"},
    }
    return {
        "intent": intent,
        "purchase_units": [unit],
        "payment_source": {"paypal": {"vault_id": vault_id}},
    }


def create(body, request_id):
    return orders.create_order({"body": body, "paypal_request_id": request_id, "prefer": WHOLE})


def refused(status, issue, call):
    """The error with this status and issue that the call must end in."""
    try:
        call()
    except ErrorException as error:
        assert error.response_code == status, error.response_code
        assert issue is None or error.details[0].issue == issue, error.details[0].issue
        assert error.debug_id
        return
    raise AssertionError(f"expected {issue}")


created = create(order("python"), "python-create")
assert (created.status_code, created.body.status) == (201, "COMPLETED")
capture = created.body.purchase_units[0].payments.captures[0]
assert (capture.status, capture.amount.value, capture.custom_id) == ("COMPLETED", "10.99", "python")
assert capture.seller_receivable_breakdown.paypal_fee.value == "0.87"
replayed = create(order("python"), "python-create")
assert (replayed.status_code, replayed.body.id) == (200, created.body.id)
assert orders.get_order({"id": created.body.id}).body.purchase_units[0].invoice_id == "inv-python"
assert payments.get_captured_payment({"capture_id": capture.id}).body.status == "COMPLETED"

approved = create(order("python-2", vault_id="vault_approved_only"), "python-2-create").body
assert approved.status == "APPROVED"
paid = orders.capture_order({"id": approved.id, "paypal_request_id": "python-2-capture", "prefer": WHOLE})
assert paid.status_code == 201 and paid.body.purchase_units[0].payments.captures[0].status == "COMPLETED"

held = create(order("python-3", "AUTHORIZE", "vault_approved_only"), "python-3-create").body
authorized = orders.authorize_order({"id": held.id, "paypal_request_id": "python-3-authorize", "prefer": WHOLE})
authorization = authorized.body.purchase_units[0].payments.authorizations[0]
assert authorization.status == "CREATED"
part = {"amount": {"currency_code": "EUR", "value": "10.00"}, "final_capture": True}
taken = payments.capture_authorized_payment(
    {"authorization_id": authorization.id, "paypal_request_id": "python-3-capture", "prefer": WHOLE, "body": part}
)
assert (taken.status_code, taken.body.status, taken.body.amount.value) == (201, "COMPLETED", "10.00")
assert payments.get_authorized_payment({"authorization_id": authorization.id}).body.status == "CAPTURED"

other = create(order("python-4", "AUTHORIZE"), "python-4-create").body
authorization = other.purchase_units[0].payments.authorizations[0]
voided = payments.void_payment({"authorization_id": authorization.id, "paypal_request_id": "python-4-void"})
assert voided.status_code == 204, voided.status_code
assert payments.get_authorized_payment({"authorization_id": authorization.id}).body.status == "VOIDED"

refund = {
    "capture_id": capture.id,
    "paypal_request_id": "python-refund",
    "prefer": WHOLE,
    "body": {"amount": {"currency_code": "EUR", "value": "4.00"}, "custom_id": "refund-python"},
}
given_back = payments.refund_captured_payment(refund).body
assert (given_back.status, given_back.amount.value) == ("COMPLETED", "4.00")
assert given_back.seller_payable_breakdown.total_refunded_amount.value == "4.00"
rest = payments.refund_captured_payment({"capture_id": capture.id, "paypal_request_id": "python-rest", "prefer": WHOLE})
assert rest.body.amount.value == "6.99"
assert payments.get_refund({"refund_id": rest.body.id}).body.status == "COMPLETED"
assert payments.get_captured_payment({"capture_id": capture.id}).body.status == "REFUNDED"

refused(422, "TRANSACTION_REFUSED", lambda: create(order("no", vault_id="vault_issue_TRANSACTION_REFUSED"), "no"))
refused(422, "ORDER_ALREADY_CAPTURED", lambda: orders.capture_order({"id": approved.id, "paypal_request_id": "x"}))
refused(404, "INVALID_RESOURCE_ID", lambda: payments.get_refund({"refund_id": "NOTHING"}))
refused(400, "PAYPAL_REQUEST_ID_REQUIRED", lambda: orders.create_order({"body": order("no")}))
try:
    client_with("wrong").orders.get_order({"id": created.body.id})
    raise RuntimeError("a wrong secret was taken")
except RuntimeError:
    raise
except Exception as error:  # The library has several kinds for this.
    assert "401" in str(error) or "Authentication" in str(error) or "OAuth" in str(error), repr(error)

urlopen(Request(f"{url}/control/paypal/reporting_delay", b'{"seconds": 0}', {"Content-Type": "application/json"}))
day, now = timedelta(days=1), datetime.now(timezone.utc).replace(microsecond=0)
period = {"start_date": (now - day).isoformat(), "end_date": (now + day).isoformat(), "fields": "all"}
found = client.transaction_search.search_transactions(period).body.transaction_details
(line,) = [row.transaction_info for row in found if row.transaction_info.transaction_id == capture.id]
assert (line.transaction_event_code, line.fee_amount.value, line.custom_field) == ("T0006", "-0.87", "python")

done = "create, capture, authorize, void, refund, get, report, errors"
print(f"paypal-server-sdk for Python {version('paypal-server-sdk')}: {done}: fine")
