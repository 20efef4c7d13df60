"""Encoded bytes, as those who decode them see them."""

from __future__ import annotations

import os
import zlib
from typing import Any

import brotli
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from gateway import encoders
from gateway.encoders import encoder

CODINGS = ("gzip", "br", "zstd")
LEVELS = {"gzip": 5, "br": 4, "zstd": 3}


def decoder(coding: str) -> Any:
    """Somebody else's decoder: bytes in, all that can be told of them out."""
    if coding == "gzip":
        return zlib.decompressobj(31).decompress
    if coding == "br":
        stream = brotli.Decompressor()
        # It gives out 32 KiB at a time, and the rest when asked again.
        return lambda data: stream.process(data) + b"".join(iter(lambda: stream.process(b""), b""))
    return zstd.ZstdDecompressor().decompress


@pytest.mark.parametrize("coding", CODINGS)
@given(parts=st.lists(st.binary(max_size=200), max_size=6))
def test_each_part_can_be_decoded_as_soon_as_it_is_there(coding: str, parts: list[bytes]) -> None:
    """Nothing is kept back for the next one."""
    made, decode = encoder(coding, LEVELS[coding])(), decoder(coding)
    for part in parts:
        assert decode(made.part(part)) == part if part else True
    assert decode(made.last(b"the end")) == b"the end"


@pytest.mark.parametrize("coding", CODINGS)
def test_the_end_is_the_end_of_the_frame(coding: str) -> None:
    """A client can tell a complete answer from one that was cut."""
    data = made = b""
    stream = encoder(coding, LEVELS[coding])()
    for _ in range(3):
        part = os.urandom(1000) + b"text " * 1000
        data += part
        made += stream.part(part)
    made += stream.last(b"")
    whole = {
        "gzip": lambda: zlib.decompress(made, 31),
        "br": lambda: brotli.decompress(made),
        "zstd": lambda: zstd.decompress(made),
    }
    assert whole[coding]() == data
    made = made[:-3]
    with pytest.raises((zlib.error, brotli.error, zstd.ZstdError)):
        whole[coding]()


def test_a_zstd_window_is_one_that_every_client_has() -> None:
    """RFC 9659: at most 8 MiB; here half a mebibyte, whatever the level."""
    stream = encoder("zstd", 19)()
    frame = stream.part(b"x" * 1_000_000) + stream.last(b"")
    assert zstd.ZstdDecompressor(
        options={zstd.DecompressionParameter.window_log_max: 19}
    ).decompress(frame)


@pytest.mark.parametrize(("coding", "module"), [("br", "brotli"), ("zstd", "zstd")])
def test_a_coding_that_is_not_installed_says_what_to_install(
    coding: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gzip needs nothing."""
    monkeypatch.setattr(encoders, module, None)
    with pytest.raises(ValueError, match=r"gateway\[codings\]"):
        encoder(coding, 1)
    assert encoder("gzip", 1)().last(b"x")
