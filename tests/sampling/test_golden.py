"""The SQL of one set, to see in a review what a change makes of it."""

from collections.abc import Callable

from sqlglot import transpile

from traceo.query.sql import Scope
from traceo.sampling.parse import parse_policies
from traceo.sampling.policies import compile_verdict

TEXT = """
guarantee: true
policies:
  - {name: errors, type: status_code, status_code: {status_codes: [ERROR]}}
  - {name: slow, type: latency, latency: {threshold_ms: 500}}
  - {name: route, type: string_attribute, string_attribute: {key: http.route, values: [/pay]}}
  - {name: some, type: probabilistic, probabilistic: {sampling_percentage: 5}}
  - {name: limit, type: rate_limiting, rate_limiting: {spans_per_second: 100}}
  - {name: health, type: drop, drop: {drop_sub_policy: [{name: h, type: span_count, span_count: {max_spans: 1}}]}}
"""


def test_sql_of_a_set(golden: Callable[[str, str], None]) -> None:
    scope = Scope("acme")
    seen = "SELECT window, service, name, status_code FROM kept_combinations"
    policies = parse_policies(TEXT).policies
    sql = compile_verdict(policies, lambda columns: scope.select("spans_recent", columns), scope, seen=seen)
    (pretty,) = transpile(sql, read="clickhouse", write="clickhouse", pretty=True)
    golden("sampling/verdict.sql", f"{pretty}\n")
