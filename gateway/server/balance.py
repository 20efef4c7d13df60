"""As many connections for each worker: who has more than another lets that one accept.

All workers listen to the same sockets, and whoever wakes first takes what there is: often
the same one, and clients keep their connections for long. Envoy calls what is done here
``exact_balance``; HAProxy and nginx have their own.
"""

from __future__ import annotations

import mmap

# Workers beyond these, which no machine is big enough for, are each on their own.
_SEATS = 256
_BYTES = 4
# How many more connections than the least loaded worker has are no more than chance.
_CHANCE = 1
_SHARE = 32
_LAST = 2**32 - 1

# How long until whose turn it is is looked at again.
POLITE_SECONDS = 0.001
# How long no other worker may accept anything, before it is taken to be stuck; and how long
# it is not waited for then.
_STUCK_SECONDS = 0.1
_RUDE_SECONDS = 1.0


class Balance:
    """How many connections each worker has, in memory that is shared with those forked later.

    Threads: each number is written by one worker alone, in one piece, and read by all.
    """

    def __init__(self) -> None:
        numbers = memoryview(mmap.mmap(-1, 2 * _SEATS * _BYTES)).cast("I")
        # One more than there are; 0: nobody accepts there.
        self._have = numbers[:_SEATS]
        self._took = numbers[_SEATS:]

    def seat(self, number: int) -> Seat:
        """That of the worker with this number, from 0."""
        return Seat(self._have, self._took, number) if number < _SEATS else alone()

    def __repr__(self) -> str:
        return f"<Balance {[have - 1 for have in self._have if have]}>"


class Seat:
    """What one worker says of itself, and sees of the others.

    Threads: any of the worker's may tell how many it has, and the one that does all else does so
    every now and then, which puts right what they told at the same moment.
    """

    def __init__(self, have: memoryview, took: memoryview, number: int) -> None:
        self._have = have
        self._took = took
        self._number = number
        self._accepts = False
        self._told = 0

    def tell(self, connections: int) -> None:
        """That this worker has so many now."""
        self._told = connections
        self._have[self._number] = connections + 1 if self._accepts else 0

    def accepts(self, does: bool) -> None:
        """Whether this worker takes more; the others need not wait for one that does not."""
        self._accepts = does
        self.tell(self._told)

    def took_one(self) -> None:
        """That this worker has accepted a connection."""
        self._took[self._number] = (self._took[self._number] + 1) & _LAST

    def is_ahead(self) -> bool:
        """Whether another one has fewer, by more than chance."""
        least = min(filter(None, self._have.tolist()), default=1) - 1
        return self._told > least + _CHANCE + least // _SHARE

    def taken_by_others(self) -> int:
        """A number that is another one after others have accepted connections."""
        taken: int = sum(self._took.tolist()) - self._took[self._number]
        return taken

    def __repr__(self) -> str:
        return f"<Seat {self._number}: {self._told} of {[have - 1 for have in self._have if have]}>"


class Manners:
    """Whether a worker leaves a connection to the others.

    Threads: one.
    """

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._waited: tuple[float, int] | None = None
        self._rude_until = 0.0

    def give_way(self, now: float) -> bool:
        """Whether one that is there now is left to others for ``POLITE_SECONDS``."""
        if now < self._rude_until or not self._seat.is_ahead():
            self._waited = None
            return False
        taken = self._seat.taken_by_others()
        if self._waited is not None and self._waited[1] == taken:
            if now < self._waited[0] + _STUCK_SECONDS:
                return True
            self._waited, self._rude_until = None, now + _RUDE_SECONDS
            return False
        self._waited = (now, taken)
        return True

    @property
    def waits(self) -> bool:
        """Whether one was left to others, and nothing is known of it."""
        return self._waited is not None

    def thank(self) -> None:
        """That it is there no more."""
        self._waited = None

    def __repr__(self) -> str:
        return f"<Manners at {self._seat!r}>"


def alone() -> Seat:
    """The seat of a worker that has nobody to share with."""
    return Balance().seat(0)
