"""An example comes back as it was kept."""

from __future__ import annotations

import zlib
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.compare.verdict import Difference, Kind, Part, Verdict
from gateway.store.document import packed, unpacked
from gateway.store.errors import StoreError
from tests.store.exchanges import answer, cent, difference, failed, judged

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=10,
)


@given(JSON, JSON)
def test_values_come_back_exactly(live: Any, shadow: Any) -> None:
    """Decimals with their zeros, any integer, text with lone surrogates."""
    one = Difference(Part.BODY, Kind.VALUE, "/a", "/a", live, shadow)
    (back,) = unpacked(packed(judged(differences=[one]))).comparison.differences
    assert repr(back) == repr(one)


@pytest.mark.parametrize(
    "exchange",
    [
        pytest.param(judged(), id="match"),
        pytest.param(judged(differences=[difference()], drift=[cent("-0.5")], ignored=3), id="all"),
        pytest.param(failed("reset"), id="no answer"),
        pytest.param(judged(live=answer()._replace(body=None, digest=b"d" * 32)), id="digest"),
        pytest.param(judged(Verdict.NOT_COMPARED, reason="abandoned", live=None), id="no live"),
        pytest.param(judged(body=bytes(range(256)), target="/\xff"), id="bytes"),
    ],
)
def test_the_whole_exchange_comes_back(exchange: Any) -> None:
    """As the value it was, but for who the client is: that is nobody's business later."""
    assert unpacked(packed(exchange)) == exchange


def test_who_the_client_is_is_not_kept() -> None:
    """Nor its place in a trace."""
    exchange = judged()
    request = exchange.request._replace(
        client=exchange.request.client._replace(address="198.51.100.77"), trace=object()
    )
    data = zlib.decompress(packed(exchange._replace(request=request)))
    assert b"198.51.100.77" not in data
    assert unpacked(packed(exchange._replace(request=request))) == exchange


def test_depth_ends_somewhere() -> None:
    """Deeper than anybody can look at, values are text."""
    deep: Any = Decimal(1)
    for _ in range(600):
        deep = [deep]
    packed(judged(differences=[difference(live=deep)]))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"garbage", id="garbage"),
        pytest.param(zlib.compress(b"\xc1"), id="no MessagePack"),
        pytest.param(zlib.compress(msgspec.msgpack.encode([1, 2])), id="too short"),
        pytest.param(zlib.compress(msgspec.msgpack.encode({})), id="no list"),
        pytest.param(zlib.compress(msgspec.msgpack.encode([99])), id="a newer form"),
    ],
)
def test_what_cannot_be_read_is_said(data: bytes) -> None:
    """It is one example, and no reason to break."""
    with pytest.raises(StoreError, match="example"):
        unpacked(data)
