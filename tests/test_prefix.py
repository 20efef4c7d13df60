"""A gateway under a prefix of an older application: what is forwarded, with and without it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from gateway import Gateway
from gateway.prefix import StripPrefix, without_prefix
from tests.support.upstream import upstream
from tests.support.wsgi import ask


def old(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b"old"]


@pytest.mark.parametrize(
    ("target", "prefix", "rest"),
    [
        pytest.param("/new/x?y", "/new", "/x?y", id="plain"),
        pytest.param("/new", "/new", "/", id="nothing after it"),
        pytest.param("/new?a", "/new", "/?a", id="only a query"),
        pytest.param("/new/", "/new", "/", id="a slash"),
        pytest.param("/new//x%2Fy", "/new", "//x%2Fy", id="the rest is not touched"),
        pytest.param("/n%65w/x", "/new", "/x", id="escaped"),
        pytest.param("/%C3%A4/x", "/\xc3\xa4", "/x", id="not ASCII"),
        pytest.param("/a%2Fb/x", "/a/b", "/x", id="a slash escaped"),
        pytest.param("/newer/x", "/new", None, id="a longer segment"),
        pytest.param("/ne", "/new", None, id="shorter"),
        pytest.param("//new/x", "/new", None, id="rewritten by the server"),
        pytest.param("/%", "/ab", None, id="a lone percent sign"),
    ],
)
def test_the_prefix_is_taken_off_as_it_was_sent(target: str, prefix: str, rest: str | None) -> None:
    """Decoded it is the one that the server tells; the rest goes on byte for byte."""
    assert without_prefix(target, prefix) == rest


@given(st.text("ab%2Fé/?", max_size=12), st.text("ab/", min_size=1, max_size=4))
def test_taking_off_never_fails_and_never_invents(tail: str, prefix: str) -> None:
    """What is left is an end of what was sent."""
    target = "/" + tail.encode().decode("latin-1")
    rest = without_prefix(target, "/" + prefix.strip("/"))
    assert rest is None or (rest.startswith("/") and ("/" + target).endswith(rest[1:]))


@pytest.mark.parametrize(
    ("strip", "raw", "expected", "told"),
    [
        pytest.param(False, "/new/a%2Fb?q", b"/new/a%2Fb?q", [], id="the whole target"),
        pytest.param(True, "/new/a%2Fb?q", b"/a%2Fb?q", ["/new"], id="without the prefix"),
        pytest.param(True, None, b"/a/b?q", ["/new"], id="where no raw target is known"),
        pytest.param(True, "//new/a/b?q", b"/a/b?q", ["/new"], id="where the server rewrote it"),
    ],
)
def test_a_mounted_gateway_forwards(
    strip: bool, raw: str | None, expected: bytes, told: list[str]
) -> None:
    """The rest of the old application does not notice; a client's own word for it is not told."""
    with upstream() as live:
        gateway = Gateway(live=live.url, strip_prefix=strip)
        application = DispatcherMiddleware(old, {"/new": gateway})
        extra = {} if raw is None else {"RAW_URI": raw}
        try:
            assert ask(application, PATH_INFO="/other")[2] == b"old"
            answer = ask(
                application,
                PATH_INFO="/new/a/b",
                QUERY_STRING="q",
                HTTP_X_FORWARDED_PREFIX="/evil",
                **extra,
            )
        finally:
            gateway.close()
        assert answer[2] == b"ok"
        received = live.taken()[0]
    assert received.target == expected
    assert received.values("x-forwarded-prefix") == (told or ["/evil"])


def test_mounted_at_the_root_nothing_is_done() -> None:
    """The very environ is handed on."""
    seen = []

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        seen.append(environ)
        return old(environ, start_response)

    def around(environ: Any, start_response: Any) -> Any:
        answer = StripPrefix(app)(environ, start_response)
        assert seen == [environ]
        return answer

    assert ask(around)[2] == b"old"
