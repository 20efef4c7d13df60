"""A process that puts exchanges into a store, as a worker does: writing.py URL NUMBER NAME."""

from __future__ import annotations

import sys
import time

from gateway.store.store import Pauses, Plan, Store
from tests.store.exchanges import cent, difference, judged
from tests.support.waiting import wait_for


def main(url: str, number: str, name: str) -> None:
    store = Store(url, Plan(examples_per_group=4, pairs_per_day=50), pauses=Pauses(turn=0.005))
    store.start()
    for index in range(int(number)):
        shown = [difference(f"/k{index % 3}")] if index % 2 else []
        at, drift = time.time(), [cent("0.1")]
        store.put(judged(at=at, differences=shown, drift=drift, request_id=f"{name}{index}"))
        store.note_request("GET", "/a", 200)
        if index % 100 == 50:
            turns = store.written
            wait_for(lambda turns=turns: store.written > turns, "a turn")  # type: ignore[misc]
    assert store.close(30), store
    assert not store.failures, store
    print(store.written)


if __name__ == "__main__":
    main(*sys.argv[1:])
