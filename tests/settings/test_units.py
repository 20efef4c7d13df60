"""Durations and sizes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.settings.units import format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("2s", 2.0),
        ("1m", 60.0),
        ("1h", 3600.0),
        ("7d", 604_800.0),
        ("1.5s", 1.5),
        ("1.5 h", 5400.0),
        ("0.1s", 0.1),
        ("100ms", 0.1),
        ("7", 7.0),
        ("0s", 0.0),
    ],
)
def test_a_duration_is_read_exactly(text: str, seconds: float) -> None:
    """The nearest float of the decimal value: 100ms is 0.1 and not 0.1 and a bit."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5x",
        "s",
        "-1s",
        "1e3",
        "1,5s",
        "5S",
        "1s 2s",
        " 1s",
        "1s\n",
        "٣s",
        "1" * 30,
        "inf",
        "nan",
    ],
    ids=repr,
)
def test_what_is_no_duration_is_none(text: str) -> None:
    """No guesses: minutes and milliseconds differ by case, other digits by nobody's intent."""
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("10MiB", 10 * 1024 * 1024),
        ("64KiB", 65536),
        ("1GB", 10**9),
        ("1GiB", 1024**3),
        ("1.5 kib", 1536),
        ("512", 512),
        ("512B", 512),
        ("0", 0),
    ],
)
def test_a_size_is_read_exactly(text: str, size: int) -> None:
    """KiB counts by 1024 and KB by 1000; case does not matter, bits have no unit here."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "10XB", "10M", "0.5", "1.0001KB", "-1", "MiB"], ids=repr)
def test_what_is_no_size_is_none(text: str) -> None:
    """Half a byte, an unclear unit and a negative size are none."""
    assert parse_size(text) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.001, "1ms"),
        (0.25, "250ms"),
        (1.5, "1.5s"),
        (2.0, "2s"),
        (75.0, "75s"),
        (60.0, "1m"),
        (5400.0, "90m"),
        (3600.0, "1h"),
    ],
)
def test_a_duration_is_written_short(seconds: float, text: str) -> None:
    """The largest unit that makes it a whole number."""
    assert format_duration(seconds) == text


@settings(deadline=None)
@given(st.floats(0, 1e9, allow_nan=False))
def test_a_written_duration_reads_back_as_the_same_number(seconds: float) -> None:
    """Or nothing is written."""
    text = format_duration(seconds)
    assert text is None or parse_duration(text) == seconds


@settings(deadline=None)
@given(st.integers(0, 2**45))
def test_a_written_size_reads_back_as_the_same_number(size: int) -> None:
    """Or nothing is written."""
    text = format_size(size)
    assert text is None or parse_size(text) == size
    assert (text is None) == (size % 1024 != 0 or size == 0)
