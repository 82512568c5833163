"""Streams of lines as JSON: what belongs together lies together, in the form that the client asked for."""

from collections.abc import Iterable
from typing import Any

from starlette.datastructures import Headers

from traceo.query.logql.evaluate import Line

CATEGORIZE = "categorize-labels"
FLAGS_HEADER = "x-loki-response-encoding-flags"


def wants_categories(headers: Headers) -> bool:
    """Whether labels, structured metadata and parsed labels are to be told apart, as Grafana asks for."""
    return CATEGORIZE in headers.get(FLAGS_HEADER, "").split(",")


def group_lines(lines: Iterable[Line], *, categorize: bool) -> list[dict[str, Any]]:
    """`[{"stream": labels, "values": [[time, line], ...]}, ...]`, streams in the order of their first lines.

    Uncategorised, structured metadata and parsed labels are labels of the stream; categorised, each line says its own.
    """
    streams: dict[tuple[tuple[str, str], ...], dict[str, Any]] = {}
    for line in lines:
        hidden = line.gone | line.parsed.keys()
        labels = {**line.labels, **({} if categorize else line.metadata)}
        shown = {name: value for name, value in labels.items() if name not in hidden}
        key = tuple(sorted((shown if categorize else shown | line.parsed).items()))
        stream = streams.setdefault(key, {"stream": dict(key), "values": []})
        value: list[Any] = [str(line.time_ns), line.text]
        if categorize:
            metadata = {name: text for name, text in line.metadata.items() if name not in hidden}
            parts = {"structuredMetadata": metadata, "parsed": line.parsed}
            value.append({name: part for name, part in parts.items() if part})
        stream["values"].append(value)
    return list(streams.values())


def show_stats(seconds: float, lines: int, size: int) -> dict[str, Any]:
    """`stats` of an answer: what was returned, and how long it took. The rest is what Traceo does not have."""
    chunk = {
        "compressedBytes": 0, "decompressedBytes": size, "decompressedLines": lines, "headChunkBytes": 0,
        "headChunkLines": 0, "totalDuplicates": 0,
    }  # fmt: skip
    store = {"totalChunksRef": 0, "totalChunksDownloaded": 0, "chunksDownloadTime": 0, "chunk": chunk}
    rate = 1 / max(seconds, 1e-9)
    summary = {
        "bytesProcessedPerSecond": int(size * rate), "linesProcessedPerSecond": int(lines * rate),
        "totalBytesProcessed": size, "totalLinesProcessed": lines, "execTime": seconds, "queueTime": 0,
        "subqueries": 0, "totalEntriesReturned": lines, "splits": 0, "shards": 0, "totalPostFilterLines": lines,
        "totalStructuredMetadataBytesProcessed": 0,
    }  # fmt: skip
    ingester = {
        "totalReached": 0, "totalChunksMatched": 0, "totalBatches": 0, "totalLinesSent": 0,
        "store": {**store, "chunk": dict.fromkeys(chunk, 0)},
    }  # fmt: skip
    return {"summary": summary, "querier": {"store": store}, "ingester": ingester, "cache": {}, "index": {}}
