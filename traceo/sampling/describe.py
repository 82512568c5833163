"""What a policy set may say, read off the dataclasses that it becomes: for forms."""

import dataclasses
from collections.abc import Mapping
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from traceo.sampling.model import INT64_MAX, INT64_MIN, RULES, OttlCondition, Policy, PolicySet, StatusCode
from traceo.sampling.validate import ERROR_MODES, STATUS_CODES
from traceo.settings import Seconds

KINDS = {bool: "boolean", int: "integer", float: "number", str: "text", Seconds: "duration", Policy: "policy"}
MANY = {"text": "texts", "policy": "policies"}
CHOICES: Mapping[tuple[type, str], tuple[str, ...]] = {
    (StatusCode, "status_codes"): tuple(STATUS_CODES),
    (OttlCondition, "error_mode"): ERROR_MODES,
}


def describe_policies() -> dict[str, Any]:
    """`set`: the fields of a policy set; `types`: each type of policy, what it keeps, and its fields."""
    types = [
        {"type": name, "about": _first_sentence(rule), "fields": _fields(rule)} for name, rule in sorted(RULES.items())
    ]
    return {"set": _fields(PolicySet), "types": types}


def _fields(kind: type) -> list[dict[str, Any]]:
    hints = get_type_hints(kind)
    return [_field(kind, item, hints[item.name]) for item in dataclasses.fields(kind)]


def _field(owner: type, item: "dataclasses.Field[Any]", hint: Any) -> dict[str, Any]:
    if isinstance(hint, UnionType):  # `X | None`: None is for what is not given
        hint = get_args(hint)[0]
    many = get_origin(hint) is tuple
    one = get_args(hint)[0] if many else hint
    kind = KINDS.get(one, "rows")
    required = item.default is dataclasses.MISSING
    return {
        "name": item.name,
        "kind": MANY.get(kind, kind) if many else kind,
        "required": required,
        "default": None if required else _default(item.default, hint),
        "choices": list(CHOICES.get((owner, item.name), ())),
        "fields": _fields(one) if kind == "rows" else [],
    }


def _default(value: Any, hint: Any) -> Any:
    """As it would be written; None where nothing is the same, such as a bound that is none."""
    if value in (INT64_MIN, INT64_MAX):
        return None
    if hint is Seconds:
        return f"{value:g}s"
    return list(value) if isinstance(value, tuple) else value


def _first_sentence(rule: type) -> str:
    """The model's own description."""
    return " ".join((rule.__doc__ or "").split())
