"""Configurations as people have them, after the examples in the README of the Collector's `tail_sampling` processor."""

README = r"""
receivers: {otlp: {protocols: {grpc: {}}}}
processors:
  batch: {}
  tail_sampling:
    decision_wait: 10s
    num_traces: 100
    expected_new_traces_per_sec: 10
    decision_cache: {sampled_cache_size: 100_000, non_sampled_cache_size: 100_000}
    policies:
      - {name: test-policy-1, type: always_sample}
      - {name: test-policy-2, type: latency, latency: {threshold_ms: 5000, upper_threshold_ms: 10000}}
      - {name: test-policy-3, type: numeric_attribute, numeric_attribute: {key: key1, min_value: 50, max_value: 100}}
      - {name: test-policy-4, type: probabilistic, probabilistic: {sampling_percentage: 10}}
      - {name: test-policy-5, type: status_code, status_code: {status_codes: [ERROR, UNSET]}}
      - {name: test-policy-6, type: string_attribute, string_attribute: {key: key2, values: [value1, value2]}}
      - name: test-policy-7
        type: string_attribute
        string_attribute: {key: key2, values: [value1, val*], enabled_regex_matching: true, cache_max_size: 10}
      - {name: test-policy-8, type: rate_limiting, rate_limiting: {spans_per_second: 35}}
      - name: test-policy-9
        type: bytes_limiting
        bytes_limiting: {bytes_per_second: 1024000, burst_capacity: 2048000}
      - {name: test-policy-10, type: span_count, span_count: {min_spans: 2, max_spans: 20}}
      - {name: test-policy-11, type: trace_state, trace_state: {key: key3, values: [value1, value2]}}
      - {name: test-policy-12, type: boolean_attribute, boolean_attribute: {key: key4, value: true}}
      - {name: test-policy-flags, type: trace_flags}
      - name: test-policy-13
        type: ottl_condition
        ottl_condition:
          error_mode: ignore
          span:
            - "attributes[\"test_attr_key_1\"] == \"test_attr_val_1\""
            - "attributes[\"test_attr_key_2\"] != \"test_attr_val_1\""
          spanevent:
            - "name != \"test_span_event_name\""
            - "attributes[\"test_event_attr_key_2\"] != \"test_event_attr_val_1\""
      - name: and-policy-1
        type: and
        and:
          and_sub_policy:
            - name: test-and-policy-1
              type: numeric_attribute
              numeric_attribute: {key: key1, min_value: 50, max_value: 100}
            - {name: test-and-policy-2, type: string_attribute, string_attribute: {key: key2, values: [value1, value2]}}
      - name: drop-policy-1
        type: drop
        drop:
          drop_sub_policy:
            - name: test-drop-policy-1
              type: string_attribute
              string_attribute: {key: url.path, values: [\/health, \/metrics], enabled_regex_matching: true}
      - name: composite-policy-1
        type: composite
        composite:
          max_total_spans_per_second: 1000
          policy_order: [test-composite-policy-1, test-composite-policy-2, test-composite-policy-3]
          composite_sub_policy:
            - {name: test-composite-policy-1, type: numeric_attribute, numeric_attribute: {key: key1, min_value: 50}}
            - name: test-composite-policy-2
              type: string_attribute
              string_attribute: {key: key2, values: [value1, value2]}
            - {name: test-composite-policy-3, type: always_sample}
          rate_allocation:
            - {policy: test-composite-policy-1, percent: 50}
            - {policy: test-composite-policy-2, percent: 25}
"""

COMPOSITE = README[README.index("    decision_wait") :]

PRACTICAL = """
tail_sampling:
  decision_wait: 10s
  policies:
    - name: backwards-compatibility-policy
      type: and
      and:
        and_sub_policy:
          - name: services-using-tail_sampling-policy
            type: string_attribute
            string_attribute: {key: service.name, values: [list, of, services], invert_match: true}
          - {name: sample-all-policy, type: always_sample}
    - name: team_a-probe
      type: and
      and:
        and_sub_policy:
          - name: service-name-policy
            type: string_attribute
            string_attribute: {key: service.name, values: [service-1, service-2, service-3]}
          - name: route-live-ready-policy
            type: string_attribute
            string_attribute: {key: http.route, values: [/live, /ready], enabled_regex_matching: true}
          - {name: probabilistic-policy, type: probabilistic, probabilistic: {sampling_percentage: 0.1}}
    - {name: team_a-force-sample, type: boolean_attribute, boolean_attribute: {key: app.force_sample, value: true}}
    - name: do-not-sample
      type: drop
      drop:
        drop_sub_policy:
          - {name: no, type: boolean_attribute, boolean_attribute: {key: app.do_not_sample, value: true}}
"""
