"""Request ids."""

from __future__ import annotations

import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.ids import SOURCES, new_request_id, request_id_of

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def test_a_new_id_is_a_uuid_version_7_that_sorts_by_time() -> None:
    """RFC 9562 section 5.7."""
    first, second = uuid.UUID(new_request_id()), uuid.UUID(new_request_id())
    assert (first.version, first.variant) == (7, uuid.RFC_4122)
    assert first != second
    assert second.int >> 80 >= first.int >> 80


def test_every_id_is_a_uuid_and_all_their_free_bits_vary() -> None:
    """None is cut off where version, variant and random bits are put together."""
    ids = [uuid.UUID(new_request_id()) for _ in range(2000)]
    assert {(each.version, each.variant) for each in ids} == {(7, uuid.RFC_4122)}
    random = ((1 << 76) - 1) & ~(0x3 << 62)
    for bit in (1 << place for place in range(76) if random >> place & 1):
        assert {bool(each.int & bit) for each in ids} == {True, False}, bin(bit)


def test_ids_of_many_threads_are_unique() -> None:
    """Whoever takes a random part has it alone, also when it was the last of a batch."""
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: [new_request_id() for _ in range(2000)], range(8)))
    tails = [each.partition("-7")[2] for part in made for each in part]
    assert len(set(tails)) == len(tails) == 16_000


FORK = """
import os
from gateway.ids import new_request_id
new_request_id()  # now there is a batch to be inherited
child = os.fork()
made = [new_request_id() for _ in range(100)]
if child:
    os.waitpid(child, 0)
os.write(1, "".join(each + "\\n" for each in made).encode())
"""


def test_ids_differ_after_a_fork() -> None:
    """Parent and child share memory at first, and must not share what is still to be used."""
    run = subprocess.run([sys.executable, "-c", FORK], capture_output=True, timeout=20, check=True)
    tails = [each.partition("-7")[2] for each in run.stdout.decode().split()]
    assert len(set(tails)) == len(tails) == 200


def test_a_well_formed_request_id_of_the_client_is_taken() -> None:
    """So that its own logs can be followed here."""
    assert request_id_of({"HTTP_X_REQUEST_ID": "abc-123"}) == "abc-123"


@pytest.mark.parametrize("bad", ["", "a b", "x" * 129, "a\nb", "ü"])
def test_an_ill_formed_request_id_is_not(bad: str) -> None:
    """It ends up in logs and in a header of the shadow's request."""
    assert request_id_of({"HTTP_X_REQUEST_ID": bad}) != bad


def test_the_trace_id_is_the_second_choice() -> None:
    """W3C Trace Context."""
    assert request_id_of({"HTTP_TRACEPARENT": PARENT}) == TRACE
    assert request_id_of({"HTTP_TRACEPARENT": f"00-{'0' * 32}-b7ad6b7169203331-01"}) != "0" * 32


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        pytest.param(SOURCES, "abc", id="default"),
        pytest.param(("traceparent", "x-request-id"), TRACE, id="other-order"),
        pytest.param(("traceparent",), TRACE, id="one"),
        pytest.param((), None, id="none"),
    ],
)
def test_ids_are_taken_from_where_the_settings_say(
    sources: tuple[str, ...], expected: str | None
) -> None:
    """In their order; from nowhere, every id is made here."""
    taken = request_id_of({"HTTP_X_REQUEST_ID": "abc", "HTTP_TRACEPARENT": PARENT}, sources)
    assert taken == expected if expected else uuid.UUID(taken).version == 7
