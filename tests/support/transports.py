"""What the urllib3 transport does not do as ours does: one table, for tests and docs.

Whatever is not in it holds for both. docs/transports.md shows the table to users
(``tests/test_docs_transports.py`` compares the two); a test in it has to fail over
urllib3, or the table is wrong.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

TRANSPORTS = ("gateway", "urllib3")

# For tests that look into our own adapter.
ONLY_OURS = pytest.mark.parametrize("transport", ["gateway"])


class Difference(NamedTuple):
    """``tests``: their names, with a row's id where only that row differs.

    ``waits``: failing takes them a time-out each, so they are not run.
    """

    what: str
    why: str
    tests: tuple[str, ...] = ()
    waits: bool = False


DIFFERENCES = (
    Difference(
        "A request is not sent again when its kept connection turns out to be closed; "
        "the client gets 502.",
        "urllib3 does not say whether any of an answer was heard.",
        (
            "test_an_idempotent_request_survives_a_stale_connection",
            "test_a_retry_takes_a_new_connection_not_another_idle_one",
            "test_there_is_one_retry_and_no_more",
            "test_a_retry_that_cannot_connect_does_not_hide_the_first_try",
        ),
    ),
    Difference(
        "An answer that begins while the request is still being sent is read when all is sent, "
        "or the upstream hangs up.",
        "`http.client` sends first and reads then.",
        (
            "test_an_answer_to_a_refused_upload_is_delivered",
            "test_nonsense_ends_an_upload_at_once",
            "test_a_half_closed_upstream_ends_an_upload_at_once",
            "test_an_early_refusal_is_heard_over_tls",
            "test_an_echo_of_any_size_comes_back_whole_over_tls",
        ),
        waits=True,
    ),
    Difference(
        "Bytes behind the end of an answer cost the connection, not the answer.",
        "urllib3 gives the answer out before its end was looked at.",
        (
            "test_a_bad_answer_costs_its_connection[urllib3-bytes after the end]",
            "test_a_bad_answer_costs_its_connection[urllib3-a second answer]",
            "test_a_bad_answer_costs_its_connection[urllib3-a body on 204]",
            "test_a_bad_answer_costs_its_connection[urllib3-bytes after the last chunk]",
            "test_a_body_on_an_answer_to_head_is_bad",
            "test_a_body_that_turns_bad_is_bad[urllib3-bytes after the end]",
        ),
    ),
    Difference(
        "A body that is malformed from its first byte breaks the answer off; it is not refused.",
        "The head is given out before the body is looked at.",
        ("test_a_bad_answer_costs_its_connection[urllib3-bad chunk]",),
    ),
    Difference(
        "What ends a chunk is looked at when both of its bytes are here.",
        "`http.client` reads the two together.",
        ("test_a_body_that_turns_bad_is_bad[urllib3-no CR LF behind a chunk]",),
        waits=True,
    ),
    Difference(
        "Trailers of an answer are dropped. (The gateway forwards none over either transport.)",
        "`http.client` drops them.",
        ("test_trailers_are_kept_apart",),
    ),
    Difference(
        "A connection is kept only when the answer on it was read to its end.",
        "urllib3 gives it back with the last byte that is read, not with the last that came.",
        ("test_the_connection_is_free_as_soon_as_the_last_byte_is_in",),
        waits=True,
    ),
    Difference(
        "Unix sockets (`http+unix://`) are refused with the settings.",
        "urllib3 has none.",
        (
            "test_a_missing_socket_file_is_a_failed_connect",
            "test_unix_sockets_work",
            "test_a_full_unix_backlog_is_waited_for",
            "test_unix_urls_work_for_plain_requests",
        ),
    ),
    Difference(
        "Each address of a name is given the whole `connect_timeout`, also when a copy's own "
        "`timeout` is shorter than all of them together; resolving a name has no time-out.",
        "urllib3 tries one address after the other by itself.",
    ),
    Difference(
        "Idle connections are closed when they are next looked at, and a connection is used for a "
        "minute at most.",
        "urllib3 has no idle time-out; without an end a name would never be resolved again.",
    ),
    Difference(
        "TLS files that cannot be loaded are noticed after connecting.",
        "urllib3 loads them then.",
        ("test_certificates_that_cannot_be_loaded_are_named[urllib3-nothing in it]",),
    ),
    Difference(
        "A call costs several times the CPU, about 0.2 ms more.",
        "What urllib3 and `http.client` make of a request and its answer is made in Python, and "
        "some of it is not used.",
    ),
)


def know_differences(request: pytest.FixtureRequest, transport: str) -> None:
    """Expect a test to fail where the table says so, and only there."""
    if transport != "urllib3":
        return
    names = {request.node.name, request.node.originalname}
    for difference in DIFFERENCES:
        if names & set(difference.tests):
            run = not difference.waits
            if not run:
                pytest.xfail(difference.why)
            request.applymarker(pytest.mark.xfail(strict=True, reason=difference.why))
