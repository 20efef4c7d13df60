"""What people write as arguments: a speed, a rate, a time, a size. For ``argparse``."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError

from gateway.settings.units import parse_duration, parse_size

_SPEED = re.compile(r"([0-9]+(?:\.[0-9]+)?)x?")
_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)(?:/(s|m))?")
_HEADER = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\r\n\x00]*)")


def speed(text: str) -> float | None:
    """A multiple of the recorded speed; None for as fast as may be."""
    match = _SPEED.fullmatch(text)
    if text == "max":
        return None
    if match is None or not float(match[1]):
        raise ArgumentTypeError(f"{text!r} is neither a multiple such as 2x nor max")
    return float(match[1])


def rate(text: str) -> float:
    """Requests a second."""
    match = _RATE.fullmatch(text)
    if match is None or not float(match[1]):
        raise ArgumentTypeError(f"{text!r} is no rate such as 100/s")
    return float(match[1]) / (60 if match[2] == "m" else 1)


def duration(text: str) -> float:
    """Seconds."""
    seconds = parse_duration(text)
    if not seconds:
        raise ArgumentTypeError(f"{text!r} is no time such as 30s or 500ms")
    return seconds


def count(text: str) -> int:
    """A number from 1 on."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def percent(text: str) -> float:
    """A number from 0 to 100."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise ArgumentTypeError(f"{text!r} is not a number from 0 to 100")
    return value


def header(text: str) -> tuple[str, str]:
    """A header field."""
    match = _HEADER.fullmatch(text)
    if match is None:
        raise ArgumentTypeError(f"{text!r} is no header field such as 'Accept: */*'")
    return match[1], match[2]


def size(text: str) -> int:
    """Bytes."""
    value = parse_size(text)
    if not value:
        raise ArgumentTypeError(f"{text!r} is no size such as 100MiB")
    return value
