SELECT
  trace_id,
  first_arrival,
  spans,
  bytes,
  has_root,
  randomness,
  greatest(decided, incoming) AS threshold,
  randomness >= decided AS keep,
  CASE
    WHEN keep
    THEN votes[1]
    ELSE arrayFirst((name, floor) -> randomness < floor, [unhex({p8: String})], floors)
  END AS policy,
  arrayFilter(
    (name, least) -> randomness >= least,
    [
      unhex({p3: String}),
      unhex({p4: String}),
      unhex({p5: String}),
      unhex({p6: String}),
      unhex({p7: String}),
      'guarantee'
    ],
    thresholds
  ) AS votes,
  CAST(map() AS Map(String, String)) AS keys
FROM (
  SELECT
    *,
    CAST([
      CASE WHEN met_0 THEN 0 ELSE 72057594037927936 END,
      CASE WHEN (
        duration_ms >= 500
      ) THEN 0 ELSE 72057594037927936 END,
      CASE WHEN met_1 THEN 0 ELSE 72057594037927936 END,
      68454714336031539,
      limit_0,
      guarantee_threshold
    ] AS Array(UInt64)) AS thresholds,
    CAST([
      toUInt64(
        72057594037927936 - CASE WHEN (
          spans BETWEEN 0 AND 1
        ) THEN 0 ELSE 72057594037927936 END
      )
    ] AS Array(UInt64)) AS floors,
    greatest(arrayMin(thresholds), arrayMax(floors)) AS decided
  FROM (
    SELECT
      of_trace.*,
      CASE
        WHEN guaranteed.known = 1
        THEN guaranteed.guarantee_threshold
        ELSE 72057594037927936
      END AS guarantee_threshold
    FROM (
      SELECT
        *,
        CASE
          WHEN fits_0
          THEN max(CASE WHEN fits_0 AND total_0 > 100 THEN randomness + 1 ELSE 0 END) OVER (PARTITION BY first_arrival)
          ELSE 72057594037927936
        END AS limit_0
      FROM (
        SELECT
          *,
          (
            (
              NOT (
                spans BETWEEN 0 AND 1
              )
            ) AND spans <= 100
          ) AS fits_0,
          sum(CASE WHEN fits_0 THEN spans ELSE 0 END) OVER (PARTITION BY first_arrival ORDER BY randomness DESC) AS total_0
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
            intDiv(
              max(toUnixTimestamp64Nano(start_time) + duration_ns) - min(toUnixTimestamp64Nano(start_time)),
              1000000
            ) AS duration_ms,
            max(
              (
                attribute_0 IN (unhex({p1: String}))
                OR resource_id IN (
                  SELECT
                    id
                  FROM resources
                  WHERE
                    tenant = {tenant: String}
                    AND (
                      attributes[unhex({p2: String})] IN (unhex({p1: String}))
                    )
                )
              )
            ) AS met_1
          FROM (
            SELECT
              attributes,
              attribute_count,
              duration_ns,
              "events.name",
              name,
              parent_span_id,
              received_at,
              resource_id,
              start_time,
              status_code,
              status_message,
              trace_id,
              trace_state,
              attributes[unhex({p2: String})] AS attribute_0
            FROM (
              SELECT
                attributes,
                attributes.size0 AS attribute_count,
                duration_ns,
                "events.name",
                name,
                parent_span_id,
                received_at,
                resource_id,
                start_time,
                status_code,
                status_message,
                trace_id,
                trace_state
              FROM spans_recent
              WHERE
                tenant = {tenant: String}
            )
          )
          GROUP BY
            trace_id
        )
      )
    ) AS of_trace
    LEFT ANY JOIN (
      SELECT
        *,
        1 AS known
      FROM (
        SELECT
          trace_id,
          min(least(above_second, randomness)) AS guarantee_threshold
        FROM (
          SELECT
            trace_id,
            randomness,
            row_number() OVER (PARTITION BY window, combination ORDER BY randomness DESC, trace_id) AS place,
            leadInFrame(randomness + 1, 1, toUInt64(0)) OVER (
              PARTITION BY window, combination
              ORDER BY randomness DESC, trace_id
              ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
            ) AS above_second
          FROM (
            SELECT
              trace_id,
              toStartOfInterval(first_arrival, INTERVAL '300' SECOND) AS window,
              randomness,
              arrayJoin(
                arrayFilter(
                  x -> NOT (
                    (toStartOfInterval(first_arrival, INTERVAL '300' SECOND), x) IN (
                      SELECT
                        toDateTime(window),
                        cityHash64(service, name, status_code)
                      FROM (
                        SELECT
                          window,
                          service,
                          name,
                          status_code
                        FROM kept_combinations
                      )
                    )
                  ),
                  combinations
                )
              ) AS combination
            FROM (
              SELECT
                trace_id,
                min(received_at) AS first_arrival,
                groupUniqArray(cityHash64(service, name, status_code)) AS combinations,
                count() AS spans,
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
                END AS incoming
              FROM (
                SELECT
                  name,
                  received_at,
                  service,
                  status_code,
                  trace_id,
                  trace_state
                FROM spans_recent
                WHERE
                  tenant = {tenant: String}
              )
              GROUP BY
                trace_id
            )
            WHERE
              (
                NOT (
                  spans BETWEEN 0 AND 1
                )
              )
          )
        )
        WHERE
          place = 1
        GROUP BY
          trace_id
      )
    ) AS guaranteed
      USING (trace_id)
  )
)
