"""The register as a file: TOML that people review, read whole and strictly.

A mistake in it must not excuse anything by chance: one wrong key, and it is not read.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import msgspec
from msgspec import Struct

from gateway.errors import GatewayError
from gateway.known.entry import Entry, GroupLike

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_LARGEST = 4 * 1024 * 1024
_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")


class RegisterError(GatewayError):
    """The register cannot be used. The text is fit for a person."""


class _File(Struct, forbid_unknown_fields=True):
    known: list[Entry] = []


class Register:
    """Known differences, in the order of the file. Immutable."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries = tuple(entries)

    @classmethod
    def load(cls, path: Path | str | None) -> Register:
        """What is in the file; nothing where there is no file yet. Raises ``RegisterError``."""
        if path is None:
            return cls()
        try:
            with Path(path).open("rb") as file:
                data = file.read(_LARGEST + 1)
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise RegisterError(f"{path}: {error.strerror or error}") from error
        try:
            return cls.parse(data)
        except RegisterError as error:
            raise RegisterError(f"{path}: {error}") from error

    @classmethod
    def parse(cls, data: bytes) -> Register:
        """The register of a file's content. Raises ``RegisterError``."""
        if len(data) > _LARGEST:
            raise RegisterError("too large for a register")
        try:
            document = tomllib.loads(data.decode("utf-8-sig"))
            entries = msgspec.convert(document, _File).known
        except msgspec.ValidationError as error:
            raise RegisterError(_said(str(error))) from error
        except (ValueError, RecursionError) as error:
            raise RegisterError(f"not valid TOML: {error}") from error
        twice = [id for id, number in Counter(entry.id for entry in entries).items() if number > 1]
        if twice:
            raise RegisterError(f"the id {twice[0]!r} is there twice")
        return cls(entries)

    def entry_for(self, group: GroupLike, today: date | None = None) -> Entry | None:
        """The entry that a group's exchanges are hits of, None where there is none.

        The first in the file; ``today``: one that has not expired, if there is any.
        """
        about = [entry for entry in self.entries if entry.covers(group)]
        current = (entry for entry in about if today is not None and today <= entry.expires)
        return next(current, about[0] if about else None)

    def __len__(self) -> int:
        return len(self.entries)

    def __repr__(self) -> str:
        return f"<Register of {len(self)} known differences>"


def _said(message: str) -> str:
    """msgspec's words, with the place in front and counted as people do: ``known 2, expires``."""
    place = _PLACE.search(message)
    if place is None:
        return message
    where = re.sub(r"\[(\d+)\]", lambda m: f" {int(m[1]) + 1}", place[1]).replace(".", ", ")
    return f"{where}: {_PLACE.sub('', message)}"
