"""Content codings taken off: whole bodies come out whole, bombs go off in nobody's hands."""

from __future__ import annotations

import gzip
import subprocess
import sys
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress

import brotli
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from gateway.coding import (
    SUPPORTED,
    BrokenCoding,
    CodingError,
    DecodedTooLarge,
    Limits,
    UnknownCoding,
    codings_in,
    decoded,
)

TEXT = b'{"customer": "M\xc3\xbcller", "lines": [1, 2, 3]}' * 20
ROOM = Limits(max_size=10**7, max_ratio=10**6)
MIB = 2**20


def bare_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


ENCODE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}
FLAVOURS = [*ENCODE.items(), ("deflate", bare_deflate)]
EACH = pytest.mark.parametrize(("coding", "encode"), FLAVOURS, ids=[*ENCODE, "bare deflate"])


def zeros(mebibytes: int) -> Iterator[bytes]:
    return iter([bytes(MIB)] * mebibytes)


def bomb(coding: str, mebibytes: int) -> bytes:
    """A body that stands for so many mebibytes of zeros, made without ever having them."""
    if coding == "gzip":
        stream = zlib.compressobj(9, wbits=31)
        return b"".join(map(stream.compress, zeros(mebibytes))) + stream.flush()
    if coding == "deflate":
        stream = zlib.compressobj(9)
        return b"".join(map(stream.compress, zeros(mebibytes))) + stream.flush()
    if coding == "br":
        brotlied = brotli.Compressor(quality=1)
        return b"".join(map(brotlied.process, zeros(mebibytes))) + brotlied.finish()
    frame = zstd.ZstdCompressor(level=1)
    return b"".join(map(frame.compress, zeros(mebibytes))) + frame.flush()


def test_all_four_are_supported_where_the_extra_is_installed() -> None:
    """The development environment has both libraries."""
    assert SUPPORTED == ("gzip", "deflate", "br", "zstd")


@EACH
def test_what_was_encoded_comes_back(coding: str, encode: Callable[[bytes], bytes]) -> None:
    """Empty and small bodies, and one of several parts that does not compress."""
    for data in (b"", b"x", TEXT, bytes(range(256)) * 2000, zlib.compress(TEXT * 50) * 300):
        assert decoded(encode(data), [coding], ROOM) == data


def test_no_size_of_the_last_part_is_special() -> None:
    """A decoder may have taken all input and still have output to give."""
    for size in (*range(65_530, 65_800), *range(131_070, 131_340)):
        assert len(decoded(bare_deflate(bytes(size)), ["deflate"], ROOM)) == size


def test_bare_deflate_may_begin_like_zlib() -> None:
    """A stored block of 156 bytes does, if its unused bits are set like that."""
    body = b"\x78\x9c\x00\x63\xff" + TEXT[:156] + b"\x01\x00\x00\xff\xff"
    assert zlib.decompress(body, wbits=-15) == TEXT[:156]
    assert decoded(body, ["deflate"], ROOM) == TEXT[:156]


@pytest.mark.parametrize("coding", ["deflate", "br"])
def test_these_have_one_stream_only(coding: str) -> None:
    """A decoder that reads the first one only would read another body."""
    with pytest.raises(BrokenCoding):
        decoded(ENCODE[coding](b"a") + ENCODE[coding](b"b"), [coding], ROOM)


@given(
    st.binary(max_size=500),
    st.integers(1, 400),
    st.lists(st.sampled_from(list(ENCODE)), max_size=4),
)
def test_several_codings_in_a_row_come_off_in_reverse(
    data: bytes, times: int, codings: list[str]
) -> None:
    """Content-Encoding lists them in the order in which they were applied (RFC 9110, 8.4)."""
    body = data * times
    for coding in codings:
        body = ENCODE[coding](body)
    assert decoded(body, codings, ROOM) == data * times


def test_the_order_of_codings_matters() -> None:
    """Two in the wrong order are no such bodies."""
    body = zstd.compress(gzip.compress(TEXT))
    assert decoded(body, ["gzip", "zstd"], ROOM) == TEXT
    with pytest.raises(BrokenCoding):
        decoded(body, ["zstd", "gzip"], ROOM)


@pytest.mark.parametrize(
    ("fields", "codings"),
    [
        ([], ()),
        ([("Content-Encoding", "gzip")], ("gzip",)),
        ([("content-encoding", "GZip ,\tbr")], ("gzip", "br")),
        ([("Content-Encoding", "gzip"), ("X", "y"), ("Content-Encoding", "br")], ("gzip", "br")),
        ([("Content-Encoding", "x-gzip")], ("gzip",)),
        ([("Content-Encoding", "identity")], ()),
        ([("Content-Encoding", ", gzip,,")], ("gzip",)),
        ([("Content-Encoding", "snappy")], ("snappy",)),
    ],
    ids=["none", "one", "list", "repeated", "old name", "identity", "empty elements", "unknown"],
)
def test_codings_are_read_from_the_fields(
    fields: list[tuple[str, str]], codings: tuple[str, ...]
) -> None:
    """Any case, any number of fields."""
    assert codings_in(fields) == codings


def test_a_body_without_coding_is_given_back_as_it_is() -> None:
    """The same object, whatever its size."""
    assert decoded(TEXT, [], Limits(1)) is TEXT


def test_nothing_stays_nothing() -> None:
    """The answer to a HEAD says gzip and has no body."""
    assert decoded(b"", ["gzip"], ROOM) == b""


@EACH
def test_a_body_that_ends_early_is_broken(coding: str, encode: Callable[[bytes], bytes]) -> None:
    """Wherever it is cut: half a document must not pass for a whole one."""
    whole = encode(TEXT)
    for length in {1, 2, 5, len(whole) // 2, len(whole) - 1}:
        with pytest.raises(BrokenCoding):
            decoded(whole[:length], [coding], ROOM)


@EACH
def test_bytes_after_the_end_are_broken(coding: str, encode: Callable[[bytes], bytes]) -> None:
    """Right after it, and where the next piece of input would begin."""
    for data in (TEXT, bytes(range(256)) * 200):
        with pytest.raises(BrokenCoding):
            decoded(encode(data) + b"x", [coding], ROOM)
        with pytest.raises(BrokenCoding):
            decoded(encode(data) + b"x" * 40_000, [coding], ROOM)


@EACH
@given(noise=st.binary(min_size=1, max_size=100))
def test_noise_is_an_error_of_ours(
    coding: str, encode: Callable[[bytes], bytes], noise: bytes
) -> None:
    """Never one of a library, whatever the bytes are."""
    with suppress(CodingError):
        decoded(noise, [coding], ROOM)


@EACH
@given(where=st.integers(0, 200), bit=st.integers(0, 7))
def test_a_flipped_bit_is_an_error_of_ours(
    coding: str, encode: Callable[[bytes], bytes], where: int, bit: int
) -> None:
    """Or not noticed, by a coding without a checksum; nothing else."""
    body = bytearray(encode(TEXT))
    body[where % len(body)] ^= 1 << bit
    with suppress(CodingError):
        decoded(bytes(body), [coding], ROOM)


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_several_members_are_one_body(coding: str) -> None:
    """RFC 1952 section 2.2, RFC 8878 section 3.1; but not any number of them."""
    encode = ENCODE[coding]
    assert decoded(encode(b"a") + encode(b"") + encode(b"b"), [coding], ROOM) == b"ab"
    assert decoded(encode(b"a") * 1000, [coding], ROOM) == b"a" * 1000
    with pytest.raises(BrokenCoding, match="goes on"):
        decoded(encode(b"a") * 1001, [coding], ROOM)


def test_a_million_empty_members_cost_nothing() -> None:
    """Each has its set-up, and none adds a byte to what is counted."""
    began = time.process_time()
    with pytest.raises(BrokenCoding):
        decoded(zstd.compress(b"") * 10**6, ["zstd"], ROOM)
    assert time.process_time() - began < 1


def test_the_limit_is_exact() -> None:
    """So many bytes pass; one more does not."""
    for coding, encode in FLAVOURS:
        body = encode(bytes(70_000))
        assert len(decoded(body, [coding], Limits(70_000, 10**6))) == 70_000
        with pytest.raises(DecodedTooLarge, match="69999 bytes"):
            decoded(body, [coding], Limits(69_999, 10**6))


def test_the_ratio_counts_from_64_kib() -> None:
    """A short text of one word may compress as well as it likes."""
    small, large = gzip.compress(bytes(65_536)), gzip.compress(bytes(65_537))
    assert len(decoded(small, ["gzip"], Limits(MIB, 2))) == 65_536
    with pytest.raises(DecodedTooLarge):
        decoded(large, ["gzip"], Limits(MIB, 2))
    assert len(decoded(large, ["gzip"], Limits(MIB, 1000))) == 65_537


@pytest.mark.parametrize("coding", list(ENCODE))
def test_a_bomb_costs_neither_memory_nor_time(coding: str) -> None:
    """A quarter of a gibibyte, stopped at one mebibyte."""
    body = bomb(coding, 256)
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(DecodedTooLarge):
        decoded(body, [coding], Limits(MIB, 10**6))
    took = time.process_time() - began
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * MIB
    assert took < 0.5


def test_ten_kilobytes_of_ten_gigabytes_cost_nothing() -> None:
    """Codings in a row multiply; each of them is counted."""
    inner = bomb("gzip", 16) * 640
    body = brotli.compress(inner)
    assert len(body) < 10_000
    tracemalloc.start()
    began = time.process_time()
    for limits in (Limits(MIB), Limits(MIB, 10**6), Limits(12 * MIB, 10**6)):
        with pytest.raises(DecodedTooLarge):
            decoded(body, ["gzip", "br"], limits)
    took = time.process_time() - began
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * MIB
    assert took < 1


def test_a_client_cannot_order_a_large_window() -> None:
    """RFC 9659: a zstd window of more than 8 MiB is memory before there is any content."""
    options = {zstd.CompressionParameter.window_log: 27}
    body = zstd.compress(TEXT * 20_000, options=options)
    with pytest.raises(BrokenCoding):
        decoded(body, ["zstd"], Limits(10**9, 10**6))


@pytest.mark.parametrize("codings", [["snappy"], ["gzip"] * 5, [""], ["compress"]])
def test_other_codings_are_unknown(codings: list[str]) -> None:
    """Also more in a row than anybody needs. The text names those that would do."""
    with pytest.raises(UnknownCoding, match=r"gzip, deflate, br, zstd|more than 4"):
        decoded(b"x", codings, ROOM)


def test_without_the_extra_gzip_and_deflate_are_left() -> None:
    """brotli and zstd are not asked for when a gateway is installed."""
    program = """
import sys
sys.modules["brotli"] = sys.modules["backports"] = None
from gateway.coding import SUPPORTED, Limits, decoded, UnknownCoding
import gzip
assert SUPPORTED == ("gzip", "deflate"), SUPPORTED
assert decoded(gzip.compress(b"a"), ["gzip"], Limits(9)) == b"a"
try:
    decoded(b"x", ["br"], Limits(9))
except UnknownCoding as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=30)
    assert done.stdout.decode().strip() == "Content codings that can be read here: gzip, deflate."
