"""Comparison, floor, holdout and isolation in a running gateway with several workers."""

from __future__ import annotations

from itertools import count
from typing import Any

from gateway.shadow.holdout import Holdout
from tests.support.gateway import GatewayProcess, gateway
from tests.support.upstream import OK, Received, upstream
from tests.support.waiting import wait_for
from tests.whole.test_steering import steer


def ids(held_out: bool, percent: float = 50) -> Any:
    """Request ids of one group."""
    holdout = Holdout(percent)
    return (each for n in count() if holdout.has(each := f"request-{n}") is held_out)


def ask(running: GatewayProcess, target: str, request_id: str, status: int = 200) -> None:
    with running.client() as client:
        field = f"X-Request-Id: {request_id}"
        assert client.request("GET", target, field).status == status


def compared(running: GatewayProcess, shadow: str = "shadow") -> dict[str, float]:
    """The five counts of all workers."""
    counts = {}
    for (name, labels), value in running.metrics().items():
        told = dict(labels)
        if name == "gateway_compared_total" and told["shadow"] == shadow:
            counts[told["count"]] = value
    return counts


def test_verdicts_are_counted_right_across_workers_and_add_up() -> None:
    """With the ledger's skips they are the live requests; the floor is counted apart."""

    def different(request: Received) -> bytes:
        body = b"other" if request.target == b"/differs" else b"ok"
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    with upstream() as live, upstream(different) as shadow:
        config = f"""
            [server]
            workers = 2
            [live]
            url = "{live.url}"
            [[shadows]]
            url = "{shadow.url}"
            [isolation]
            holdout = 50
            [floor]
            enabled = true
            max_rate = 0.001
        """
        with gateway(config=config) as running:
            mirrored, held_out = ids(False), ids(True)
            for target, group in [("/same", mirrored), ("/differs", mirrored), ("/", held_out)]:
                for _ in range(10):
                    ask(running, target, next(group))
            ledger = running.settled(30)
            wait_for(lambda: sum(compared(running).values()) == 20, "the verdicts")
            assert compared(running) == {"match": 10, "differs": 10}
            assert ledger == {"answered": 20, "skipped held_out": 10}
            assert running.metric("gateway_verdicts_total", verdict="body", shadow="shadow") == 10
            floor = running.settled(30, "live")
            assert set(floor) <= {"answered", "skipped sampled_out", "skipped held_out"}
            wait_for(lambda: compared(running, "live") == {"match": floor["answered"]}, "the floor")
            assert floor["answered"] <= 2  # one for each worker, at most
            assert len(live.taken()) == 30 + floor["answered"]


def test_mirroring_switches_itself_off_when_mirrored_requests_fail_more() -> None:
    """In all workers, loudly; until somebody switches it on again."""

    def failing(request: Received) -> bytes:
        return OK.replace(b"200 OK", b"500 No") if request.target == b"/fail" else OK

    with upstream(failing) as live, upstream() as shadow:
        config = f"""
            [server]
            workers = 2
            [live]
            url = "{live.url}"
            [[shadows]]
            url = "{shadow.url}"
            [isolation]
            holdout = 50
            min_requests = 20
        """
        with gateway(config=config) as running:
            mirrored, held_out = ids(False), ids(True)
            for _ in range(30):
                ask(running, "/fail", next(mirrored), 500)
                ask(running, "/", next(held_out))
            gauge = "gateway_shadow_percent"
            wait_for(lambda: running.metric(gauge) == 0, "mirroring to be off", 15)
            assert running.output.count("MIRRORING IS SWITCHED OFF") >= 1
            assert running.metric("gateway_isolation_exceeded_total", budget="errors") >= 1
            assert running.metric("gateway_isolation_errors", bound="low") > 0.5
            assert "is off; switched off by isolation" in steer(running).stdout
            running.quiet()
            before = len(shadow.taken())
            # On a slow machine some of the last requests came when it was off already.
            skipped = running.settled(60).get("skipped switched_off", 0)
            ask(running, "/", next(mirrored))
            assert running.settled(61)["skipped switched_off"] == skipped + 1
            steer(running, "shadow", "--reset")
            wait_for(lambda: running.metric(gauge) == 100, "mirroring to be on")

            def copied() -> bool:
                # The gauge is one worker's; the other follows within a second.
                ask(running, "/", next(mirrored))
                return len(shadow.taken()) > before

            wait_for(copied, "a copy")
