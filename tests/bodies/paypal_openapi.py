"""What PayPal's OpenAPI descriptions (`paypal/openapi.json`) say of a request, judged by a validator of JSON schemas.

The descriptions do not forbid what they do not name, and PayPal refuses some of it: here everything that has no name in
them is a fault, and so is what only PayPal may say.
"""

import json
import re
from importlib.metadata import version
from pathlib import Path
from urllib.parse import parse_qsl

from jsonschema import Draft4Validator, FormatChecker

VERSION = version("jsonschema")
DESCRIPTIONS = json.loads((Path(__file__).parent / "paypal/openapi.json").read_text(encoding="utf-8"))
NOTICE = DESCRIPTIONS.pop("notice")

# What a schema of OpenAPI 3.0 may say otherwise than a JSON schema, and what cannot be closed part by part.
NO_RULE_FOR = {"anyOf", "oneOf", "not", "nullable", "discriminator"}

# PayPal's own objects, which are sent back as they came.
SENT_BACK = {"#/components/schemas/event"}

# PayPal's guide has these where its descriptions have not: every POST takes an id, and voiding is one.
BESIDES = {("post", "/v2/payments/authorizations/{authorization_id}/void"): {"paypal-request-id": {"type": "string"}}}


def whole(description, schema, within=()):
    """A schema with everything that it refers to in it, and closed: what has no name is refused."""
    reference = schema.get("$ref")
    if reference:
        assert reference not in within, f"{reference} contains itself"
        name = reference.rsplit("/", 1)[-1]
        return whole(description, description["components"]["schemas"][name], (*within, reference))
    assert not NO_RULE_FOR & schema.keys(), f"{within}: no rule for one of {schema.keys()}"
    closed = {key: value for key, value in schema.items() if key not in ("allOf", "properties", "items")}
    parts = [whole(description, part, within) for part in schema.get("allOf", [])]
    properties, required = {}, list(schema.get("required", []))
    for part in parts:
        properties |= part.get("properties", {})
        required += part.get("required", [])
    for name, one in schema.get("properties", {}).items():
        if not one.get("readOnly") or SENT_BACK & set(within):
            properties[name] = whole(description, one, within)
    if properties:
        closed |= {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        closed["required"] = required
    if "items" in schema:
        closed["items"] = whole(description, schema["items"], within)
    return closed


class Operation:
    """One operation: its path, its parameters, and its body."""

    def __init__(self, description, method, path, said):
        self.name, self.path = (method, path), path
        self.pattern = re.compile(re.sub(r"\{\w+\}", "([^/]+)", path))
        self.path_names = re.findall(r"\{(\w+)\}", path)
        self.body = said["body"] and whole(description, said["body"])
        self.parameters = {"path": {}, "query": {}, "header": {}}
        self.required = {"path": set(), "query": set(), "header": set()}
        for one in said["parameters"]:
            name = one["name"].lower() if one["in"] == "header" else one["name"]
            self.parameters[one["in"]][name] = whole(description, one["schema"])
            if one.get("required"):
                self.required[one["in"]].add(name)
        self.parameters["header"] |= BESIDES.get(self.name, {})


OPERATIONS = [
    Operation(description, method, path, said)
    for description in DESCRIPTIONS.values()
    for path, methods in description["paths"].items()
    for method, said in methods.items()
]


def against(schema, value, where):
    for error in Draft4Validator(schema, format_checker=FormatChecker()).iter_errors(value):
        at = "/".join([where, *map(str, error.absolute_path)])
        yield f"{at}: {error.message}"


def typed(schema, text):
    """What stands in an address or a header is a text; where another type is meant, it is read as that."""
    try:
        return json.loads(text) if schema.get("type") in ("integer", "number", "boolean") else text
    except json.JSONDecodeError:
        return text


def given(operation, kind, values):
    """Faults of the parameters of one kind."""
    known = operation.parameters[kind]
    for name in sorted(operation.required[kind] - values.keys()):
        yield f"{kind} {name}: missing"
    for name, text in values.items():
        if name in known:
            yield from against(known[name], typed(known[name], text), f"{kind} {name}")
        elif kind != "header" or name.startswith("paypal-") or name == "prefer":
            yield f"{kind} {name}: unknown"


def faults(request):
    """What is wrong with a request, as the descriptions say."""
    method = request["method"].lower()
    matches = [(one, one.pattern.fullmatch(request["path"])) for one in OPERATIONS if one.name[0] == method]
    operation, match = next(((one, match) for one, match in matches if match), (None, None))
    if operation is None:
        return ["no such operation"]
    query = parse_qsl(request["query"], keep_blank_values=True)
    found = [f"query {name}: said twice" for name in {name for name, _ in query} if [n for n, _ in query].count(name) > 1]
    found += given(operation, "path", dict(zip(operation.path_names, match.groups())))
    found += given(operation, "query", dict(query))
    found += given(operation, "header", request["headers"])
    if not request["body"]:
        return found + ([] if not operation.body or not operation.body.get("required") else ["body: missing"])
    if not operation.body:
        return [*found, "body: there is to be none"]
    try:
        body = json.loads(request["body"], object_pairs_hook=once)
    except ValueError as error:
        return [*found, f"body: {error}"]
    return found + list(against(operation.body, body, "body"))


def once(pairs):
    """An object of JSON whose keys are there once."""
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError(f"a key that is there twice: {names}")
    return dict(pairs)
