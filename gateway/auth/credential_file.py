"""Changing a credential file: what ``gateway keys`` does to it.

Each change replaces the file as a whole, so that a gateway which reads it sees the old
or the new content. Comments and the order of lines stay. Nothing here runs in a gateway.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.auth.credentials import (
    Credential,
    credential_lines,
    format_line,
    parse_credentials,
    parse_line,
    taken,
)

_HEADING = "# Credentials for Gateway; made and changed by: gateway keys\n"


class CredentialFile:
    """A credential file on disk. Methods raise ``OSError``, and ``Unusable`` for a broken one."""

    def __init__(self, path: Path) -> None:
        # Through links: replacing one of them would leave the file itself as it was.
        self._path = Path(os.path.realpath(path))

    def read(self) -> tuple[Credential, ...]:
        """All credentials."""
        return parse_credentials(self._path.read_bytes())

    def add(self, credential: Credential) -> None:
        """Put one at the end. Makes the file if there is none. ``ValueError``: it is there."""

        def changed(text: str) -> str:
            if any(each.place == credential.place for each in parse_credentials(text.encode())):
                raise ValueError(taken(credential))
            gap = "" if not text or text.endswith("\n") else "\n"
            return f"{text}{gap}{format_line(credential)}\n"

        self._change(changed)

    def remove(self, gone: Callable[[Credential], bool]) -> None:
        """Leave out the lines of those that are ``gone``."""

        def changed(text: str) -> str:
            numbers = {n for n, line in credential_lines(text) if gone(parse_line(line))}
            lines = enumerate(text.split("\n"), 1)
            return "\n".join(line for number, line in lines if number not in numbers)

        self._change(changed)

    def _change(self, changed: Callable[[str], str]) -> None:
        with self._locked():
            try:
                data = self._path.read_bytes()
            except FileNotFoundError:
                data = _HEADING.encode()
            parse_credentials(data)
            new = changed(data.decode()).encode()
            parse_credentials(new)
            self._replace(new)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One change at a time. The folder is locked: the file is another after each."""
        descriptor = os.open(self._path.parent, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _replace(self, data: bytes) -> None:
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                self._like_the_old(file.fileno())
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self._path)
        except BaseException:
            os.unlink(name)
            raise

    def _like_the_old(self, descriptor: int) -> None:
        """Owner and mode stay: a gateway that could read the file still can."""
        try:
            old = self._path.stat()
        except FileNotFoundError:
            return  # a new one is its owner's alone, as mkstemp makes it
        if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(descriptor, old.st_uid, old.st_gid)
        os.fchmod(descriptor, old.st_mode & 0o7777)
