"""Rules that ask something of single spans, as conditions in SQL: a trace meets one when some span of it does."""

from traceo.sampling.columns import SpanColumns
from traceo.sampling.model import (
    BooleanAttribute,
    NumericAttribute,
    OttlCondition,
    StatusCode,
    StringAttribute,
    TraceFlags,
    TraceState,
)
from traceo.sampling.ottl.compiler import compile_condition
from traceo.sampling.ottl.paths import trace_state_entry
from traceo.sampling.ottl.patterns import alternatives, bind_pattern
from traceo.sampling.validate import STATUS_CODES
from traceo.store.attributes import content_of, double_of, encode_value, int_of

SpanRule = NumericAttribute | BooleanAttribute | StringAttribute | StatusCode | TraceState | TraceFlags | OttlCondition


def span_condition(rule: SpanRule, columns: SpanColumns) -> str:
    """SQL that is true or false for a span. `invert_match` is left to the caller: it is about the whole trace."""
    match rule:
        case NumericAttribute():
            return _span_or_resource(rule.key, _in_range(rule, columns), columns)
        case BooleanAttribute():
            return _span_or_resource(rule.key, f"{{x}} = {columns.bind(encode_value(rule.value))}", columns)
        case StringAttribute():
            return _span_or_resource(rule.key, _is_one_of(rule, columns), columns)
        case StatusCode():
            codes = ", ".join(str(STATUS_CODES[code]) for code in rule.status_codes)
            return f"{columns.column('status_code')} IN ({codes})"
        case TraceState():
            state = columns.column("trace_state")
            values = ", ".join(columns.bind(value) for value in rule.values if value)
            return f"{state} != '' AND {trace_state_entry(state, rule.key, columns.bindings)} IN ({values})"
        case TraceFlags():
            return f"bitAnd({columns.column('flags')}, 1) = 1"
        case OttlCondition():
            conditions = [compile_condition(text, "span", columns) for text in rule.span]
            conditions += [compile_condition(text, "spanevent", columns) for text in rule.spanevent]
            return " OR ".join(f"({condition})" for condition in conditions)


def _span_or_resource(key: str, condition: str, columns: SpanColumns) -> str:
    """The condition on `{x}` holds for the span's attribute, or for its resource's: both tables call them the same."""
    on_span = condition.replace("{x}", columns.attribute(key))
    on_resource = condition.replace("{x}", columns.resource_attribute(key))
    return f"({on_span} OR {columns.resource_where(f'({on_resource})')})"


def _in_range(rule: NumericAttribute, columns: SpanColumns) -> str:
    low, high = columns.bind(rule.min_value), columns.bind(rule.max_value)
    ints = f"startsWith({{x}}, '\\x18') AND {int_of('{x}')} BETWEEN {low} AND {high}"
    return f"{ints} OR startsWith({{x}}, '!') AND {double_of('{x}')} BETWEEN {low} AND {high}"


def _is_one_of(rule: StringAttribute, columns: SpanColumns) -> str:
    """The empty text matches nothing, as in the Collector."""
    values = [value for value in rule.values if value]
    if not rule.enabled_regex_matching:
        return f"{{x}} IN ({', '.join(columns.bind(encode_value(value)) for value in values)})"
    pattern = bind_pattern(alternatives(values), columns)
    return f"startsWith({{x}}, '\\n') AND length({{x}}) > 2 AND match({content_of('{x}')}, {pattern})"
