"""The UI in a real Chromium, on a real server (`web/e2e`): pages and states under axe, journeys, bad days."""

import shutil
import subprocess
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "web"


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium: sudo apt-get install chromium")
def test_pages_and_journeys_work_in_chromium() -> None:
    command = ["npm", "run", "--silent", "e2e"]
    done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-3000:]
