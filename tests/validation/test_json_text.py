"""JSON that everybody reads the same way, and nothing else."""

from __future__ import annotations

import gc
import json
import math
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.validation.json_text import JsonText
from gateway.validation.rejection import Reason, Rejected

TEXT = JsonText(max_depth=5)
LAX = JsonText(max_depth=200, unique_keys=False)


def reason(text: bytes, parser: JsonText = TEXT) -> tuple[Reason, str]:
    with pytest.raises(Rejected) as caught:
        parser.parse(text)
    assert caught.value.refusal.status == 400
    return caught.value.reason, caught.value.refusal.detail


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a": [1, 2.5, true, null, "\\u00fc"]}', {"a": [1, 2.5, True, None, "ü"]}),
        (b" \r\n\t1 ", 1),
        (b'"\\ud83d\\ude00"', "😀"),
        (b"12345678901234567890123", 12345678901234567890123),
        (b'{"": 0}', {"": 0}),
    ],
)
def test_json_is_read(text: bytes, value: object) -> None:
    """RFC 8259: any value may be the whole text."""
    assert TEXT.parse(text).value == value


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"{",
        b'{"a": 1} x',
        b"[1,]",
        b"{a: 1}",
        b"{'a': 1}",
        b"// x\n1",
        b"NaN",
        b"-Infinity",
        b"01",
        b"1e999",
        b"+1",
        b'"\t"',
        b'"\\x"',
        b'"\\ud800"',
        b'"\xff"',
        b'{"\xc0\x80": 1}',
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        b"9" * 5000,
        b"\x00",
    ],
    ids=repr,
)
def test_what_some_parsers_take_is_no_json(text: bytes) -> None:
    """Each of these is read by some parser in use, and differently by another."""
    assert reason(text)[0] is Reason.MALFORMED


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (b'{"a" 1}', "The body is not JSON: expected ':' (byte 5)."),
        (b'{"a": ', "The body is not JSON: it ends too early."),
        (b'"\xff"', "The body is not JSON: it is not UTF-8."),
    ],
)
def test_a_detail_says_where_and_repeats_nothing(text: bytes, detail: str) -> None:
    """It goes to the client, and into the log."""
    assert reason(text)[1] == detail


@pytest.mark.parametrize("shape", [b"[%s]", b'{"a":%s}', b'[0,{"b":"","a":%s}]'])
def test_nesting_has_a_limit(shape: bytes) -> None:
    """So many levels pass, one more does not."""
    levels = shape.count(b"[") + shape.count(b"{")
    text = b"[]"
    depth = 1
    while depth + levels <= 5:
        text, depth = shape.replace(b"%s", text), depth + levels
    TEXT.parse(text)
    while depth <= 5:
        text, depth = b"[" + text + b"]", depth + 1
    assert reason(text)[0] is Reason.TOO_DEEP


@pytest.mark.parametrize("levels", [999, 1100, 10**6])
def test_nesting_without_end_is_only_too_deep(levels: int) -> None:
    """It ends neither the thread nor the process."""
    assert reason(b"[" * levels + b"]" * levels)[0] is Reason.TOO_DEEP
    assert reason(b'{"a":' * levels + b"1" + b"}" * levels, LAX)[0] is Reason.TOO_DEEP


def test_many_brackets_side_by_side_are_not_deep() -> None:
    """Also such as stand in texts."""
    TEXT.parse(b"[" + b",".join([b"[[]]"] * 1000) + b',"[[[[[[["]')
    TEXT.parse(b"[[], [[[[]]]]]")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (b'{"a": 1, "a": 2}', "a"),
        (b'{"a": 1, "b": 0, "a": 1}', "a"),
        (b'[{"x": [{"a": 1, "\\u0061": 2}]}]', "a"),
        (b'{"a": "\\u003a", "a": 2}', "a"),
        (b'{"a\\u003A": "", "a:": 2}', "a:"),
        (b'{"a": "::", "b": {"c": 1, "c": ":"}}', "c"),
        (b'{"a": {"a": 1}, "a": 1}', "a"),
        (b'{"": 1, "": 2}', ""),
    ],
)
def test_a_key_twice_in_one_object_is_refused(text: bytes, key: str) -> None:
    """However it is written: parsers differ in which value they take."""
    assert reason(text) == (
        Reason.DUPLICATE_KEY,
        f"An object has the key {json.dumps(key)} more than once.",
    )
    LAX.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": {"a": {"a": 1}}}',
        b'[{"a": 1}, {"a": 1}]',
        b'{"a": "a: 1, a: 2", "b": "\\u003a:"}',
        b'{"a:b": ":", "c": "\\\\u003a"}',
    ],
)
def test_a_key_in_several_objects_is_fine(text: bytes) -> None:
    """And colons in texts are no pairs."""
    TEXT.parse(text)


def test_a_long_key_is_not_repeated_at_length() -> None:
    """An answer must not grow with what the client sent."""
    text = json.dumps("k" * 10_000)
    detail = reason(f"{{{text}: 1, {text}: 2}}".encode())[1]
    assert len(detail) < 150


_KEYS = st.sampled_from(["a", "b", ":", "a:", "\\", '"', "ü", ""])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _KEYS,
    lambda below: (
        st.lists(below, max_size=3) | st.lists(st.tuples(_KEYS, below), max_size=4).map(tuple)
    ),
    max_leaves=12,
)


def _written(value: Any, escape: bool) -> str:
    """Tuples of pairs are objects: so a key may stand there twice."""
    if isinstance(value, tuple):
        pairs = (f"{_written(k, escape)}:{_written(v, escape)}" for k, v in value)
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_written(item, escape) for item in value) + "]"
    if isinstance(value, str) and escape:
        return '"' + "".join(f"\\u{ord(char):04x}" for char in value) + '"'
    return json.dumps(value, ensure_ascii=escape)


def _has_twice(value: Any) -> bool:
    if isinstance(value, tuple):
        keys = [key for key, _ in value]
        return len(set(keys)) < len(keys) or any(_has_twice(each) for _, each in value)
    return isinstance(value, list) and any(map(_has_twice, value))


@given(_VALUES, st.booleans())
@example((("a", ":"), ("a", "")), True)
def test_a_repeated_key_is_always_found_and_never_invented(value: Any, escape: bool) -> None:
    """Counting colons is a short cut, not another opinion."""
    text = _written(value, escape).encode()
    parser = JsonText(max_depth=100)
    if _has_twice(value):
        assert reason(text, parser)[0] is Reason.DUPLICATE_KEY
    else:
        assert parser.parse(text).value == json.loads(text)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_bytes_are_more_than_rejected(data: bytes) -> None:
    """And what passes is what the standard library reads too."""
    try:
        parsed = TEXT.parse(data)
    except Rejected:
        return
    if not (isinstance(parsed.value, float) and math.isnan(parsed.value)):
        assert parsed.value == json.loads(data)


@pytest.mark.parametrize(
    "item",
    [b"1e308", b"1.7976931348623157e308", b"[]", b'{"":{}}', b'"\\u003a"', b"9" * 4000, b'"\\\\"'],
    ids=lambda item: item[:12].decode(),
)
def test_no_text_takes_long_for_its_size(item: bytes) -> None:
    """A mebibyte of whatever a parser finds hard; the first took 1.6 s."""
    text = b"[" + b",".join([item] * (2**20 // (len(item) + 1))) + b"]"
    # What other tests have left is not to be looked through each time lists were made.
    gc.disable()
    try:
        began = time.process_time()
        TEXT.parse(text)
        took = time.process_time() - began
    finally:
        gc.enable()
    assert took < 1


def test_the_number_of_values_is_never_too_low() -> None:
    """It decides whether errors are explained, which costs by value."""
    for text, values in ((b"1", 1), (b"[]", 1), (b"[1,2]", 3), (b'{"a":1,"b":[2,3]}', 5)):
        assert TEXT.parse(text).values >= values
