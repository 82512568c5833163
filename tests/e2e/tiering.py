"""A store with a bucket, in a process of its own: `python -m tests.e2e.tiering DIR URL`. Prints where its logs lie.

The settings' least age is a minute; here parts move after a second, by the same statement.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from tests.e2e.load import make_request
from traceo.config import Config, Retention, S3Tier, Store
from traceo.store.base import Batch, Request, Signal
from traceo.store.migrate import apply_retention
from traceo.store.open import open_store

MOVE_AFTER_S = 1
PATIENCE_S = 40.0
WHERE = "SELECT disk_name, sum(rows) AS rows FROM system.parts WHERE table = 'logs' AND active GROUP BY disk_name"


async def work(data_dir: Path, url: str) -> dict[str, Any]:
    """Insert two records, wait until they lie on the bucket's disk, read them back."""
    without = Config(data_dir=data_dir)
    await (await open_store(without)).close()  # an installation that gets its bucket later
    tier = S3Tier(endpoint=url, access_key_id="key", secret_access_key="hush")
    store = await open_store(Config(data_dir=data_dir, store=Store(s3_tier=tier)))
    seconds = {name: float(getattr(without.retention, name)) for name in Retention.__slots__}
    await apply_retention(store, seconds, MOVE_AFTER_S)
    body = make_request("logs", [1, 2]).SerializeToString()
    await store.insert(Signal.LOGS, [Request("default", body)], Batch.new())
    deadline = time.monotonic() + PATIENCE_S
    while (places := (await store.query(WHERE)).to_pylist()) != [{"disk_name": "cold", "rows": 2}]:
        assert time.monotonic() < deadline, places
        await asyncio.sleep(0.1)
    rows = (await store.query("SELECT count() AS rows, uniqExact(body) AS texts FROM logs")).to_pylist()
    await store.close()
    return {"places": places, "read": rows}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(work(Path(sys.argv[1]), sys.argv[2]))))
