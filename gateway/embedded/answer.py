"""The application's answer on its way to the server, with one thing to do at its end.

A server sees what it would see without the mirror: ``len()`` where the answer has one
(PEP 3333, "Handling the Content-Length Header"), its own file wrapper where the
application used it ("Optional Platform-Specific File Handling"), and one ``close()``.

Not done here: reading the answer. Who iterates reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any


class EndingAnswer:
    """An answer and one call when it is closed, whatever closing it does."""

    __slots__ = ("_answer", "_ended")

    def __init__(self, answer: Iterable[bytes], ended: Callable[[], None]) -> None:
        self._answer = answer
        self._ended: Callable[[], None] | None = ended

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._answer)

    def close(self) -> None:
        """Close the answer; the second time nothing is left to do."""
        ended, self._ended = self._ended, None
        if ended is None:
            return
        try:
            close = getattr(self._answer, "close", None)
            if close is not None:
                close()
        finally:
            ended()


class SizedEndingAnswer(EndingAnswer):
    """One whose application said how many parts it has."""

    __slots__ = ("_length",)

    def __init__(self, answer: Iterable[bytes], ended: Callable[[], None], length: int) -> None:
        super().__init__(answer, ended)
        self._length = length

    def __len__(self) -> int:
        return self._length


def in_shape_of(own: Any, answer: Iterable[bytes], ended: Callable[[], None]) -> EndingAnswer:
    """``answer`` as the server would see ``own``, the application's."""
    try:
        length = len(own)
    except TypeError:
        return EndingAnswer(answer, ended)
    return SizedEndingAnswer(answer, ended, length)


def is_file_of(file_wrapper: Any, own: Any) -> bool:
    """Whether it is a file in the server's own wrapper: sent more quickly if left to it."""
    return isinstance(file_wrapper, type) and isinstance(own, file_wrapper)


def ends_with(file: Any, ended: Callable[[], None]) -> bool:
    """Have a server's file wrapper call ``ended`` after its own ``close``, once.

    False: it takes no attributes (mod_wsgi's does not), and has to be read like
    any other answer.
    """
    close, told = getattr(file, "close", None), [False]

    def close_and_end() -> None:
        if told[0]:
            return  # ``ended`` closes it too, as whatever it knows
        told[0] = True
        try:
            if close is not None:
                close()
        finally:
            ended()

    try:
        file.close = close_and_end
    except (AttributeError, TypeError):
        return False
    return True
