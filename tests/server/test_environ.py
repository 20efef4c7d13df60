"""The default worker's environ is gunicorn's."""

from __future__ import annotations

import io
import logging
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from hypothesis import given
from hypothesis import strategies as st

from gateway.server.environ import Environs, StockEnvirons
from gateway.server.stock import ConfigurationProblem, frozen

TOKENS = st.sampled_from(
    ["HOST", "CONTENT-TYPE", "CONTENT-LENGTH", "SCRIPT_NAME", "X-A", "X_A", "COOKIE", "ACCEPT", "-"]
)
VALUES = st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=8)
PATHS = st.text(st.sampled_from("/abc%2Fé/~;"), max_size=12).map("/{}".format)
ADDRESSES = st.sampled_from([("127.0.0.1", 5), ("::1", 8000, 0, 0), "", "/run/gw.sock", b""])


def request(**parts: Any) -> SimpleNamespace:
    """What gunicorn's parser makes of a request."""
    return SimpleNamespace(
        **{
            "method": "GET",
            "path": "/a",
            "query": "",
            "uri": "/a",
            "version": (1, 1),
            "scheme": "http",
            "headers": [],
            "body": io.BytesIO(),
            "proxy_protocol_info": None,
            "_expected_100_continue": False,
            **parts,
        }
    )


def told(made: dict[str, Any]) -> dict[str, Any]:
    """All that can be compared: not what is made anew for each request."""
    assert callable(made.pop("wsgi.early_hints"))
    assert made.pop("wsgi.errors").write
    return made


@given(
    fields=st.lists(st.tuples(TOKENS, VALUES), max_size=8),
    path=PATHS,
    query=VALUES,
    version=st.sampled_from([(1, 0), (1, 1)]),
    scheme=st.sampled_from(["http", "https"]),
    client=ADDRESSES,
    server=ADDRESSES.filter(lambda address: not isinstance(address, bytes)),
    script=st.sampled_from([None, "", "/a", "/a/b"]),
)
def test_an_environ_is_the_same_as_gunicorns(
    fields: list[tuple[str, str]],
    path: str,
    query: str,
    version: tuple[int, int],
    scheme: str,
    client: Any,
    server: Any,
    script: str | None,
) -> None:
    """Name for name, whatever the request, the addresses and ``SCRIPT_NAME``."""
    asked = request(
        headers=fields, path=path, query=query, uri=path, version=version, scheme=scheme
    )
    with pytest.MonkeyPatch.context() as patch:
        if script is None:
            patch.delenv("SCRIPT_NAME", raising=False)
        else:
            patch.setenv("SCRIPT_NAME", script)
        made = []
        cfg = frozen(Config())
        for environs in (StockEnvirons(cfg), Environs(cfg)):
            sink = response = object()
            try:
                made.append(told(environs.of(asked, asked, client, server, response)))
            except ConfigurationProblem:
                made.append({"outside": True})
            del sink
    assert made[0] == made[1]


def test_requests_share_nothing_that_one_of_them_changes() -> None:
    """What an application puts into its environ is its own."""
    environs = Environs(frozen(Config()))
    first = environs.of(request(), None, ("a", 1), ("b", 2), None)
    first["X"] = first["wsgi.version"] = 1
    second = environs.of(request(), None, ("a", 1), ("b", 2), None)
    assert "X" not in second
    assert second["wsgi.version"] == (1, 0)


def test_errors_go_where_the_log_goes_by_then(capsys: pytest.CaptureFixture[str]) -> None:
    """The log's file may be another one since the environ was made (SIGUSR1)."""
    log = logging.getLogger("gunicorn.error")
    made = Environs(frozen(Config())).of(request(), None, ("a", 1), ("b", 2), None)
    streams = [logging.StreamHandler(sys.stderr), logging.StreamHandler(later := io.StringIO())]
    log.handlers, before = streams, log.handlers
    try:
        made["wsgi.errors"].writelines(["one\n", "two\n"])
        made["wsgi.errors"].flush()
    finally:
        log.handlers = before
    assert later.getvalue() == capsys.readouterr().err == "one\ntwo\n"
