"""Adding an entry to the register: a block of text at its end, and nothing else changes.

The file is under version control: its comments, order and spacing are its owners'.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from gateway.known.entry import Entry
from gateway.known.register import Register, RegisterError

_HEADING = (
    "# Differences between live and its shadows that are known, and why they are fine.\n"
    "# Each of them expires; keep this file under version control.\n"
)
_ORDER = (
    "id",
    "shadow",
    "route",
    "part",
    "kind",
    "pattern",
    "reason",
    "owner",
    "added",
    "expires",
    "limit",
)
_NO_SLUG = re.compile(r"[^a-z0-9]+")


def entry_text(entry: Entry) -> str:
    """The entry as a block of TOML."""
    given = ((name, getattr(entry, name)) for name in _ORDER)
    lines = [f"{name} = {_value(value)}" for name, value in given if value is not None]
    return "\n".join(["[[known]]", *lines]) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int):
        return str(value)
    # JSON's strings are TOML's, but for DEL; a lone surrogate has no UTF-8.
    text = json.dumps(str(value).encode(errors="replace").decode(), ensure_ascii=False)
    return text.replace("\x7f", "\\u007f")


def free_id(register: Register, *words: str) -> str:
    """An id that says what it is about, and is not taken."""
    wanted = _NO_SLUG.sub("-", " ".join(words).lower()).strip("-")[:60].strip("-") or "known"
    taken = {entry.id for entry in register.entries}
    names = (wanted, *(f"{wanted}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def add(path: Path, entry: Entry) -> None:
    """Put an entry at the end of the file, which is made if there is none.

    Readers see the old or the new file. Raises ``RegisterError``: the file is broken, has
    an entry of this id, or cannot be written.
    """
    # Through links: replacing one of them would leave the file itself as it was.
    real = Path(os.path.realpath(path))
    try:
        with _locked(real.parent):
            old = real.read_bytes() if real.exists() else _HEADING.encode()
            new = _joined(old.decode("utf-8-sig"), entry_text(entry)).encode()
            Register.parse(old)
            Register.parse(new)
            _replace(real, new)
    except RegisterError as error:
        raise RegisterError(f"{path}: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RegisterError(f"{path} cannot be changed: {reason}") from error


def _joined(text: str, block: str) -> str:
    gap = "" if not text or text.endswith("\n") else "\n"
    return f"{text}{gap}\n{block}" if text else block


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One change at a time. The folder is locked: the file is another after each."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), path.stat().st_mode & 0o7777 if path.exists() else 0o644)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
