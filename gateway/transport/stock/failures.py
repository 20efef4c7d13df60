"""urllib3's and ``http.client``'s failures as this package's own (``errors.py``).

One place decides, by what was raised and by how far the call had come.
"""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPException, RemoteDisconnected

from requests.exceptions import RequestException
from urllib3 import exceptions as urllib3_errors

from gateway.transport.errors import (
    AnswerCutShort,
    BadAnswer,
    ConnectFailed,
    ConnectionLost,
    Phase,
    PoolExhausted,
    TlsFailed,
    TransportError,
)
from gateway.transport.stock.call import Call

# All that a call over urllib3 can raise because of its upstream.
UPSTREAM_FAILURES = (
    RequestException,
    urllib3_errors.HTTPError,
    HTTPException,
    OSError,
)

_BEFORE_SENDING: frozenset[Phase] = frozenset({"checkout", "connect"})


def translated(error: BaseException, call: Call) -> TransportError:
    """What ``error`` means."""
    chain = list(_chain(error))
    for each in chain:
        if isinstance(each, TransportError):  # ours, which urllib3 has wrapped
            return each
    if isinstance(error, urllib3_errors.EmptyPoolError):
        return PoolExhausted(f"all connections to this upstream busy: {error}", "checkout")
    if any(_timed_out(each) for each in chain):
        return call.budget.expired("connect" if call.phase in _BEFORE_SENDING else call.phase)
    if call.phase in _BEFORE_SENDING:
        return _no_connection(chain, call)
    return _broken(error, chain, call)


def _timed_out(error: BaseException) -> bool:
    # For urllib3 a refused connection is a kind of connect time-out.
    refused = isinstance(error, urllib3_errors.NewConnectionError)
    return isinstance(error, urllib3_errors.TimeoutError | TimeoutError) and not refused


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception, and those that led to it: as its cause, or wrapped as an argument."""
    seen: list[BaseException] = []
    new = [error]
    while new:
        each = new.pop()
        if each not in seen:
            seen.append(each)
            yield each
            causes = (each.__cause__, each.__context__, *each.args)
            new += [cause for cause in causes if isinstance(cause, BaseException)]


def _no_connection(chain: list[BaseException], call: Call) -> TransportError:
    refused = any(
        isinstance(each, urllib3_errors.NewConnectionError | ConnectionError) for each in chain
    )
    why = next((each for each in reversed(chain) if isinstance(each, OSError)), chain[-1])
    message = f"{call.origin.url} at {call.origin.host} port {call.origin.port}: {why}"
    # Besides handshakes: files that are not there or cannot be loaded.
    return (ConnectFailed if refused else TlsFailed)(message, "connect")


def _broken(error: BaseException, chain: list[BaseException], call: Call) -> TransportError:
    if call.phase == "body":
        return AnswerCutShort(f"the body broke off: {error}", "body")
    # "Disconnected" is a bad status line too, for http.client.
    silent = any(isinstance(each, RemoteDisconnected) for each in chain)
    if silent or not _is_http(chain):
        return ConnectionLost(f"no answer: {error}", call.phase)
    return BadAnswer(f"not a valid answer: {error}", call.phase)


def _is_http(chain: list[BaseException]) -> bool:
    """Whether something came that was read as HTTP, and was not."""
    wrong = (HTTPException, urllib3_errors.InvalidHeader)
    return any(isinstance(each, wrong) for each in chain)
