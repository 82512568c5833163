"""A real Prometheus writes to Traceo for a long time while either is restarted: no sample is lost, none is repeated.

It scrapes itself and Traceo each second. Traceo is killed with SIGKILL, or ended with SIGTERM, and stays away for a
while; Prometheus is ended with SIGTERM while Traceo is there, because by its own rules it sends nothing that it scraped
before its start.
`--minutes 30` goes on for so long (default 5).
"""

import json
import random
import time
import urllib.parse
import urllib.request

from benchmarks.options import Options, main
from benchmarks.peers import PEERS, PeerServer
from benchmarks.report import Result, Row, progress
from benchmarks.server import Server

MINUTES, MINUTES_QUICK = 5.0, 1.0
PAUSE_S = (5.0, 20.0)  # between restarts
AWAY_S = (0.0, 10.0)  # how long one is away
WINDOW_S = 60  # of samples that are compared at once
TIMEOUT_S = 120.0
CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: prometheus
    static_configs: [{{targets: ["127.0.0.1:{{own_port}}"]}}]
  - job_name: traceo
    static_configs: [{{targets: ["127.0.0.1:{traceo_port}"]}}]
remote_write:
  - url: http://127.0.0.1:{traceo_port}/prometheus/api/v1/write
    queue_config: {{batch_send_deadline: 500ms, min_backoff: 30ms, max_backoff: 1s, max_shards: 4}}
"""
Samples = dict[tuple[tuple[str, str], ...], list[tuple[float, str]]]


def run(options: Options) -> Result:
    """Restart either at random, then compare all samples of both."""
    seconds = 60 * (options.minutes or (MINUTES_QUICK if options.quick else MINUTES))
    chance, begun = random.Random(4), time.time()
    restarts = dict.fromkeys(("Traceo, SIGKILL", "Traceo, SIGTERM", "Prometheus, SIGTERM"), 0)
    with Server() as traceo, PeerServer(PEERS[0], CONFIG.format(traceo_port=traceo.http_port)) as prometheus:
        apis = [
            f"http://127.0.0.1:{prometheus.http_port}/api/v1",
            f"http://127.0.0.1:{traceo.http_port}/prometheus/api/v1",
        ]
        while time.time() < begun + seconds:
            time.sleep(chance.uniform(*PAUSE_S))
            name = chance.choice(list(restarts))
            restarts[name] += 1
            progress(f"prometheus_restarts: {time.time() - begun:.0f} of {seconds:.0f} s, {name}", end=False)
            if name.startswith("Prometheus"):
                _until_sent(*apis)
                prometheus.stop()
                time.sleep(chance.uniform(*AWAY_S))
                prometheus.start()
            else:
                (traceo.kill if name.endswith("SIGKILL") else traceo.stop)()
                time.sleep(chance.uniform(*AWAY_S))
                traceo.start()
        ended = _until_sent(*apis)
        counts = [0, 0, 0]
        for start in range(int(begun), int(ended) + 1, WINDOW_S):
            until = min(start + WINDOW_S, ended)
            sent, stored = (_samples(api, until, until - start) for api in apis)
            found = _compare(sent, stored)
            counts = [total + more for total, more in zip(counts, found, strict=True)]
    rows = [Row(f"restarts of {name}", number, "") for name, number in restarts.items()]
    rows += [
        Row("samples that Prometheus has", counts[0], ""),
        Row("of them not in Traceo, or with another value", counts[1], "", 0),
        Row("samples of Traceo that Prometheus does not have", counts[2], "", 0),
    ]
    data = f"{seconds / 60:.0f} min; two targets each second; pauses of {PAUSE_S[0]:.0f} to {PAUSE_S[1]:.0f} s"
    return Result("prometheus_restarts", data, rows, options.quick)


def _until_sent(prometheus: str, traceo: str) -> float:
    """Wait until Traceo has all that Prometheus had two seconds ago; returns that moment."""
    started = time.monotonic()
    while time.monotonic() < started + TIMEOUT_S:
        moment = time.time() - 2
        sent, stored = (_samples(api, moment, WINDOW_S) for api in (prometheus, traceo))
        if sent and not _compare(sent, stored)[1]:
            return moment
        time.sleep(0.5)
    lost = {labels: sorted(set(values) - set(stored.get(labels, []))) for labels, values in sent.items()}
    some = [f"{dict(labels)} {values}" for labels, values in lost.items() if values][:3]
    raise RuntimeError(f"{_compare(sent, stored)[1]} samples did not arrive within {TIMEOUT_S:.0f} s, such as {some}")


def _samples(api: str, until: float, seconds: float) -> Samples:
    """All that lie in so many seconds before, the start excluded."""
    query = {"query": f'{{__name__=~".+"}}[{seconds * 1000:.0f}ms]', "time": f"{until:.3f}"}
    with urllib.request.urlopen(f"{api}/query?{urllib.parse.urlencode(query)}", timeout=TIMEOUT_S) as answer:
        found = json.load(answer)["data"]["result"]
    start = until - seconds + 0.0005  # Prometheus 2 takes it in
    return {
        tuple(sorted(series["metric"].items())): [(at, text) for at, text in series["values"] if at > start]
        for series in found
    }


def _compare(sent: Samples, stored: Samples) -> list[int]:
    """How many were sent, how many of them are not stored so, and how many are stored that were not sent."""
    every, missing, more = 0, 0, 0
    for labels in sent.keys() | stored.keys():
        one, other = (set(side.get(labels, [])) for side in (sent, stored))
        every, missing, more = every + len(one), missing + len(one - other), more + len(other - one)
    return [every, missing, more]


if __name__ == "__main__":
    main(run, __doc__)
