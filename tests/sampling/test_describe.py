"""The description of policies for forms is that of the reader of policies."""

from typing import Any

import pytest
import yaml

from traceo.sampling.describe import describe_policies
from traceo.sampling.model import RULES
from traceo.sampling.parse import parse_policies

TYPES = {row["type"]: row for row in describe_policies()["types"]}
SAMPLES: dict[str, Any] = {
    "boolean": True, "integer": 1, "number": 1.0, "text": "a", "texts": ["a"], "duration": "30s",
    "policy": {"name": "below", "type": "always_sample"}, "policies": [{"name": "below", "type": "always_sample"}],
}  # fmt: skip


def test_every_type_is_described() -> None:
    assert set(TYPES) == set(RULES)
    assert all(row["about"].endswith(".") for row in TYPES.values())


def test_fields_have_kinds_defaults_and_choices() -> None:
    latency, numeric = TYPES["latency"]["fields"], {row["name"]: row for row in TYPES["numeric_attribute"]["fields"]}
    assert [(row["name"], row["kind"], row["default"]) for row in latency] == [
        ("threshold_ms", "integer", 0),
        ("upper_threshold_ms", "integer", 0),
    ]
    assert (numeric["key"]["required"], numeric["min_value"]["default"]) == (True, None)
    assert TYPES["status_code"]["fields"][0]["choices"] == ["UNSET", "OK", "ERROR"]
    assert [row["kind"] for row in TYPES["not"]["fields"] + TYPES["and"]["fields"]] == ["policy", "policies"]
    wait = next(row for row in describe_policies()["set"] if row["name"] == "decision_wait")
    assert (wait["kind"], wait["default"]) == ("duration", "30s")
    budgets = next(row for row in describe_policies()["set"] if row["name"] == "budgets")
    assert budgets["kind"] == "rows" and "spans_per_second" in {row["name"] for row in budgets["fields"]}


# The others need one of several fields that are optional each.
@pytest.mark.parametrize("name", sorted(set(TYPES) - {"composite", "dynamic", "numeric_attribute", "ottl_condition"}))
def test_what_is_required_is_enough(name: str) -> None:
    fields = {
        row["name"]: [row["choices"][0]] if row["choices"] else SAMPLES[row["kind"]]
        for row in TYPES[name]["fields"]
        if row["required"]
    }
    policy = {"name": "one", "type": name, **({name: fields} if fields else {})}
    others = [{"name": "all", "type": "always_sample"}]
    assert parse_policies(yaml.safe_dump({"policies": [policy, *others]})).policies.policies[0].type == name
