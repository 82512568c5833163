"""`traceo demo`: what it says, and that it notices the end of what it started. `make demo` itself is tests/shop."""

import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from traceo.demo import Child, _check_alive, services_table
from traceo.errors import TraceoError

RED = {"service": "cart", "rate_per_s": 1.5, "error_ratio": 0.25, "p50_ms": 1.0, "p95_ms": 2.0, "p99_ms": 1234.5}


def shown(*parts: object) -> str:
    console = Console(width=120, record=True)
    with console.capture() as capture:
        console.print(*parts)
    return capture.get()


def test_first_answer_has_rates_errors_quantiles_and_counts() -> None:
    text = shown(services_table([RED], {"spans": 12345, "log_records": 7}))
    assert "25.0%" in text and "1,234.5" in text and "1.50" in text
    assert "12,345 spans, 7 log records" in text
    assert "waiting" in shown(services_table([], {}))


@pytest.mark.parametrize(
    ("code", "said"),
    [("print('traceo: the port is taken'); raise SystemExit(2)", "the port is taken"), ("", "it said nothing")],
    ids=["with a reason", "without a word"],
)
def test_end_of_a_child_is_told_with_its_last_line(tmp_path: Path, code: str, said: str) -> None:
    with (tmp_path / "a.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", code], stdout=log)
        process.wait()
    with pytest.raises(TraceoError, match=said):
        _check_alive([Child("shop", "a.log", process)], tmp_path)
