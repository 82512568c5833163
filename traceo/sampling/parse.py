"""YAML to a policy set and back; a whole collector configuration, its processor, or the processor's body.

Every refusal names the path, the value, what would be right and, for an unknown name, the nearest known one.
"""

import dataclasses
import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import yaml

from traceo.errors import InvalidRequest
from traceo.sampling.budgets import budget_notes
from traceo.sampling.model import INT64_MAX, INT64_MIN, RULES, Policy, PolicySet, Rule
from traceo.sampling.validate import check_policy, check_set, shown
from traceo.settings import Seconds

PROCESSOR = "tail_sampling"
MAX_DEPTH = 6
MAX_POLICIES = 1000
# Fields of the Collector that mean nothing here, and why.
NOT_NEEDED = {
    "num_traces": "traces wait in the store, not in memory",
    "expected_new_traces_per_sec": "nothing is allocated ahead",
    "decision_cache": "every verdict is stored, so that late spans follow it",
    "block_on_overflow": "traces wait in the store, not in memory",
    "drop_pending_traces_on_shutdown": "pending traces survive a restart",
    "maximum_trace_size_bytes": "large traces take no memory",
    "sampling_strategy": "a verdict is always made over the complete trace",
    "cache_max_size": "patterns are matched in the engine, without a cache",
}
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+")
DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class _Loader(yaml.SafeLoader):
    """As the Collector reads YAML: `no`, `off` and their like are texts, not bools."""


BOOL = "tag:yaml.org,2002:bool"
_Loader.yaml_implicit_resolvers = {
    first: [resolver for resolver in resolvers if resolver[0] != BOOL]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(BOOL, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


@dataclass(frozen=True, slots=True)
class ParsedPolicies:
    """A checked set, and one sentence for each thing in the text that is read differently here, or not needed."""

    policies: PolicySet
    notes: tuple[str, ...]


def parse_policies(text: str) -> ParsedPolicies:
    """Raises InvalidRequest, and for OTTL conditions ParseError and UnsupportedQuery with their position."""
    try:
        tree = yaml.load(text, _Loader)  # noqa: S506 -- a SafeLoader
    except yaml.YAMLError as error:
        raise InvalidRequest(f"not YAML: {error}") from error
    except RecursionError as error:
        raise InvalidRequest("not readable: nested too deeply") from error
    reader = _Reader()
    policies = reader.read_set(_find_processor(tree))
    check_set(policies)
    return ParsedPolicies(policies, (*reader.notes, *_inversion_notes(policies), *budget_notes(policies.budgets)))


def dump_policies(policies: PolicySet) -> str:
    """YAML that reads back as the same set; what has its default is left out."""
    return yaml.safe_dump(_to_plain(policies), sort_keys=False, allow_unicode=True)


def parse_duration(value: object, path: str) -> Seconds:
    """A duration as Go writes it, such as `30s`, `1m30s` or `500ms`; 0 may stand without a unit."""
    if isinstance(value, int | float) and value == 0:
        return Seconds(0)
    if not isinstance(value, str) or not DURATION.fullmatch(value.strip()):
        raise InvalidRequest(f"{path}: {shown(value)} is no duration; expected one such as 30s, 1m30s or 500ms")
    return Seconds(sum(float(number) * SECONDS[unit] for number, unit in DURATION_PART.findall(value)))


def nearest(name: object, known: list[str]) -> str:
    """`; did you mean ...?`, or which names there are."""
    found = difflib.get_close_matches(str(name), known, n=1)
    return f"; did you mean {found[0]}?" if found else f"; known are {', '.join(known)}"


def _find_processor(tree: object) -> Mapping[Any, Any]:
    """The processor's body, wherever in the text it stands."""
    body = tree
    if isinstance(body, Mapping) and isinstance(body.get("processors"), Mapping):
        body = body["processors"]
    if isinstance(body, Mapping) and "policies" not in body:
        found = [name for name in body if str(name).split("/")[0] == PROCESSOR]
        if len(found) > 1:
            raise InvalidRequest(f"more than one {PROCESSOR} processor: {', '.join(map(str, found))}; give one of them")
        body = body[found[0]] if found else body
    if not isinstance(body, Mapping) or "policies" not in body:
        raise InvalidRequest(f"no policies: expected a {PROCESSOR} processor, or its fields with `policies` among them")
    return body


def _inversion_notes(policies: PolicySet) -> list[str]:
    return [
        f"policies[{number}].{policy.type}.invert_match: keeps what does not match; it does not veto other policies, "
        "as older collectors had it: use a drop policy for that"
        for number, policy in enumerate(policies.policies)
        if getattr(policy.rule, "invert_match", False)
    ]


@dataclass(slots=True)
class _Reader:
    notes: list[str] = field(default_factory=list)
    policies: int = 0

    def read_set(self, body: Mapping[Any, Any]) -> PolicySet:
        return PolicySet(**self._fields(PolicySet, body, "", 0))

    def _fields(self, kind: type, given: Mapping[Any, Any], path: str, depth: int) -> dict[str, Any]:
        """The constructor's arguments of a dataclass, from a mapping."""
        hints = get_type_hints(kind)
        known = {item.name: item for item in dataclasses.fields(kind)}
        values = {}
        for name, value in given.items():
            below = f"{path}.{name}" if path else str(name)
            if name in known:
                values[name] = self._value(hints[name], value, below, depth)
            elif name in NOT_NEEDED:
                self.notes.append(f"{below}: not needed here, {NOT_NEEDED[name]}")
            else:
                raise InvalidRequest(f"{below}: unknown field{nearest(name, list(known))}")
        for name, item in known.items():
            if name not in values and item.default is dataclasses.MISSING:
                raise InvalidRequest(f"{path + '.' if path else ''}{name}: missing; it has no default")
        return values

    def _value(self, hint: Any, value: object, path: str, depth: int) -> Any:
        if isinstance(hint, UnionType):  # `X | None`: None is for what is not given
            hint = get_args(hint)[0]
        if hint is Policy:
            return self._policy(value, path, depth + 1)
        if hint is Seconds:
            return parse_duration(value, path)
        if get_origin(hint) is tuple:
            if not isinstance(value, list):
                raise InvalidRequest(f"{path}: {shown(value)} is no list")
            item = get_args(hint)[0]
            return tuple(self._value(item, each, f"{path}[{number}]", depth) for number, each in enumerate(value))
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            return hint(**self._fields(hint, _mapping(value, path), path, depth))
        return _scalar(hint, value, path)

    def _policy(self, value: object, path: str, depth: int) -> Policy:
        given = _mapping(value, path)
        self.policies += 1
        if depth > MAX_DEPTH or self.policies > MAX_POLICIES:
            raise InvalidRequest(f"{path}: more than {MAX_DEPTH} levels or {MAX_POLICIES} policies")
        name, kind = given.get("name"), given.get("type")
        if not isinstance(name, str) or not name:
            raise InvalidRequest(f"{path}.name: {shown(name)} is no name; every policy needs one")
        _text(name, f"{path}.name")
        if not isinstance(kind, str) or kind not in RULES:
            raise InvalidRequest(f"{path}.type: unknown type {shown(kind)}{nearest(kind, list(RULES))}")
        for section in given:
            if section in RULES and section != kind:
                raise InvalidRequest(f"{path}.{section}: the type is {kind}, so its fields belong below `{kind}`")
            if section not in ("name", "type", kind):
                raise InvalidRequest(f"{path}.{section}: unknown field{nearest(section, ['name', 'type', *RULES])}")
        below = f"{path}.{kind}"
        fields = _mapping(given.get(kind) or {}, below)
        rule: Rule = RULES[kind](**self._fields(RULES[kind], fields, below, depth))
        policy = Policy(name, rule)
        check_policy(policy, path)
        return policy


def _mapping(value: object, path: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise InvalidRequest(f"{path}: {shown(value)} is no mapping of names to values")
    return value


def _scalar(hint: Any, value: object, path: str) -> Any:
    if hint is bool and isinstance(value, bool):
        return value
    if hint is int and isinstance(value, int) and not isinstance(value, bool) and INT64_MIN <= value <= INT64_MAX:
        return value
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    if hint is str and isinstance(value, str):
        return _text(value, path)
    if hint is str and isinstance(value, bool | int | float):  # YAML reads an unquoted 404 or true as no string
        return str(value).lower()
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    raise InvalidRequest(f"{path}: {shown(value)} is not {names[hint]}")


def _text(value: str, path: str) -> str:
    """YAML can write half of a surrogate pair, which no encoding of text has."""
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise InvalidRequest(f"{path}: {shown(value)} is not a text: it has half of a surrogate pair")
    return value


def _to_plain(value: Any) -> Any:
    if isinstance(value, Policy):
        plain: dict[str, Any] = {"name": value.name, "type": value.type}
        fields = _to_plain(value.rule)
        return plain | ({value.type: fields} if fields else {})
    if isinstance(value, tuple):
        return [_to_plain(item) for item in value]
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    hints = get_type_hints(type(value))
    plain = {}
    for item in dataclasses.fields(value):
        found = getattr(value, item.name)
        if found != item.default:
            plain[item.name] = (
                f"{found:.9f}".rstrip("0").rstrip(".") + "s" if hints[item.name] is Seconds else _to_plain(found)
            )
    return plain
