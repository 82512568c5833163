"""The UI in a real Chromium, on a real server: journeys and bad days (`web/e2e`). `make browser` sees all pages."""

import shutil
import subprocess
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "web"


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium: sudo apt-get install chromium")
def test_journeys_work_in_chromium() -> None:
    command = ["npm", "run", "--silent", "e2e", "--", "journeys", "baddays"]
    done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-3000:]
