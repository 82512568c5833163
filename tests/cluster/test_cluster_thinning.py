"""Log records that follow their traces on two shards: each rests and is copied where its trace is judged."""

import secrets
import time

import pytest

from tests.query.telemetry import logs, span, traces
from tests.sampling.test_log_sampler import LogMemoryRounds
from tests.sampling.test_sampler import NOT_DUE
from traceo.config import Query as QuerySettings
from traceo.query.logs import LogSearch, search_logs
from traceo.query.run import Queries
from traceo.query.sql import TimeRange
from traceo.sampling.log_sampler import LogSampler
from traceo.sampling.parse import parse_policies
from traceo.sampling.sampler import Judging, Sampler
from traceo.store.base import Request, Signal
from traceo.store.cluster import ClusterStore

pytestmark = pytest.mark.anyio

NOW = time.time_ns()
ERRORS = """
decision_wait: 60s
thin_logs: true
policies: [{name: errors, type: status_code, status_code: {status_codes: [ERROR]}}]
"""
SPREAD = """
SELECT (SELECT count() FROM logs WHERE tenant = {tenant:String}) AS stored,
    (SELECT uniqExact(_shard_num) FROM logs_recent WHERE tenant = {tenant:String}) AS shards
"""


async def test_records_follow_their_traces_on_every_shard(store: ClusterStore) -> None:
    tenant = f"thinning-{secrets.token_hex(4)}"
    ids = [(secrets.randbits(96) << 32) + (number << 16) for number in range(20)]  # the last bytes are zero
    spans = [span(id_, 1, NOW, status={"code": 2 * (number < 5)}) for number, id_ in enumerate(ids)]
    orphan = secrets.randbits(120)
    records = [
        {"body": f"{number}", "trace_id": id_.to_bytes(16, "big"), "severity_number": 9, "time_unix_nano": NOW}
        for number, id_ in enumerate([*ids, orphan])
    ]
    await store.insert(Signal.LOGS, [Request(tenant, logs("shop", records), recent=True)])
    await store.insert(Signal.TRACES, [Request(tenant, traces("shop", spans), recent=True)])
    rounds = LogMemoryRounds()
    judging = {tenant: Judging(parse_policies(ERRORS).policies, 1)}
    sampler = Sampler(store, rounds, lambda name, _: judging.get(name, NOT_DUE))
    follower = LogSampler(store, rounds, lambda name, _: judging.get(name, NOT_DUE), window_s=40)
    queries, search = Queries(store, QuerySettings()), LogSearch(TimeRange(NOW, NOW + 10**9))
    arrived_s = time.time()
    for seconds, stored in ((0, 0), (80, 6)):
        await sampler.run_once(arrived_s + seconds)
        await follower.run_once(arrived_s + seconds)
        found = (await store.query(SPREAD, {"tenant": tenant})).to_pylist()
        assert found == [{"stored": stored, "shards": 2}]
        page = await search_logs(queries, tenant, search)
        assert sorted(int(record["body"]) for record in page.records) == list(range(21))
