"""Every function of PromQL: the types of its arguments and of its result."""

from dataclasses import dataclass

from traceo.query.promql.ast import Type

S, T, V, M = Type.SCALAR, Type.STRING, Type.VECTOR, Type.MATRIX


@dataclass(frozen=True, slots=True)
class Function:
    """`variadic`: 0 none; n > 0: up to n - 1 arguments more than the types, or one less; -1: any number."""

    name: str
    arguments: tuple[Type, ...]
    variadic: int = 0
    result: Type = V


INSTANT = """abs acos acosh asin asinh atan atanh ceil cos cosh deg exp floor ln log10 log2 rad sgn sin sinh sqrt tan
tanh absent histogram_avg histogram_count histogram_stddev histogram_stdvar histogram_sum sort sort_desc timestamp"""
RANGE = """absent_over_time avg_over_time changes count_over_time delta deriv first_over_time idelta increase irate
last_over_time mad_over_time max_over_time min_over_time present_over_time rate resets stddev_over_time stdvar_over_time
sum_over_time ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time"""
CALENDAR = "day_of_month day_of_week day_of_year days_in_month hour minute month year"
OTHER = (
    Function("clamp", (V, S, S)),
    Function("clamp_max", (V, S)),
    Function("clamp_min", (V, S)),
    Function("double_exponential_smoothing", (M, S, S)),
    Function("end", (), 0, S),
    Function("histogram_fraction", (S, S, V)),
    Function("histogram_quantile", (S, V)),
    Function("histogram_quantiles", (V, T, S), 10),
    Function("info", (V, V), 1),
    Function("label_join", (V, T, T, T), -1),
    Function("label_replace", (V, T, T, T, T)),
    Function("max_of", (S, S), 0, S),
    Function("min_of", (S, S), 0, S),
    Function("pi", (), 0, S),
    Function("predict_linear", (M, S)),
    Function("quantile_over_time", (S, M)),
    Function("range", (), 0, S),
    Function("round", (V, S), 1),
    Function("scalar", (V,), 0, S),
    Function("sort_by_label", (V, T), -1),
    Function("sort_by_label_desc", (V, T), -1),
    Function("start", (), 0, S),
    Function("step", (), 0, S),
    Function("time", (), 0, S),
    Function("vector", (S,)),
)
FUNCTIONS = {
    function.name: function
    for function in (
        *(Function(name, (V,)) for name in INSTANT.split()),
        *(Function(name, (M,)) for name in RANGE.split()),
        *(Function(name, (V,), 1) for name in CALENDAR.split()),
        *OTHER,
    )
}
