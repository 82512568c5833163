"""The map as a tree on the command line."""

from typing import Any

import pytest

from traceo.commands.services import draw_tree


def node(key: str) -> dict[str, Any]:
    return {"id": key}


def edge(text: str) -> dict[str, Any]:
    source, target = text.split(">")
    return {"source": source, "target": target}


@pytest.mark.parametrize(
    ("edges", "drawn"),
    [
        (["u>a", "a>b", "a>c", "b>c"], "0u 1a 2b 3c 2c 0z"),
        (["a>b", "b>a"], "0c 0u 0z 0a 1b 2a"),
        (["a>a"], "0b 0c 0u 0z 0a 1a"),
        ([], "0a 0b 0c 0u 0z"),
    ],
    ids=["tree", "circle", "self-call", "no-calls"],
)
def test_every_node_is_drawn_under_its_callers(edges: list[str], drawn: str) -> None:
    rows = draw_tree([node(key) for key in "abcuz"], [edge(text) for text in edges])
    found = " ".join(f"{depth}{row['id']}" for depth, row, _ in rows)
    assert found == drawn
