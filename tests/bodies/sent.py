"""The requests that `tests/system/sent_requests.rs` has written down, and how a check of them ends."""

import json
import sys


def of(gateway, path):
    """The requests to one gateway, in the order in which they were sent."""
    with open(path, encoding="utf-8") as lines:
        requests = [json.loads(line) for line in lines]
    return [request for request in requests if request["gateway"] == gateway]


def missing(expected, requests):
    """Which expected operations nobody has sent: `expected` is their names, each with what recognizes it."""
    return [name for name, is_it in expected.items() if not any(is_it(request) for request in requests)]


def finish(gateway, requests, faults):
    """Says how it went, and ends with an error where there was a fault."""
    for fault in faults:
        print(f"{gateway}: {fault}", file=sys.stderr)
    if faults:
        sys.exit(f"{gateway}: {len(faults)} faults in {len(requests)} requests")
    print(f"{gateway}: {len(requests)} requests, every parameter of them is as {gateway} says")
