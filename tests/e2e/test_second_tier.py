"""Old parts move to a bucket and are read from there; an installation may get its bucket later."""

import json
import subprocess
import sys
from pathlib import Path

from tests.s3 import running_bucket

ROOT = Path(__file__).parents[2]


def test_old_parts_move_to_the_bucket_and_are_read_from_it(tmp_path: Path) -> None:
    with running_bucket() as bucket:
        command = [sys.executable, "-m", "tests.e2e.tiering", str(tmp_path), bucket.url]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        assert json.loads(done.stdout)["read"] == [{"rows": 2, "texts": 1}]
        assert bucket.objects and all(key.startswith("/bucket/traceo/") for key in bucket.objects)
        assert any("Credential=key/" in sent for sent in bucket.authorizations)
