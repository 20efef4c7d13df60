"""Counts in Redis, for gateways on several machines.

The storage is that of the ``limits`` library: its URLs, its client. Its
strategies are not used: they know no burst, and to ask several limits and then
count against all of them takes several calls, between which others count too.
One script does it in one call, by the same rule as the embedded store and by the
server's clock.

A request waits for an answer for ``timeout`` seconds at most, whatever Redis or
the network do. No time-out of a socket says that: each byte that comes, and each
step of connecting, begins it anew, and resolving a name has none. So a thread of
its own talks to Redis; it sends what has come together in one go.

Only who wants Redis imports this module: ``limits`` and ``redis`` take 11 MB in
each worker.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from hashlib import blake2b, sha1
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any

from limits.storage import RedisStorage
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry

from gateway.breaker import Breaker
from gateway.ratelimit.store import Demand, StoreUnavailable, Verdict
from gateway.signals import leave_signals_to_host
from gateway.waiting import Gate

# Counts as integers, exact up to 2**53: seconds and nanoseconds are kept apart, and
# notation.py bounds what is between two moments. TIME takes the place of all clients'
# clocks, which differ.
#
# KEYS: one for each limit. ARGV: its interval and tolerance, in nanoseconds.
# Returns whether the request passes, then the debts.
_SCRIPT = """
local time = redis.call('TIME')
local second, nanosecond = tonumber(time[1]), tonumber(time[2]) * 1000
local passes, debts = 1, {}
for i, key in ipairs(KEYS) do
    local interval, tolerance = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
    local debt, kept = 0, redis.call('GET', key)
    if kept then
        local s, ns = string.match(kept, '(%d+) (%d+)')
        debt = (tonumber(s) - second) * 1000000000 + tonumber(ns) - nanosecond
        debt = math.min(math.max(debt, 0), tolerance)
    end
    if debt + interval > tolerance then passes = 0 end
    debts[i] = debt
end
if passes == 1 then
    for i, key in ipairs(KEYS) do
        debts[i] = debts[i] + tonumber(ARGV[2 * i - 1])
        local moment = nanosecond + debts[i]
        local seconds = math.floor(moment / 1000000000)
        local kept = string.format('%.0f %.0f', second + seconds, moment - seconds * 1000000000)
        redis.call('SET', key, kept, 'PX', string.format('%.0f', math.ceil(debts[i] / 1000000)))
    end
end
local answer = {passes}
for i, debt in ipairs(debts) do answer[i + 1] = string.format('%.0f', debt) end
return answer
"""
_SCRIPT_SHA = sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()

# So many failures in a row open the breaker, for the first rest; later ones are
# longer, up to 8 times. Meanwhile no request waits.
_FAILURES = 3
_REST_SECONDS = 0.25
_CONNECT_SECONDS = 1.0
_CLOSE_SECONDS = 2.0


class RedisStore:
    """Counts in Redis.

    Threads: any thread asks, and waits on a lock of its own that the store's thread
    gives back. That thread alone talks to Redis, and holds nothing while it does. The
    lock here makes ``start`` start it once.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "gateway",
        timeout: float = 0.02,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prefix = prefix
        self._timeout = timeout
        options: dict[str, Any] = {
            "socket_timeout": timeout,
            "socket_connect_timeout": _CONNECT_SECONDS,
            # A connection that Redis closed meanwhile is noticed when it is taken from the
            # pool. What else fails is not tried again while somebody waits.
            "retry": Retry(NoBackoff(), 0),
        }
        self._client: Any = RedisStorage(url, **options).get_connection()
        self._breaker = Breaker(_FAILURES, _REST_SECONDS, clock)
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._lock = Lock()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Start the thread, which connects before anybody asks."""
        with self._lock:
            if self._thread is None:
                # A daemon: a host that never closes us must still be able to exit.
                self._thread = Thread(target=self._run, name="gateway-redis", daemon=True)
                self._thread.start()

    def take(self, demands: Sequence[Demand]) -> Verdict:
        """Count a request, if all limits let it pass."""
        if self._thread is None:
            self.start()
        admission = self._breaker.admits()
        if admission is None:
            raise StoreUnavailable("Redis failed, and is asked again in a moment")
        call = _Call(self._command(demands))
        self._calls.put(call)
        try:
            answer = call.wait(self._timeout)
        except BaseException:
            self._breaker.withdraw(admission)
            raise
        self._breaker.report(admission, isinstance(answer, Exception))
        if isinstance(answer, Exception):
            raise StoreUnavailable(f"Redis: {answer}") from answer
        return Verdict(answer[0] == 1, [int(debt) for debt in answer[1:]])

    def _command(self, demands: Sequence[Demand]) -> tuple[object, ...]:
        keys: list[object] = []
        arguments: list[object] = []
        for key, limits in demands:
            # Hashed: an identity is nobody's business, and a field's value may be long.
            hashed = blake2b(key, digest_size=16).hexdigest()
            for limit in limits:
                rate = limit.rate
                keys.append(f"{self._prefix}:{hashed}:{rate.count}/{rate.window}/{rate.burst}")
                arguments += [limit.interval, limit.tolerance]
        return (_SCRIPT_SHA, len(keys), *keys, *arguments)

    def _run(self) -> None:
        """The thread: everything that has come together, in one go."""
        leave_signals_to_host()
        self._serve([])
        while (call := self._calls.get()) is not None:
            calls = [call]
            for _ in range(self._calls.qsize()):
                call = self._calls.get()
                if call is None:
                    self._calls.put(None)
                    break
                calls.append(call)
            self._serve([call for call in calls if not call.abandoned])

    def _serve(self, calls: list[_Call]) -> None:
        answers: list[Any]
        try:
            answers = self._ask(calls)
            if not calls or any(isinstance(answer, NoScriptError) for answer in answers):
                # At first, and when Redis was started anew.
                self._client.script_load(_SCRIPT)
                answers = self._ask(calls, answers)
        except Exception as error:  # noqa: BLE001 - the boundary: without the thread nobody counts
            answers = [error] * len(calls)
        for call, answer in zip(calls, answers, strict=True):
            call.give(answer)

    def _ask(self, calls: list[_Call], known: Sequence[Any] = ()) -> list[Any]:
        """The answers, those that are known already kept."""
        todo = [
            number
            for number in range(len(calls))
            if not known or isinstance(known[number], NoScriptError)
        ]
        pipeline = self._client.pipeline(transaction=False)
        for number in todo:
            pipeline.evalsha(*calls[number].command)
        answers = list(known) or [None] * len(calls)
        for number, answer in zip(todo, pipeline.execute(raise_on_error=False), strict=True):
            answers[number] = answer
        return answers

    def close(self) -> None:
        """End the thread. Calls that wait get no answer."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            self._calls.put(None)
            thread.join(_CLOSE_SECONDS)
        self._client.close()

    def __repr__(self) -> str:
        return f"<RedisStore {self._prefix!r}, {self._breaker!r}>"


class _Call:
    """One question and its answer."""

    __slots__ = ("_answer", "_answered", "abandoned", "command")

    def __init__(self, command: tuple[object, ...]) -> None:
        self.command = command
        self.abandoned = False
        self._answer: Any = None
        self._answered = Gate()

    def give(self, answer: Any) -> None:
        self._answer = answer
        self._answered.let_pass()

    def wait(self, timeout: float) -> Any:
        """The answer, or the exception that stands for it."""
        if self._answered.wait(timeout):
            return self._answer
        self.abandoned = True
        return TimeoutError(f"no answer within {timeout * 1000:g} ms")
