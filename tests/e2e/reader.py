"""Reads the tables of a stopped server: queries as a JSON list on standard input, Arrow streams on standard output."""

import asyncio
import json
import sys
from pathlib import Path

import pyarrow as pa

from traceo.config import Store as StoreSettings
from traceo.query.run import as_bytes
from traceo.store.embedded import open_embedded


async def read(folder: Path, queries: list[str]) -> None:
    store = open_embedded(folder, StoreSettings())
    for query in queries:
        table = as_bytes(await store.query(query))
        with pa.ipc.new_stream(sys.stdout.buffer, table.schema) as writer:
            writer.write_table(table)
    await store.close()


if __name__ == "__main__":
    asyncio.run(read(Path(sys.argv[1]), json.load(sys.stdin)))
