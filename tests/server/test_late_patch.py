"""Patched by gevent after everything was imported, as a worker is: in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("gevent")

PATCHED = """
import gateway.app, gateway.nowait, requests, ssl, threading, urllib3, warnings
import urllib3.util.ssl_
from gateway.server.late_patch import replace_captured
from gevent import monkey

flags = gateway.nowait._AVAILABLE, urllib3.util.ssl_.HAS_NEVER_CHECK_COMMON_NAME
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    monkey.patch_all()
captured = urllib3.util.ssl_.SSLContext is not ssl.SSLContext
replace_captured()
"""


def run(code: str) -> str:
    """What the code prints after the patch."""
    done = subprocess.run(
        [sys.executable, "-c", PATCHED + code], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_what_others_have_captured_is_replaced() -> None:
    """TLS works over urllib3: its context is gevent's, and not a mixture of two."""
    code = """
assert captured, "nothing to do any more?"
assert urllib3.util.ssl_.SSLContext is ssl.SSLContext
context = urllib3.util.ssl_.create_urllib3_context()
context.minimum_version = ssl.TLSVersion.TLSv1_2
print(type(context).__module__)
"""
    assert run(code) == "gevent.ssl"


def test_flags_are_left_alone() -> None:
    """gevent sets some as well, and there is only one True in a process."""
    code = (
        "print(flags == (gateway.nowait._AVAILABLE, urllib3.util.ssl_.HAS_NEVER_CHECK_COMMON_NAME))"
    )
    assert run(code) == "True"


def test_greenlets_that_submit_at_once_do_not_stop_the_process() -> None:
    """Each new pool thread is waited for under a lock that all executors share."""
    code = """
import gevent
from concurrent.futures import ThreadPoolExecutor
pools = [ThreadPoolExecutor(4) for _ in range(5)]
calls = [gevent.spawn(lambda n=n: pools[n % 5].submit(pow, n, 2).result()) for n in range(50)]
gevent.joinall(calls, timeout=10, raise_error=True)
print(sum(call.value for call in calls))
"""
    assert run(code) == str(sum(n * n for n in range(50)))


def test_names_are_resolved_without_stopping_the_process() -> None:
    """The transport asks gevent's resolver, though it was imported before."""
    code = """
import socket
from gateway.transport import adapter_for
print(adapter_for("gateway")._lookup is socket.getaddrinfo, socket.getaddrinfo.__module__)
"""
    assert run(code) == "True gevent._socketcommon"
