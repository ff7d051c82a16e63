"""What Stripe's own Python library says of an endpoint's parameters, and whether a form is as it says.

Nothing about Stripe is written here but how forms nest: which class of parameters belongs to which path is read from
the library's services, what they may hold from the classes' annotations, and what can be expanded from its resources.
"""

import ast
import re
import sys
import types
import typing
from pathlib import Path
from urllib.parse import parse_qsl

import stripe
import stripe.params
import typing_extensions
from stripe._request_options import RequestOptions

LIBRARY = Path(stripe.__file__).parent
NOTHING = type(None)


class Endpoint(typing.NamedTuple):
    """A method and a path, with the name of the class of its parameters and that of its answer."""

    method: str
    path: re.Pattern
    params: str
    answer: str


def endpoints():
    """All endpoints of the first version of Stripe's API, as the library's services call them."""
    for file in sorted(LIBRARY.glob("_*_service.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef):
                continue
            params = next((arg for arg in node.args.args if arg.arg == "params"), None)
            asked = next((call for call in ast.walk(node) if is_request(call)), None)
            if params is None or asked is None:
                continue
            method, path = asked.args[0].value, template(asked.args[1])
            pattern = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)) + "$")
            name = re.search(r"\w+Params\b", ast.unparse(params.annotation))
            yield Endpoint(method.upper(), pattern, name.group(), ast.unparse(node.returns).strip("'\""))


def is_request(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "_request"


def template(node):
    """`"/v1/x/{id}".format(id=…)`, or the text alone."""
    return node.value if isinstance(node, ast.Constant) else node.func.value.value


ENDPOINTS = list(endpoints())


def find(method, path):
    """The endpoint of a request; one whose path is spelled out goes before one that only fits."""
    fitting = [one for one in ENDPOINTS if one.method == method and one.path.match(path)]
    return min(fitting, key=lambda one: one.path.pattern.count("[^/]+"), default=None)


def nested(text):
    """A form or a query as what it means: `a[b][0]=c` is `{"a": {"b": {"0": "c"}}}`. Twice the same is a fault."""
    root = {}
    for name, value in parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)):
        first, *rest = re.findall(r"^[^\[]+|\[[^\]]*\]", name)
        keys = [first] + [key[1:-1] for key in rest]
        if first + "".join(rest) != name:
            raise ValueError(f"{name}: no name of a parameter")
        place = root
        for key in keys[:-1]:
            place = place.setdefault(key, {})
        if not isinstance(place, dict) or keys[-1] in place:
            raise ValueError(f"{name}: said twice")
        place[keys[-1]] = value
    return root


def faults(method, path, text):
    """What is wrong with the parameters of a request, in words."""
    endpoint = find(method, path)
    if endpoint is None:
        return [f"{method} {path}: no such endpoint"]
    try:
        sent = nested(text)
    except ValueError as error:
        return [f"{method} {path}: {error}"]
    found = list(of_class(getattr(stripe.params, endpoint.params), sent, ""))
    if not found:
        found = [fault for what in expanded(sent) for fault in not_expandable(endpoint.answer, what)]
    return [f"{method} {path}: {fault}" for fault in found]


def of_class(params, sent, at):
    """The faults of what was sent for a class of parameters."""
    # How a call is made stands among the parameters, and is none.
    said = {name: kind for name, kind in params.__annotations__.items() if name not in RequestOptions.__annotations__}
    known = vars(stripe) | vars(sys.modules[params.__module__])
    names = typing.get_type_hints(types.SimpleNamespace(__annotations__=said), known, include_extras=True)
    for name, value in sent.items():
        if name not in names:
            yield f"{at}{name}: unknown at {stripe.api_version}"
        else:
            yield from of_type(names[name], value, f"{at}{name}")
    for name, kind in names.items():
        if typing.get_origin(kind) not in (typing.NotRequired, typing_extensions.NotRequired) and name not in sent:
            yield f"{at}{name}: missing"


def of_type(kind, value, at):
    """The faults of one value: of the types that it may have, those of the one that it fits best."""
    kinds = alternatives(kind)
    alike = [one for one in kinds if has_parts(one) == isinstance(value, dict)]
    return min((list(of_one(one, value, at)) for one in alike or kinds), key=len)


def has_parts(kind):
    """Whether its values have names or places of their own within a form."""
    origin = typing.get_origin(kind)
    return typing_extensions.is_typeddict(kind) or origin in (list, dict) or is_untyped(origin)


def is_untyped(origin):
    """The library's class for whatever names there are."""
    return getattr(origin, "__name__", "") == "UntypedStripeObject"


def alternatives(kind):
    """The types that a value may have. Where Stripe lists words, and adds that others may come, only those listed may
    be sent: a word that is not listed is a word that this version does not know."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(kind, (str, typing.ForwardRef)):
        raise TypeError(f"{kind}: not resolved")
    if origin in (typing.NotRequired, typing.Required, typing_extensions.NotRequired, typing_extensions.Required):
        return alternatives(inner[0])
    if origin in (typing.Union, types.UnionType):
        found = [one for part in inner if part is not NOTHING for one in alternatives(part)]
        words = any(typing.get_origin(one) is typing.Literal and any(typing.get_args(one)) for one in found)
        return [one for one in found if not (words and one is str)]
    return [kind]


def of_one(kind, value, at):
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is typing.Any:
        return
    if typing_extensions.is_typeddict(kind):
        yield from of_class(kind, value, f"{at}.") if isinstance(value, dict) else [f"{at}: no group of parameters"]
    elif origin is list:
        yield from of_list(inner[0], value, at)
    elif origin is dict or is_untyped(origin):
        yield from of_map(inner[-1], value, at)
    elif isinstance(value, dict):
        yield f"{at}: has parts, and must be a value"
    elif origin is typing.Literal:
        if value not in [word(one) for one in inner]:
            yield f"{at}: {value!r} is none of {', '.join(map(repr, inner))}"
    elif kind is bool:
        if value not in ("true", "false"):
            yield f"{at}: {value!r} is no boolean"
    elif kind is int:
        if not re.fullmatch(r"-?\d+", value):
            yield f"{at}: {value!r} is no integer"
    elif kind is float:
        if not re.fullmatch(r"-?\d+(\.\d+)?", value):
            yield f"{at}: {value!r} is no number"
    elif kind is not str:
        raise TypeError(f"{at}: {kind} is not understood")


def word(literal):
    """A literal as a form says it."""
    return str(literal).lower() if isinstance(literal, bool) else str(literal)


def of_list(kind, value, at):
    if not isinstance(value, dict) or list(value) not in ([""], [str(place) for place in range(len(value))]):
        yield f"{at}: no list"
        return
    for place, one in value.items():
        yield from of_type(kind, one, f"{at}[{place}]")


def of_map(kind, value, at):
    if not isinstance(value, dict):
        yield f"{at}: no map"
        return
    for key, one in value.items():
        yield from of_type(kind, one, f"{at}[{key}]")


# ---- what can be expanded


def expanded(sent):
    wanted = sent.get("expand", {})
    return wanted.values() if isinstance(wanted, dict) else [wanted]


def not_expandable(answer, path):
    """Whether `a.b.c` is an object of an answer that can be written out: at every dot, and at the end."""
    names = path.split(".")
    of_page = re.fullmatch(r"ListObject\[(\w+)\]", answer)
    if of_page:
        if names.pop(0) != "data":
            return [f"expand: {path!r} is not in the members of a list"]
        answer = of_page.group(1)
    kinds = [resource(answer)]
    for place, name in enumerate(names):
        said = [field(kind, name) for kind in kinds if kind is not None]
        said = [one for one in said if one is not None]
        is_last = place == len(names) - 1
        if not said or (is_last and not any("ExpandableField" in text for text, _ in said)):
            return [f"expand: {path!r} cannot be expanded: {name!r}"]
        kinds = [nested_in or resource(other) for text, inside in said for other, nested_in in named(text, inside)]
    return []


def resource(name):
    """The source of one of the library's resources."""
    file = LIBRARY / f"_{re.sub(r'(?<!^)(?=[A-Z])', '_', name).lower()}.py"
    if not file.exists():
        return None
    classes = (node for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef))
    return next((node for node in classes if node.name == name), None)


def field(kind, name):
    """What is said of a field, and in which class."""
    for node in kind.body:
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", None) == name:
            return ast.unparse(node.annotation), kind
    return None


def named(text, inside):
    """The classes that are named in what is said of a field: by a resource's name, or within the class itself."""
    nested_here = {node.name: node for node in inside.body if isinstance(node, ast.ClassDef)}
    return [(name, nested_here.get(name)) for name in re.findall(r"\b[A-Z]\w+\b", text)]
