"""Exchanges for tests: plain ones, and any that can be."""

from __future__ import annotations

from hypothesis import strategies as st

from gateway.compare.answer import Answer
from gateway.forwarded import Client
from gateway.headers import HOP_BY_HOP
from gateway.shadow.copy import Copy
from gateway.traffic.recorded import Recorded

# 2026-01-02T03:04:05Z
AT = 1767323045.0


def copy(
    method: str = "GET",
    target: str = "/invoices/1",
    *fields: tuple[str, str],
    body: bytes = b"",
    request_id: str = "id-1",
) -> Copy:
    """A request; its Host is billing.example.com if ``fields`` name no other."""
    if not any(name.lower() == "host" for name, _ in fields):
        fields = (("Host", "billing.example.com"), *fields)
    return Copy(request_id, method, target, fields, body, bool(body), Client("", "http", ""))


def answer(
    body: bytes | None = b'{"total": 10}', *fields: tuple[str, str], status: int = 200
) -> Answer:
    """An answer in JSON, if ``fields`` say nothing else."""
    given = fields or (("Content-Type", "application/json"),)
    return Answer(status, given, body, len(body or b""), 0.005)


def recorded(
    request: Copy | None = None, live: Answer | None = None, at: float = AT, route: str = ""
) -> Recorded:
    """An exchange."""
    return Recorded(request or copy(), live or answer(), at, route)


# -- anything ----------------------------------------------------------------------------

# RFC 9110 section 5.6.2.
_TOKEN = st.text("!#$%&'*+-.^_`|~09azAZ", min_size=1, max_size=12)
_VALUE = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=20
)
_STRANGE = {"content-length", "content-encoding", "content-type", "host", "cookie"}
_NAME = _TOKEN.filter(lambda name: name.lower() not in HOP_BY_HOP | _STRANGE)
_CHARSETS = ["", "; charset=utf-8", "; charset=latin-1", "; charset=utf-16", "; charset=nonsense"]
_TYPE = st.sampled_from(["text/plain", "application/json", "image/png"]).flatmap(
    lambda kind: st.sampled_from(_CHARSETS).map(lambda charset: ("Content-Type", kind + charset))
)
_FIELDS = st.builds(
    lambda fields, kind: (*fields, *kind),
    st.lists(st.tuples(_NAME, _VALUE), max_size=4),
    st.lists(_TYPE, max_size=1),
)
_TARGETS = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=20
).map(lambda rest: "/" + rest)


@st.composite
def copies(draw: st.DrawFn) -> Copy:
    """Any request that can be sent."""
    body = draw(st.binary(max_size=200))
    fields = draw(_FIELDS)
    return Copy(
        draw(st.text("abc-123", max_size=8)),
        draw(_TOKEN.filter(lambda method: method != "CONNECT")),
        draw(_TARGETS | st.just("*")),
        (("Host", "billing.example.com:8443"), *fields),
        body,
        bool(body) or draw(st.booleans()),
        Client("", draw(st.sampled_from(["http", "https"])), ""),
    )


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """Any answer, known by its digest alone too."""
    body = draw(st.none() | st.binary(max_size=200))
    size = draw(st.integers(1, 10**9)) if body is None else len(body)
    digest = draw(st.none() | st.binary(min_size=32, max_size=32)) if body is None else None
    seconds = draw(st.integers(0, 10**7)) / 10**6
    return Answer(draw(st.integers(200, 599)), draw(_FIELDS), body, size, seconds, digest)


def exchanges() -> st.SearchStrategy[Recorded]:
    """Any exchange."""
    at = st.integers(0, 4 * 10**15).map(lambda microseconds: microseconds / 10**6)
    route = st.text("abc/é ", max_size=6)
    return st.builds(Recorded, copies(), st.none() | answers(), at, route)
