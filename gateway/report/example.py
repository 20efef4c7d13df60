"""One example of a group as something to run, read or send: a test, a HAR, a curl command.

What it is made of was redacted before it was stored. What was, is said in what is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from gateway.compare.answer import Answer
from gateway.compare.verdict import Difference, Kind, Verdict
from gateway.errors import GatewayError
from gateway.report.findings import differences_of
from gateway.report.redacted import fields_of, in_value, missing_from
from gateway.store.errors import StoreError
from gateway.store.values import Example, Group
from gateway.traffic.curl import as_curl
from gateway.traffic.har import document, entry
from gateway.traffic.pytest_case import pytest_case
from gateway.traffic.recorded import Recorded

if TYPE_CHECKING:
    from gateway.store.reader import Reader

Format = Literal["pytest", "har", "curl"]

# Seconds that a test waits for an answer, but where the time is what it is about.
_TIMEOUT = 30.0


class NoExample(GatewayError):
    """There is nothing to make it of. The text says what is missing."""


def smallest(reader: Reader, group: Group) -> Example:
    """The smallest kept example of a group. Raises ``NoExample``."""
    for head in sorted(reader.examples(group.id), key=lambda head: (head.size, head.id)):
        try:
            example = reader.example(head.id)
        except StoreError:  # kept by a newer version
            continue
        if example is not None:
            return example
    raise NoExample(f"no example of group {group.id} is kept any more")


def exported(
    example: Example, group: Group, form: Format, base_url: str, timeout: float = _TIMEOUT
) -> str:
    """The text of a file. ``timeout``: seconds that the shadow had, which a test of a copy that
    was not in time gives. Raises ``NoExample``: of this one it cannot be made.
    """
    if form == "har":
        return _har(example)
    if form == "curl":
        return "".join(f"# {line}\n" for line in _cautions(example)) + _curl(example, base_url)
    return _test(example, group, base_url, timeout)


def _curl(example: Example, base_url: str) -> str:
    return as_curl(example.judged.request, base_url) + "\n"


def _har(example: Example) -> str:
    """Both sides, live first."""
    judged = example.judged
    sides: list[tuple[str, Answer | None]] = [("live", judged.live), (judged.shadow, judged.answer)]
    entries = [
        entry(Recorded(judged.request, answer, judged.at, judged.route), comment=name)
        for name, answer in sides
    ]
    return document(entries).decode() + "\n"


def _test(example: Example, group: Group, base_url: str, timeout: float) -> str:
    judged = example.judged
    if judged.live is None:
        raise NoExample("live gave no answer to this request: there is nothing to expect")
    known = [each for each in differences_of(example, group) if not in_value(each.live)]
    title = " ".join([_title(group), *_cautions(example), *_unknown(example, group, known)])
    limit = timeout if group.kind == Verdict.TIMED_OUT.value else _TIMEOUT
    return pytest_case(
        judged.request, judged.live, known, base_url=base_url, title=title, timeout=limit
    )


def _title(group: Group) -> str:
    place = f"{group.part} {group.pattern}".strip()
    return f"{group.route}: {place}: {group.kind} (group {group.id})."


def _cautions(example: Example) -> list[str]:
    """What was redacted of the request, and has to be put in by hand."""
    request = example.judged.request
    found = [*missing_from(request), *(f"the field {name}" for name in fields_of(request.fields))]
    return [f"Redacted, and to be put in by hand: {', '.join(found)}."] if found else []


def _unknown(example: Example, group: Group, known: Sequence[Difference]) -> list[str]:
    hidden = len(differences_of(example, group)) - len(known)
    found = (
        [f"Of {hidden} places live's value was redacted: they are not tested."] if hidden else []
    )
    live = example.judged.live
    if live is not None and live.body is None and any(each.kind is Kind.CONTENT for each in known):
        found.append("Live's body was too large to be kept: it is not tested.")
    return found
