"""Consistent probability sampling: randomness, rejection thresholds and trace states, as SQL (ADR 0008).

A trace has a randomness R of 56 bits: `ot=rv:` of its trace state, or the last 7 bytes of its id. A threshold T keeps
it when R >= T; a kept trace stands for 2^56 / (2^56 - T) of its kind.
"""

from fractions import Fraction

ALWAYS = 0
NEVER = 1 << 56
OT_MEMBER = r"(?:^|,)[ \\t]*ot=([^,]*)"
THRESHOLD = r"(?:^|;)th:([0-9a-f]{1,14})[ \\t]*(?:;|$)"
RANDOMNESS = r"(?:^|;)rv:([0-9a-f]{14})[ \\t]*(?:;|$)"


def threshold_of_share(share: Fraction) -> int:
    """The threshold that keeps this share, from 0 to 1, of all traces."""
    return NEVER - round(share * NEVER)


def threshold_of_percentage(percentage: float) -> int:
    """The same for a percentage, of which the decimal digits count."""
    return threshold_of_share(Fraction(str(percentage)) / 100)


def stated_threshold(trace_state: str) -> str:
    """SQL: the 14 hexadecimal digits of `ot=th:`, "" without one. They sort as the numbers do."""
    digits = f"extract(extract({trace_state}, '{OT_MEMBER}'), '{THRESHOLD}')"
    return f"if({digits} = '', '', rightPad({digits}, 14, '0'))"


def stated_randomness(trace_state: str) -> str:
    """SQL: the 14 hexadecimal digits of `ot=rv:`, "" without one."""
    return f"extract(extract({trace_state}, '{OT_MEMBER}'), '{RANDOMNESS}')"


def number_of_digits(digits: str) -> str:
    """SQL: the UInt64 of 14 hexadecimal digits."""
    return f"reinterpretAsUInt64(reverse(unhex({digits})))"


def randomness(trace_id: str, stated: str) -> str:
    """SQL: R of a trace, from what its spans state (digits or "") or from its id."""
    return f"if({stated} = '', reinterpretAsUInt64(reverse(substring({trace_id}, 10, 7))), {number_of_digits(stated)})"


def salted_randomness(trace_id: str, salt: str, incoming: str) -> str:
    """SQL: R by a hash of the trace id that the salt makes independent of every other sampler.

    A trace that was sampled with a threshold before has its R above it, as if R had decided that, too.
    """
    hashed = f"bitAnd(sipHash64(concat({salt}, {trace_id})), {NEVER - 1})"
    return f"{incoming} + toUInt64(bitShiftRight(toUInt128({hashed}) * ({NEVER} - {incoming}), 56))"


def adjusted_count(threshold: str) -> str:
    """SQL: how many spans or traces a kept one stands for."""
    return f"{NEVER} / ({NEVER} - {threshold})"


def span_threshold(trace_state: str, threshold: str) -> str:
    """SQL: the threshold of a kept trace's span: its own, where it was sampled harder than the trace."""
    own = stated_threshold(trace_state)
    stricter = f"greatest({threshold}, if({own} = '', 0, {number_of_digits(own)}))"
    return f"if({trace_state} = '', {threshold}, {stricter})"


def kept_trace_state(trace_state: str, threshold: str, rv: str = "") -> str:
    """SQL: a kept span's trace state: `ot=th:` of its threshold, trailing zeros removed, ahead of all that was there.

    `rv` is the randomness, to be written where a salt made it. A span that stands for none (2^56) states no threshold.
    """
    sampled = f"{threshold} != {NEVER}"
    digits = f"trimRight(leftPad(lower(hex({threshold})), 14, '0'), '0')"
    written = [f"if({sampled}, concat('th:', if({digits} = '', '0', {digits})), '')"]
    replaced = ["startsWith(x, 'th:')"]
    if rv:
        written.append(f"concat('rv:', leftPad(lower(hex({rv})), 14, '0'))")
        replaced.append("startsWith(x, 'rv:')")
    member = f"splitByChar(';', trimRight(extract({trace_state}, '{OT_MEMBER}')))"
    kept = f"arrayFilter(x -> x != '' AND NOT ({' OR '.join(replaced)}), {member})"
    others = f"arrayFilter(x -> x != '' AND NOT startsWith(trimLeft(x), 'ot='), splitByChar(',', {trace_state}))"
    parts = f"arrayStringConcat(arrayFilter(x -> x != '', arrayConcat([{', '.join(written)}], {kept})), ';')"
    entry = f"arrayMap(x -> concat('ot=', x), arrayFilter(x -> x != '', [{parts}]))"
    alone = f"arrayStringConcat(arrayFilter(x -> x != '', [{', '.join(written)}]), ';')"
    alone = f"if({alone} = '', '', concat('ot=', {alone}))"
    return f"if({trace_state} = '', {alone}, arrayStringConcat(arrayConcat({entry}, {others}), ','))"
