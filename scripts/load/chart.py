"""Line charts as inline SVG: all that the report's page needs, and nothing to load."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 620, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 12, 36
_COLOURS = ("#2f6fde", "#d1495b", "#3a9d5d", "#b07d18", "#7b52ab", "#5f6b7a")

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axis:
    """One axis: which positions have a label, and where a value stands between 0 and 1."""

    ticks: Sequence[tuple[float, str]]
    place: Callable[[float], float]
    title: str


def linear(low: float, high: float, title: str) -> Axis:
    """From ``low`` to a round number at or above ``high``."""
    step = _round_up((high - low) / 5 or 1.0)
    top = low + step * max(1, math.ceil((high - low) / step - 1e-9))
    count = round((top - low) / step)
    ticks = [(low + i * step, f"{low + i * step:g}") for i in range(count + 1)]
    return Axis(ticks, lambda v: (v - low) / (top - low), title)


def logarithmic(low: float, high: float, title: str) -> Axis:
    """Whole decades around the values."""
    first = math.floor(math.log10(max(low, 1e-3)))
    last = max(first + 1, math.ceil(math.log10(max(high, 1e-3))))
    ticks = [(10.0**n, f"{10.0**n:g}") for n in range(first, last + 1)]
    return Axis(ticks, lambda v: (math.log10(max(v, 10.0**first)) - first) / (last - first), title)


def percentiles(lines: int, title: str) -> Axis:
    """0 % to ``lines`` nines: what matters is how rare the slow ones are."""
    labels = ["0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %"][: lines + 1]
    ticks = [(100 - 100 * 10.0**-n, label) for n, label in enumerate(labels)]
    return Axis(ticks, lambda p: min(1.0, -math.log10(max(1e-9, 1 - p / 100)) / lines), title)


def _round_up(value: float) -> float:
    base = 10.0 ** math.floor(math.log10(value))
    return base * next(m for m in (1, 2, 2.5, 5, 10) if m * base >= value * (1 - 1e-9))


def chart(title: str, x: Axis, y: Axis, series: Sequence[tuple[str, Points]]) -> str:
    """A figure with a legend."""
    lines, legend = [], []
    for number, (name, points) in enumerate(series):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " ".join(f"{_across(x, a):.1f},{_up(y, b):.1f}" for a, b in points)
        lines.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
        )
        legend.append(f'<li><i style="background:{colour}"></i>{escape(name)}</li>')
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{_grid(x, y)}{''.join(lines)}</svg><ul>{''.join(legend)}</ul></figure>"
    )


def _across(axis: Axis, value: float) -> float:
    return _LEFT + axis.place(value) * (_WIDTH - _LEFT - _RIGHT)


def _up(axis: Axis, value: float) -> float:
    return _HEIGHT - _BOTTOM - axis.place(value) * (_HEIGHT - _TOP - _BOTTOM)


def _grid(x: Axis, y: Axis) -> str:
    parts = []
    for value, label in x.ticks:
        at = _across(x, value)
        parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>')
        parts.append(_text(at, _HEIGHT - _BOTTOM + 14, "middle", label))
    for value, label in y.ticks:
        at = _up(y, value)
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(_text(_LEFT - 6, at + 4, "end", label))
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(_text(middle, _HEIGHT - 4, "middle", x.title))
    turned = f'transform="rotate(-90 12 {_HEIGHT / 2:.0f})"'
    parts.append(_text(12, _HEIGHT / 2, "middle", y.title, turned))
    return f'<g class="grid">{"".join(parts)}</g>'


def _text(x: float, y: float, anchor: str, text: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(text)}</text>'
