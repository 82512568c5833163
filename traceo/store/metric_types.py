"""Column types that tables of metrics share: the messages of wire/metrics.proto, as `${Name}` in schema/*.sql."""

MAP = "Map(LowCardinality(String), String)"
EXEMPLAR = (
    "Tuple(time_unix_nano UInt64, value Enum8('none' = 0, 'as_double' = 3, 'as_int' = 6), as_double Float64, "
    f"as_int Int64, span_id String, trace_id String, filtered_attributes {MAP})"
)
# What points of all types have; attributes are encoded `KeyValue`s.
POINT = "start_time_unix_nano UInt64, time_unix_nano UInt64, attributes Array(String), flags UInt32"
NUMBER_POINT = (
    f"Tuple({POINT}, value Enum8('none' = 0, 'as_double' = 4, 'as_int' = 6), as_double Float64, as_int Int64, "
    f"exemplars Array({EXEMPLAR}))"
)
DISTRIBUTION = (
    f"{POINT}, count UInt64, sum Nullable(Float64), min Nullable(Float64), max Nullable(Float64), "
    f"exemplars Array({EXEMPLAR})"
)
HISTOGRAM_POINT = f"Tuple({DISTRIBUTION}, bucket_counts Array(UInt64), explicit_bounds Array(Float64))"
BUCKETS = "Tuple(offset Int32, bucket_counts Array(UInt64))"
EXPONENTIAL_POINT = (
    f"Tuple({DISTRIBUTION}, scale Int32, zero_count UInt64, zero_threshold Float64, "
    f"positive {BUCKETS}, negative {BUCKETS})"
)
SUMMARY_POINT = (
    f"Tuple({POINT}, count UInt64, sum Float64, quantile_values Array(Tuple(quantile Float64, value Float64)))"
)
METRIC = (
    f"Tuple(name LowCardinality(String), description String, unit LowCardinality(String), metadata {MAP}, "
    f"gauge Tuple(data_points Array({NUMBER_POINT})), "
    f"sum Tuple(data_points Array({NUMBER_POINT}), aggregation_temporality Int8, is_monotonic Bool), "
    f"histogram Tuple(data_points Array({HISTOGRAM_POINT}), aggregation_temporality Int8), "
    f"exponential_histogram Tuple(data_points Array({EXPONENTIAL_POINT}), aggregation_temporality Int8), "
    f"summary Tuple(data_points Array({SUMMARY_POINT})))"
)
TYPES = {
    "Exemplar": EXEMPLAR,
    "NumberPoint": NUMBER_POINT,
    "HistogramPoint": HISTOGRAM_POINT,
    "ExponentialPoint": EXPONENTIAL_POINT,
    "SummaryPoint": SUMMARY_POINT,
    "Metric": METRIC,
}
