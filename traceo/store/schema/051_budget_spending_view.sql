-- A block that `budget_demand` skips as a duplicate does not come here again.
CREATE MATERIALIZED VIEW IF NOT EXISTS budget_spending_view TO budget_spending${local} AS
SELECT
    owner, toStartOfMinute(moment) AS moment, tenant, budget, exempt, sum(demand_spans) AS demand_spans,
    sum(demand_bytes) AS demand_bytes, sum(kept_traces) AS kept_traces, sum(kept_spans) AS kept_spans,
    sum(kept_bytes) AS kept_bytes
FROM budget_demand${local} GROUP BY owner, moment, tenant, budget, exempt
