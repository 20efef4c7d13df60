"""A bounded memory of what was checked before and need not be checked again.

Keys are keyed digests: what is remembered is neither a password nor a token, and
cannot be tried against a list of them by who gets hold of the memory.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """The ``most`` last used values. Those used longest ago go first.

    Threads: any thread may call it. The lock guards the order of the values;
    nothing blocks under it.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._secret = os.urandom(32)
        self._values: OrderedDict[bytes, T] = OrderedDict()
        self._lock = Lock()

    def key(self, text: str) -> bytes:
        """The key of a text, in this memory only."""
        return hashlib.blake2b(text.encode(), key=self._secret, digest_size=16).digest()

    def get(self, key: bytes) -> T | None:
        """What is remembered under a key."""
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def put(self, key: bytes, value: T) -> None:
        """Remember a value."""
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            if len(self._values) > self._most:
                self._values.popitem(last=False)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Remembered {len(self)} of {self._most}>"
