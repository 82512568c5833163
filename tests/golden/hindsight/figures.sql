SELECT
  *
FROM (
  SELECT
    *,
    countIf(level = 'operation') OVER () AS all_operations,
    countIf(level = 'operation' AND kept_spans = 0) OVER () AS lost_operations,
    (CASE WHEN level = 'service' THEN service ELSE '' END, level, kept_spans = 0) AS place
  FROM (
    SELECT
      CASE WHEN grouping(name) = 0 THEN 'operation' ELSE 'service' END AS level,
      service,
      name,
      kind,
      entry,
      count() AS spans,
      countIf(keep) AS kept_spans,
      groupUniqArray(3)(trace_id) AS examples,
      sum(stands) AS requests,
      sumIf(stands, failed) AS errors,
      quantilesExactWeighted(0.5, 0.95, 0.99)(duration_ns, toUInt64(1000 * least(stands, 1e12))) AS quantiles_ns,
      sumIf(weight, keep) AS estimated_requests,
      sumIf(weight, keep AND failed) AS estimated_errors,
      quantilesExactWeightedIf(0.5, 0.95, 0.99)(duration_ns, toUInt64(1000 * least(weight, 1e12)), keep) AS estimated_quantiles_ns
    FROM (
      SELECT
        service,
        name,
        kind,
        kind IN (2, 5) AS entry,
        status_code = 2 AS failed,
        duration_ns,
        trace_id,
        keep,
        CASE
          WHEN trace_state = ''
          THEN ''
          ELSE CASE
            WHEN extract(
              extract(trace_state, '(?:^|,)[ \\t]*ot=([^,]*)'),
              '(?:^|;)th:([0-9a-f]{1,14})[ \\t]*(?:;|$)'
            ) = ''
            THEN ''
            ELSE RPAD(
              extract(
                extract(trace_state, '(?:^|,)[ \\t]*ot=([^,]*)'),
                '(?:^|;)th:([0-9a-f]{1,14})[ \\t]*(?:;|$)'
              ),
              14,
              '0'
            )
          END
        END AS stated,
        greatest(
          threshold,
          CASE WHEN stated = '' THEN 0 ELSE reinterpretAsUInt64(reverse(unhex(stated))) END
        ) AS own,
        1 * CASE
          WHEN greatest(base, own) = 72057594037927936
          THEN 0
          ELSE 72057594037927936 / (
            72057594037927936 - greatest(base, own)
          )
        END AS stands,
        CASE
          WHEN keep
          THEN 1 * CASE
            WHEN greatest(final, own) = 72057594037927936
            THEN 0
            ELSE 72057594037927936 / (
              72057594037927936 - greatest(final, own)
            )
          END
          ELSE 0
        END AS weight
      FROM (
        SELECT
          service,
          name,
          kind,
          status_code,
          duration_ns,
          trace_id,
          trace_state,
          threshold
        FROM spans
        WHERE
          tenant = {tenant: String}
          AND start_time >= fromUnixTimestamp64Nano({start_ns: Int64}, 'UTC')
          AND start_time < fromUnixTimestamp64Nano({end_ns: Int64}, 'UTC')
      ) AS span
      INNER JOIN (
        SELECT
          trace_id,
          keep,
          base,
          final
        FROM (
          SELECT
            *,
            greatest(incoming, stored_threshold) AS base,
            greatest(threshold, stored_threshold) AS final
          FROM (
            SELECT
              trace_id,
              first_arrival,
              spans,
              bytes,
              has_root,
              randomness,
              greatest(decided, incoming) AS threshold,
              randomness >= decided AS keep,
              CASE WHEN keep THEN votes[1] ELSE '' END AS policy,
              arrayFilter(
                (name, least) -> randomness >= least,
                [unhex({p3: String}), unhex({p4: String})],
                thresholds
              ) AS votes,
              CAST(map() AS Map(String, String)) AS keys,
              decided,
              incoming,
              failed,
              started_ns,
              trace_ns,
              root,
              stored_threshold
            FROM (
              SELECT
                *,
                CAST([CASE WHEN met_0 THEN 0 ELSE 72057594037927936 END, 54043195528445952] AS Array(UInt64)) AS thresholds,
                CAST([] AS Array(UInt64)) AS floors,
                greatest(arrayMin(thresholds), 0) AS decided
              FROM (
                SELECT
                  trace_id,
                  min(received_at) AS first_arrival,
                  count() AS spans,
                  sum(
                    64 + LENGTH(name) + LENGTH(status_message) + LENGTH(trace_state) + 40 * attribute_count + 200 * LENGTH("events.name")
                  ) AS bytes,
                  max(parent_span_id = unhex('0000000000000000')) AS has_root,
                  minIf(
                    CASE
                      WHEN extract(
                        extract(trace_state, '(?:^|,)[ \\t]*ot=([^,]*)'),
                        '(?:^|;)th:([0-9a-f]{1,14})[ \\t]*(?:;|$)'
                      ) = ''
                      THEN ''
                      ELSE RPAD(
                        extract(
                          extract(trace_state, '(?:^|,)[ \\t]*ot=([^,]*)'),
                          '(?:^|;)th:([0-9a-f]{1,14})[ \\t]*(?:;|$)'
                        ),
                        14,
                        '0'
                      )
                    END,
                    CASE
                      WHEN extract(
                        extract(trace_state, '(?:^|,)[ \\t]*ot=([^,]*)'),
                        '(?:^|;)th:([0-9a-f]{1,14})[ \\t]*(?:;|$)'
                      ) = ''
                      THEN ''
                      ELSE RPAD(
                        extract(
                          extract(trace_state, '(?:^|,)[ \\t]*ot=([^,]*)'),
                          '(?:^|;)th:([0-9a-f]{1,14})[ \\t]*(?:;|$)'
                        ),
                        14,
                        '0'
                      )
                    END <> ''
                  ) AS stated_th,
                  max(
                    extract(
                      extract(trace_state, '(?:^|,)[ \\t]*ot=([^,]*)'),
                      '(?:^|;)rv:([0-9a-f]{14})[ \\t]*(?:;|$)'
                    )
                  ) AS stated_rv,
                  CASE
                    WHEN stated_rv = ''
                    THEN reinterpretAsUInt64(reverse(SUBSTRING(trace_id, 10, 7)))
                    ELSE reinterpretAsUInt64(reverse(unhex(stated_rv)))
                  END AS randomness,
                  CASE
                    WHEN randomness >= CASE
                      WHEN stated_th = ''
                      THEN 0
                      ELSE reinterpretAsUInt64(reverse(unhex(stated_th)))
                    END
                    THEN CASE
                      WHEN stated_th = ''
                      THEN 0
                      ELSE reinterpretAsUInt64(reverse(unhex(stated_th)))
                    END
                    ELSE 0
                  END AS incoming,
                  max(status_code IN (2)) AS met_0,
                  max(status_code = 2) AS failed,
                  min(toUnixTimestamp64Nano(start_time)) AS started_ns,
                  max(toUnixTimestamp64Nano(start_time) + duration_ns) - min(toUnixTimestamp64Nano(start_time)) AS trace_ns,
                  argMin((service, name), (parent_span_id <> unhex('0000000000000000'), start_time)) AS root,
                  min(threshold) AS stored_threshold
                FROM (
                  SELECT
                    attributes.size0 AS attribute_count,
                    duration_ns,
                    "events.name",
                    name,
                    parent_span_id,
                    received_at,
                    service,
                    start_time,
                    status_code,
                    status_message,
                    threshold,
                    trace_id,
                    trace_state
                  FROM spans
                  WHERE
                    tenant = {tenant: String}
                    AND start_time >= fromUnixTimestamp64Nano({start_ns: Int64}, 'UTC')
                    AND start_time < fromUnixTimestamp64Nano({end_ns: Int64}, 'UTC')
                )
                GROUP BY
                  trace_id
              )
            )
          )
        )
      ) AS verdict
        USING (trace_id)
    )
    GROUP BY
      GROUPING SETS (
        (service, entry),
        (service, name, kind)
      )
  )
)
WHERE
  level = 'service' OR kept_spans = 0 OR requests > {p5: Int64}
ORDER BY
  level,
  requests DESC,
  service,
  name,
  kind
LIMIT 200 BY place
