"""Column types that tables of metrics share: the messages of wire/*.proto, as `${Name}` in schema/*.sql."""

from collections.abc import Callable

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
# Of wire/remote_write.proto.
WRITTEN_SAMPLE = "Tuple(timestamp Int64, value Float64, start_timestamp Int64)"
BUCKET_SPAN = "Tuple(offset Int32, length UInt32)"
WRITTEN_HISTOGRAM = (
    "Tuple(timestamp Int64, start_timestamp Int64, reset_hint Int32, schema Int32, zero_threshold Float64, "
    "sum Float64, count Enum8('none' = 0, 'count_int' = 1, 'count_float' = 2), count_int UInt64, count_float Float64, "
    "zero_count_int UInt64, zero_count_float Float64, custom_values Array(Float64), "
    f"positive_spans Array({BUCKET_SPAN}), positive_deltas Array(Int64), positive_counts Array(Float64), "
    f"negative_spans Array({BUCKET_SPAN}), negative_deltas Array(Int64), negative_counts Array(Float64))"
)
NAME_BITS = 12  # of 64: 52 bits are left to tell a metric's series apart (ten millions of them: 1 % chance of a clash)
TYPES = {
    "Exemplar": EXEMPLAR,
    "NumberPoint": NUMBER_POINT,
    "HistogramPoint": HISTOGRAM_POINT,
    "ExponentialPoint": EXPONENTIAL_POINT,
    "SummaryPoint": SUMMARY_POINT,
    "Metric": METRIC,
    "WrittenSample": WRITTEN_SAMPLE,
    "WrittenHistogram": WRITTEN_HISTOGRAM,
}


def varint_of(text: str) -> str:
    """SQL: the length of a text of less than 2 MiB as a protobuf varint."""
    size = f"length({text})"
    return (
        f"multiIf({size} < 128, char({size}), {size} < 16384, char({size} % 128 + 128, intDiv({size}, 128)), "
        f"char({size} % 128 + 128, intDiv({size}, 128) % 128 + 128, intDiv({size}, 16384)))"
    )


def text_of(value: str) -> str:
    """SQL: an encoded `AnyValue` as a label's text; lists and byte strings as they are encoded, in base64."""
    groups = f"arrayMap(i -> toUInt64(ascii(substring({value}, i, 1)) % 128), range(2, length({value}) + 1))"
    digits = f"arrayMap((group, i) -> bitShiftLeft(group, 7 * (i - 1)), {groups}, arrayEnumerate({groups}))"
    return (
        f"multiIf(empty({value}), '', startsWith({value}, '\\n'), substring({value}, multiIf(length({value}) < 130, 3, "
        f"length({value}) < 16387, 4, length({value}) < 2097156, 5, 6)), "
        f"startsWith({value}, '\\x10'), if(endsWith({value}, '\\x01'), 'true', 'false'), "
        f"startsWith({value}, '\\x18'), toString(reinterpretAsInt64(arraySum({digits}))), "
        f"startsWith({value}, '!'), toString(reinterpretAsFloat64(substring({value}, 2, 8))), base64Encode({value}))"
    )


def label_of(name: str) -> str:
    """SQL: an attribute's name as a label's."""
    escaped = f"replaceRegexpAll({name}, '[^a-zA-Z0-9_]', '_')"
    return f"replaceRegexpOne(replaceRegexpOne({escaped}, '^([0-9])', 'key_\\\\1'), '^_([^_]|$$)', 'key_\\\\1')"


def series_id_of(metric: str, labels_hash: str) -> str:
    """SQL: a series' id: NAME_BITS of the metric's hash, then a hash of all that tells its series apart.

    Points are sorted by id, so that those of one metric, which are read together, lie together.
    """
    return f"bitOr(bitShiftLeft(cityHash64({metric}), {64 - NAME_BITS}), bitShiftRight({labels_hash}, {NAME_BITS}))"


def native_id_of(series_id: str) -> str:
    """SQL: the id of a series' native histograms, beside its own."""
    start = f"bitShiftLeft(bitShiftRight({series_id}, {64 - NAME_BITS}), {64 - NAME_BITS})"
    return f"bitOr({start}, bitShiftRight(cityHash64('native_histogram', {series_id}), {NAME_BITS}))"


def target_id_of(resource_id: str) -> str:
    """SQL: the id of the series `target_info` of a resource of the column `tenant`."""
    return series_id_of("'target_info'", f"cityHash64('target_info', tenant, {resource_id})")


def encoded_name_of(labels: str) -> str:
    """SQL: the metric's name out of encoded labels; of one of 128 bytes or more, a beginning.

    For ids alone: it is found by its bytes, which a label before it (names in capitals are) might hold, too.
    """
    start = f"position({labels}, '__name__\\x12')"
    return f"substring({labels}, {start} + 10, ascii(substring({labels}, {start} + 9, 1)))"


MACROS: dict[str, Callable[..., str]] = {
    "Varint": varint_of,
    "Text": text_of,
    "SeriesId": series_id_of,
    "NativeId": native_id_of,
    "TargetId": target_id_of,
    "EncodedName": encoded_name_of,
}  # `${Name(x)}` in schema/*.sql, where `x` are columns or parameters
