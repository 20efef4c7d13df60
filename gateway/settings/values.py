"""One raw value in, one value of the declared type out, or why not.

Raw values come from TOML, which has types, or from a flag or variable, which
is text (``Text``) and is read as the declared type wants it. Nothing is
guessed: ``true`` is no number, ``"4"`` in a file is no number either.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec import inspect

from gateway.settings.declared import Kind
from gateway.settings.formats import FORMATS
from gateway.settings.problems import alternatives, did_you_mean
from gateway.settings.units import format_duration, format_size, parse_duration, parse_size

# C0 and C1 controls but the tab; surrogates stand for bytes that are not UTF-8.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?")
_SWITCH = MappingProxyType(
    {"true": True, "yes": True, "on": True, "1": True}
    | {"false": False, "no": False, "off": False, "0": False}
)


class Text(str):
    """A value that was given as text because its source knows nothing else."""


class Unfit(ValueError):
    """The value cannot be used; the message says what was expected."""


def read_scalar(kind: Kind, raw: object) -> Any:
    """A single value. Raises ``Unfit``, whose message never repeats a secret."""
    read = _READERS.get(type(kind.shape))
    if read is None:
        raise TypeError(f"settings of type {kind.shape} have no reader")
    return read(kind, raw)


def _read_bool(kind: Kind, raw: object) -> bool:
    value = _SWITCH.get(raw.lower()) if isinstance(raw, Text) else raw
    if not isinstance(value, bool):
        raise Unfit(f"expected {expected(kind)}")
    return value


def _read_int(kind: Kind, raw: object) -> int:
    value: object = raw
    if isinstance(raw, str):
        if kind.unit == "bytes":
            value = parse_size(raw)
        elif isinstance(raw, Text) and _INTEGER.fullmatch(raw):
            value = int(raw)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unfit(f"expected {expected(kind)}")
    _within_limits(kind, value)
    return value


def _read_float(kind: Kind, raw: object) -> float:
    value: object = raw
    if isinstance(raw, str):
        if kind.unit == "seconds":
            value = parse_duration(raw)
        elif isinstance(raw, Text) and _NUMBER.fullmatch(raw):
            value = float(raw)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise Unfit(f"expected {expected(kind)}")
    # Compared before it becomes a float: a very large int cannot.
    _within_limits(kind, value)
    return float(value) + 0.0  # -0.0 is 0.0


def _read_str(kind: Kind, raw: object) -> str:
    if not isinstance(raw, str):
        raise Unfit(f"expected {expected(kind)}")
    text = str(raw)
    if _SURROGATE.search(text):
        raise Unfit("expected text in UTF-8")
    fault = _form_fault(kind, text)
    if fault is None and _CONTROL.search(text):
        raise Unfit("expected text without line breaks and other control characters")
    if fault is not None:
        raise Unfit("; ".join(filter(None, [f"expected {expected(kind)}", fault])))
    return text


def _form_fault(kind: Kind, text: str) -> str | None:
    type_ = kind.shape
    if not isinstance(type_, inspect.StrType):
        return None
    if type_.max_length is not None and len(text) > type_.max_length:
        return f"at most {type_.max_length} characters"
    if len(text) < (type_.min_length or 0) or not re.search(type_.pattern or "", text):
        return ""
    check = FORMATS.get(str(kind.extra.get("format")))
    return check(text) if check else None


def _read_literal(kind: Kind, raw: object) -> Any:
    values = kind.shape.values if isinstance(kind.shape, inspect.LiteralType) else ()
    if isinstance(raw, str) and str(raw) in values:
        return str(raw)
    near = did_you_mean(raw, [str(value) for value in values]) if isinstance(raw, str) else ""
    raise Unfit(f"expected {expected(kind)}{near}")


_READERS: Mapping[type[inspect.Type], Callable[[Kind, object], Any]] = MappingProxyType(
    {
        inspect.BoolType: _read_bool,
        inspect.IntType: _read_int,
        inspect.FloatType: _read_float,
        inspect.StrType: _read_str,
        inspect.LiteralType: _read_literal,
    }
)


def _within_limits(kind: Kind, value: float) -> None:
    low, high = _limits(kind)
    type_: Any = kind.shape
    too_low = low is not None and (value < low or (value == low and type_.gt is not None))
    too_high = high is not None and (value > high or (value == high and type_.lt is not None))
    if too_low or too_high or (isinstance(value, float) and math.isinf(value)):
        bounds = f", {limits_text(kind)}" if kind.unit else ""
        raise Unfit(f"expected {expected(kind)}{bounds}")


def _limits(kind: Kind) -> tuple[float | None, float | None]:
    type_: Any = kind.shape
    low = type_.ge if type_.gt is None else type_.gt
    return low, type_.le if type_.lt is None else type_.lt


def limits_text(kind: Kind) -> str:
    """``from 1 to 100``, ``more than 0 and at most 168h``, or nothing without limits."""
    if not isinstance(kind.shape, (inspect.IntType, inspect.FloatType)):
        return ""
    low, high = _limits(kind)
    if kind.shape.ge is not None and kind.shape.le is not None:
        return f"from {_quantity(kind, kind.shape.ge)} to {_quantity(kind, kind.shape.le)}"
    texts = []
    if low is not None:
        texts.append(
            f"{_quantity(kind, low)} or more"
            if kind.shape.gt is None
            else f"more than {_quantity(kind, low)}"
        )
    if high is not None:
        texts.append(
            f"{'at most' if kind.shape.lt is None else 'less than'} {_quantity(kind, high)}"
        )
    return " and ".join(texts)


def _quantity(kind: Kind, number: float) -> str:
    text = None
    if kind.unit == "seconds":
        text = format_duration(number)
    elif kind.unit == "bytes":
        text = format_size(int(number))
    return text if text and number else f"{number:.15g}"


def expected(kind: Kind) -> str:
    """What a value of this kind must be: goes after "expected"."""
    said = kind.extra.get("expected")
    if said:
        return str(said)
    limits = limits_text(kind)
    text = _NOUNS.get(type(kind.shape), "")
    if isinstance(kind.shape, inspect.LiteralType):
        return alternatives(str(value) for value in kind.shape.values)
    return f"{text} {limits}" if limits else text


_NOUNS = MappingProxyType(
    {
        inspect.BoolType: "true or false",
        inspect.IntType: "a whole number",
        inspect.FloatType: "a number",
        inspect.StrType: "a text in quotes",
        inspect.VarTupleType: "a list",
        inspect.DictType: "a table",
        inspect.StructType: "a table",
    }
)
