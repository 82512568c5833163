"""The UI's own tests, in Node."""

import subprocess
from pathlib import Path

WEB = Path(__file__).parents[2] / "web"


def test_vitest_is_green() -> None:
    done = subprocess.run(["npm", "test", "--silent"], cwd=WEB, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
