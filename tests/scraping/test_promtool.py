"""Relabelling against Prometheus' own: promtool says what becomes of the same targets under the same random rules.

Version 2, which Debian has, differs from 3 in two points that are left out here: whether a dot matches a newline, and
whether names may be any text.
"""

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from traceo.scraping.config import load_file
from traceo.scraping.discovery.groups import Group
from traceo.scraping.discovery.static import StaticTargets
from traceo.scraping.target import make_targets

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="needs promtool: sudo apt-get install prometheus")
TARGETS, RULES = 30, 12
NAMES = ("a", "b", "c", "d_1", "__tmp", "__meta_x", "job", "env")
VALUES = ("", "x", "X1", "foo-1", "foo.bar", "a;b", "ünï", "x y", "10.0.0.1:80", "$1")
REGEXES = ("(.*)", "(.+)", "", "x", "(fo+)-(\\d)", "[a-z]+|X1", "(?i)x(.*)", "(.)(.*)", "(?P<head>[^.]*)\\.?(.*)", ".")
TEMPLATES = ("$1", "", "fixed", "$2-$1", "${1}x", "$1x", "$head", "${head}_$2", "$$", "$9", "a$", "$-")
LABEL_TEMPLATES = ("a", "e", "x_$1", "${1}", "${1}_${2}", "__tmp")


def random_rule(seed: random.Random) -> dict[str, Any]:
    action = seed.choice(
        ["replace"] * 6
        + ["hashmod", "labelmap", "lowercase", "uppercase"] * 2
        + ["keep", "drop", "keepequal", "dropequal"]
    )
    sources = {"source_labels": seed.sample(NAMES, seed.randint(0, 3)), "action": action}
    if action == "replace":
        more = {"regex": seed.choice(REGEXES), "target_label": seed.choice(LABEL_TEMPLATES)}
        return {**sources, **more, "replacement": seed.choice(TEMPLATES), "separator": seed.choice(";,")}
    if action == "labelmap":
        return {"action": action, "regex": seed.choice(["(.)", "__meta_(.+)"]), "replacement": "m_$1"}
    if action == "hashmod":
        return {**sources, "target_label": "shard", "modulus": seed.randint(1, 1 << 40)}
    if action in ("keep", "drop"):
        return {
            **sources,
            "source_labels": ["n"],
            "regex": f".*{seed.randint(0, 9)}" if action == "drop" else ".*[1-9]",
        }
    if action in ("keepequal", "dropequal"):
        return {**sources, "source_labels": ["a"], "target_label": "b" if action == "dropequal" else "a"}
    return {**sources, "target_label": seed.choice(NAMES[:4])}


def configuration(number: int) -> dict[str, Any]:
    seed = random.Random(number)
    groups = [
        {
            "targets": [f"host-{n}:{9000 + n}"],
            "labels": {"n": str(n), **{name: seed.choice(VALUES) for name in seed.sample(NAMES, 4)}},
        }
        for n in range(TARGETS)
    ]
    rules = [random_rule(seed) for _ in range(RULES)]
    return {"job_name": "job", "static_configs": groups, "relabel_configs": rules}


@needs_promtool
@pytest.mark.parametrize("number", range(8))
def test_random_rules_do_what_they_do_in_prometheus(number: int, tmp_path: Path) -> None:
    job = configuration(number)
    (tmp_path / "theirs.yml").write_text(json.dumps({"scrape_configs": [job]}))
    (tmp_path / "ours.yml").write_text(
        json.dumps({"scrape_configs": [{**job, "metric_name_validation_scheme": "legacy"}]})
    )
    told = subprocess.run(
        [str(PROMTOOL), "check", "service-discovery", "--timeout=1s", str(tmp_path / "theirs.yml"), "job"],
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    (config,) = load_file(tmp_path / "ours.yml").configs
    theirs = json.loads(told.stdout)
    assert len(theirs) >= TARGETS / 2
    for row in theirs:
        (provider,) = [one for one in config.providers if _is_of(one, row["discoveredLabels"]["__address__"])]
        assert isinstance(provider, StaticTargets)
        found = make_targets(config, [provider.group])
        ours = [target.labels for target in found.targets.values()]
        public = {name: value for name, value in row["labels"].items() if not name.startswith("__")}
        assert ours == ([public] if public else [])


def _is_of(provider: Any, address: str) -> bool:
    group: Group = provider.group
    return group.targets[0]["__address__"] == address
