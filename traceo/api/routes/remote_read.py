"""Prometheus' remote read: POST /prometheus/api/v1/read, samples at once or streamed as XOR chunks."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import cramjam
import crc32c
import numpy as np
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from google.protobuf.message import DecodeError

from traceo.api.depends import QueriesOf, Tenant
from traceo.errors import InvalidRequest, PayloadTooLarge
from traceo.query.histogram_chunks import encode_histogram_chunks, spans_of
from traceo.query.promql.ast import Matcher
from traceo.query.promql.selectors import check_matcher
from traceo.query.remote_read import Selection, Series, read_series
from traceo.query.xor_chunks import Chunk, encode_chunks
from traceo.store.messages import encode_varint, make_messages

router = APIRouter(include_in_schema=False)

MAX_REQUEST_BYTES = 4 << 20
FRAME_BYTES = 1 << 20  # a series' chunks are cut into frames of about so many
SAMPLES, STREAMED = 0, 1
XOR = 1
OPERATORS = {0: "=", 1: "!=", 2: "=~", 3: "!~"}
MESSAGES = make_messages("""
message LabelMatcher { int32 type = 1; string name = 2; string value = 3; }
message Query { int64 start_timestamp_ms = 1; int64 end_timestamp_ms = 2; repeated LabelMatcher matchers = 3; }
message ReadRequest { repeated Query queries = 1; repeated int32 accepted_response_types = 2; }
message Label { string name = 1; string value = 2; }
message Sample { double value = 1; int64 timestamp = 2; }
message BucketSpan { sint32 offset = 1; uint32 length = 2; }
message Histogram {
  optional uint64 count_int = 1; optional double count_float = 2; double sum = 3; sint32 schema = 4;
  double zero_threshold = 5; optional uint64 zero_count_int = 6; optional double zero_count_float = 7;
  repeated BucketSpan negative_spans = 8; repeated sint64 negative_deltas = 9; repeated double negative_counts = 10;
  repeated BucketSpan positive_spans = 11; repeated sint64 positive_deltas = 12; repeated double positive_counts = 13;
  int32 reset_hint = 14; int64 timestamp = 15; repeated double custom_values = 16;
}
message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; repeated Histogram histograms = 4; }
message QueryResult { repeated TimeSeries timeseries = 1; }
message ReadResponse { repeated QueryResult results = 1; }
message Chunk { int64 min_time_ms = 1; int64 max_time_ms = 2; int32 type = 3; bytes data = 4; }
message ChunkedSeries { repeated Label labels = 1; repeated Chunk chunks = 2; }
message ChunkedReadResponse { repeated ChunkedSeries chunked_series = 1; int64 query_index = 2; }
""")


@router.post("/prometheus/api/v1/read")
async def read(request: Request, tenant: Tenant, queries: QueriesOf) -> Response:
    """Series by matchers, whole: as samples or as streamed chunks, whichever the client names first."""
    asked = _parse(await request.body())
    found = [await read_series(queries, tenant, _select(query)) for query in asked.queries]
    accepted = list(asked.accepted_response_types) or [SAMPLES]
    if not {SAMPLES, STREAMED} & set(accepted):
        raise InvalidRequest("none of the accepted response types is known: use SAMPLES or STREAMED_XOR_CHUNKS")
    if next(kind for kind in accepted if kind in (SAMPLES, STREAMED)) == STREAMED:
        media = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"
        return StreamingResponse(_stream(found), media_type=media)
    body = await asyncio.to_thread(_encode, found)
    return Response(body, media_type="application/x-protobuf", headers={"content-encoding": "snappy"})


def _parse(body: bytes) -> Any:
    try:
        if cramjam.snappy.decompress_raw_len(body) > MAX_REQUEST_BYTES:
            raise PayloadTooLarge("the request is too large", limit_bytes=MAX_REQUEST_BYTES)
        return MESSAGES["ReadRequest"].FromString(bytes(cramjam.snappy.decompress_raw(body)))
    except (cramjam.DecompressionError, DecodeError) as error:
        raise InvalidRequest(f"the body is no remote read request in snappy: {error}") from error


def _select(query: Any) -> Selection:
    matchers = []
    for sent in query.matchers:
        matcher = Matcher(sent.name, OPERATORS.get(sent.type, ""), sent.value)
        problem = check_matcher(matcher) if matcher.op else f"unknown type of a matcher: {sent.type}"
        if problem:
            raise InvalidRequest(problem)
        matchers.append(matcher)
    return Selection(query.start_timestamp_ms, query.end_timestamp_ms, tuple(matchers))


async def _stream(found: list[list[Series]]) -> AsyncIterator[bytes]:
    """Frames: the message's length, its CRC-32C, the message."""
    for index, group in enumerate(found):
        for series in group:
            for message in await asyncio.to_thread(_chunk, series, index):
                yield encode_varint(len(message)) + crc32c.crc32c(message).to_bytes(4, "big") + message


def _chunk(series: Series, index: int) -> list[bytes]:
    """Messages of one series."""
    messages: list[bytes] = []
    response, size = MESSAGES["ChunkedReadResponse"](query_index=index), 0
    for kind, chunk in _chunks_of(series):
        if not response.chunked_series:
            response.chunked_series.add(labels=_labels(series))
        response.chunked_series[0].chunks.add(
            min_time_ms=chunk.min_time_ms, max_time_ms=chunk.max_time_ms, type=kind, data=chunk.data
        )
        size += len(chunk.data)
        if size >= FRAME_BYTES:
            messages.append(response.SerializeToString())
            response, size = MESSAGES["ChunkedReadResponse"](query_index=index), 0
    if response.chunked_series:
        messages.append(response.SerializeToString())
    return messages


def _chunks_of(series: Series) -> Iterator[tuple[int, Chunk]]:
    """Chunks of floats and of histograms, each with its encoding: in order of time, none reaching into another."""
    places = np.searchsorted(series.times_ms, [row["ms"] for row in series.histograms]).tolist()
    begin = 0
    for end, rows in itertools.groupby(zip(places, series.histograms, strict=True), key=lambda pair: pair[0]):
        yield from ((XOR, chunk) for chunk in encode_chunks(series.times_ms[begin:end], series.values[begin:end]))
        yield from encode_histogram_chunks([row for _, row in rows])
        begin = end
    yield from ((XOR, chunk) for chunk in encode_chunks(series.times_ms[begin:], series.values[begin:]))


def _encode(found: list[list[Series]]) -> bytes:
    response = MESSAGES["ReadResponse"]()
    for group in found:
        result = response.results.add()
        for series in group:
            one = result.timeseries.add(labels=_labels(series))
            for timestamp, value in zip(series.times_ms.tolist(), series.values.tolist(), strict=True):
                one.samples.add(timestamp=timestamp, value=value)
            for row in series.histograms:
                one.histograms.append(_histogram(row))
    return bytes(cramjam.snappy.compress_raw(response.SerializeToString()))


def _histogram(row: dict[str, Any]) -> Any:
    names = ("schema", "zero_threshold", "sum")
    made = MESSAGES["Histogram"](**{name: row[name] for name in names}, timestamp=row["ms"], reset_hint=row["hint"])
    made.custom_values.extend(row["custom_bounds"])
    if row["is_float"]:
        made.count_float, made.zero_count_float = row["count"], row["zero_count"]
    else:
        made.count_int, made.zero_count_int = int(row["count"]), int(row["zero_count"])
    for side in ("positive", "negative"):
        counts = row[f"{side}_counts"]
        for offset, length in spans_of(row[f"{side}_indexes"]):
            getattr(made, f"{side}_spans").add(offset=offset, length=length)
        if row["is_float"]:
            getattr(made, f"{side}_counts").extend(counts)
        else:
            deltas = [int(count - before) for before, count in zip([0, *counts], counts, strict=False)]
            getattr(made, f"{side}_deltas").extend(deltas)
    return made


def _labels(series: Series) -> list[Any]:
    return [MESSAGES["Label"](name=name, value=value) for name, value in series.labels]
