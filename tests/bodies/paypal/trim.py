#!/usr/bin/env python3
"""Trims PayPal's OpenAPI descriptions to what we ask of it, and lists the issues that they document.

    trim.py CHECKOUT     a checkout of github.com/paypal/paypal-rest-api-specifications

Writes `openapi.json` beside this file (parameters and bodies of our operations: nothing is added, prose and answers
are left out, and of the payment's sources those that we never send), and the issues to `documented.txt` of the
adapter's table, so that neither is one person's reading of the manual.
"""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ISSUES = HERE.parents[2] / "common/src/gateway/paypal/refusal/documented.txt"

# What the worker asks of PayPal, by the description that has it.
OPERATIONS = {
    "checkout_orders_v2": {
        "/v2/checkout/orders": ["post"],
        "/v2/checkout/orders/{id}": ["get"],
        "/v2/checkout/orders/{id}/capture": ["post"],
        "/v2/checkout/orders/{id}/authorize": ["post"],
    },
    "payments_payment_v2": {
        "/v2/payments/authorizations/{authorization_id}": ["get"],
        "/v2/payments/authorizations/{authorization_id}/capture": ["post"],
        "/v2/payments/authorizations/{authorization_id}/void": ["post"],
        "/v2/payments/captures/{capture_id}": ["get"],
        "/v2/payments/captures/{capture_id}/refund": ["post"],
        "/v2/payments/refunds/{refund_id}": ["get"],
    },
    "customer_disputes_v1": {
        "/v1/customer/disputes": ["get"],
        "/v1/customer/disputes/{id}": ["get"],
    },
    "reporting_transactions_v1": {"/v1/reporting/transactions": ["get"]},
    "notifications_webhooks_v1": {"/v1/notifications/verify-webhook-signature": ["post"]},
}

# Ways of paying by other means than PayPal's wallet: large, and never sent.
SOURCES_KEPT = {"paypal"}

PROSE = {"description", "title", "example", "examples", "externalDocs"}


def resolve(description, reference):
    node = description
    for step in reference.removeprefix("#/").split("/"):
        node = node[step]
    return node


def bare(node):
    """The same without prose; a property may be called like prose."""
    if isinstance(node, list):
        return [bare(one) for one in node]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, value in node.items():
        if key == "properties":
            kept[key] = {name: bare(schema) for name, schema in value.items()}
        elif key not in PROSE:
            kept[key] = bare(value)
    return kept


def references(node):
    if isinstance(node, list):
        return set().union(*map(references, node)) if node else set()
    if not isinstance(node, dict):
        return set()
    found = set().union(*map(references, node.values())) if node else set()
    return found | ({node["$ref"]} if isinstance(node.get("$ref"), str) else set())


def trimmed(description, paths):
    kept, schemas = {"paths": {}}, {}
    for path, methods in paths.items():
        for method in methods:
            operation = description["paths"][path][method]
            shared = description["paths"][path].get("parameters", [])
            parameters = [
                resolve(description, one["$ref"]) if "$ref" in one else one
                for one in shared + operation.get("parameters", [])
            ]
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            kept["paths"].setdefault(path, {})[method] = bare(
                {"parameters": parameters, "body": body.get("schema")}
            )
    waiting = references(kept["paths"])
    while waiting:
        reference = waiting.pop()
        name = reference.rsplit("/", 1)[-1]
        if name in schemas:
            continue
        schema = bare(resolve(description, reference))
        if name == "payment_source":
            kinds = schema["properties"].items()
            schema["properties"] = {kind: one for kind, one in kinds if kind in SOURCES_KEPT}
        schemas[name] = schema
        waiting |= references(schema)
    return kept | {"components": {"schemas": dict(sorted(schemas.items()))}}


def issues(description, node, seen=()):
    """Every value that an error's `issue` may have."""
    if isinstance(node, list):
        return set().union(*(issues(description, one, seen) for one in node)) if node else set()
    if not isinstance(node, dict):
        return set()
    reference = node.get("$ref")
    if isinstance(reference, str):
        if reference in seen:
            return set()
        return issues(description, resolve(description, reference), (*seen, reference))
    found = set()
    issue = node.get("issue")
    if isinstance(issue, dict):
        found |= set(issue.get("enum", []))
    return found.union(*(issues(description, one, seen) for one in node.values()))


def main(checkout):
    commit = subprocess.run(
        ["git", "-C", checkout, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    source = f"https://github.com/paypal/paypal-rest-api-specifications at {commit}"
    kept, documented = {}, set()
    for name, paths in OPERATIONS.items():
        description = json.loads((Path(checkout) / "openapi" / f"{name}.json").read_text())
        kept[name] = trimmed(description, paths)
        for path, methods in paths.items():
            for method in methods:
                documented |= issues(description, description["paths"][path][method]["responses"])
    notice = (
        f"From {source}, copyright 2023 PayPal, under the Apache License 2.0 (LICENSE-APACHE at the root). "
        "Changed by trim.py: prose, answers, and what we do not ask for are left out."
    )
    (HERE / "openapi.json").write_text(json.dumps({"notice": notice, **kept}, indent=1) + "\n")
    heading = (
        "# Every issue that PayPal documents for what we ask of it. Written by tests/bodies/paypal/trim.py from\n"
        f"# {source},\n# copyright 2023 PayPal, under the Apache License 2.0.\n"
    )
    ISSUES.write_text(heading + "".join(f"{issue}\n" for issue in sorted(documented)))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
