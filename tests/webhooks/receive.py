"""A merchant's receiver: the standard's own library says whether what a worker sent is from us."""

import json
import os
import queue
import threading
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

PATIENCE = 30
heard: queue.Queue = queue.Queue()


class Receiver(BaseHTTPRequestHandler):
    """Keeps what it is sent, and is content."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        heard.put((body, dict(self.headers)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        """Says nothing."""


def call(method, path, body=None):
    """Asks the API."""
    headers = {
        "Authorization": f"Bearer {os.environ['REMIT_API_KEY']}",
        "Content-Type": "application/json",
        "Idempotency-Key": str(uuid.uuid4()),
    }
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        os.environ["REMIT_API_URL"] + path, data, headers, method=method
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def refused(secret, body, headers):
    """Whether the library does not take it for ours."""
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return True
    return False


server = HTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/hooks"
endpoint = call("POST", "/webhook-endpoints", {"url": url, "order": "per_object"})
path, secret = f"/webhook-endpoints/{endpoint['id']}", endpoint["secret"]
method = {"type": "card", "token": "pm_card_visa"}
payment = call(
    "POST",
    "/process-payment",
    {"amount": "49.90", "currency": "EUR", "payment_method": method},
)
for status in ["pending", "succeeded"]:
    body, headers = heard.get(timeout=PATIENCE)
    told = Webhook(secret).verify(body, headers)
    assert told["type"] == f"payment.{status}", told
    assert told["data"]["id"] == payment["id"], told
    assert refused(secret, body.replace(b"49.90", b"94.90"), headers)
    assert refused("whsec_" + "A" * 43 + "=", body, headers)

new = call("POST", f"{path}/rotate-secret", {"expires_old_in": 600})["secret"]
call("POST", f"{path}/ping")
body, headers = heard.get(timeout=PATIENCE)
for one in [secret, new]:
    assert Webhook(one).verify(body, headers)["type"] == "webhook_endpoint.ping"
call("DELETE", path)
print(f"Python's library has verified what was told of {payment['id']}")
