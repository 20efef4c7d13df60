"""An answer's end: told once, after the application's own, whatever that does."""

from __future__ import annotations

from wsgiref.util import FileWrapper

import pytest

from gateway.embedded.answer import EndingAnswer, SizedEndingAnswer, ends_with


class Answer(list):  # type: ignore[type-arg]
    def __init__(self, told: list[str], error: Exception | None = None) -> None:
        super().__init__([b"a", b"b"])
        self._told, self._error = told, error

    def close(self) -> None:
        self._told.append("closed")
        if self._error is not None:
            raise self._error


def test_the_end_is_told_once_after_the_answer_is_closed() -> None:
    """Also to a server that closes twice."""
    told: list[str] = []
    answer = SizedEndingAnswer(Answer(told), lambda: told.append("ended"), 2)
    assert (len(answer), list(answer)) == (2, [b"a", b"b"])
    answer.close()
    answer.close()
    assert told == ["closed", "ended"]


def test_the_end_is_told_when_closing_fails() -> None:
    """The failure passes."""
    told: list[str] = []
    answer = EndingAnswer(Answer(told, ValueError("x")), lambda: told.append("ended"))
    with pytest.raises(ValueError, match="x"):
        answer.close()
    assert told == ["closed", "ended"]
    assert not hasattr(answer, "__len__")


def test_a_file_wrapper_stays_the_object_it_is(tmp_path) -> None:
    """A server looks at its class, and takes the file out of it."""
    (tmp_path / "f").write_bytes(b"abc")
    told: list[str] = []
    file = FileWrapper((tmp_path / "f").open("rb"))
    assert ends_with(file, lambda: told.append("ended"))
    assert list(file) == [b"abc"]
    file.close()
    file.close()
    assert file.filelike.closed
    assert told == ["ended"]


def test_a_file_wrapper_that_takes_no_attributes_says_so() -> None:
    """mod_wsgi's is such a type."""
    assert not ends_with((), lambda: None)
