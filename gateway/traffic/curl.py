"""A request as a curl command that can be pasted into a shell as it is.

What is in a request came from a stranger. Whatever it says, the command is one command
for curl, run by any POSIX shell, with nothing in it that a terminal obeys: text goes
between quotes, and what is no printable text goes through ``printf`` or ``base64``.
"""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Iterable, Iterator

from gateway.headers import Field, end_to_end
from gateway.shadow.copy import Copy

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# Linux takes 128 KiB in one argument (execve(2), MAX_ARG_STRLEN), less in others.
_MOST_INLINE = 32 * 1024
# Set by curl: by the URL, by the body, by --compressed.
_CURLS = frozenset({"host", "content-length", "accept-encoding", "expect"})
# What curl adds unless it is told not to; Content-Type only with a body.
_ADDED = ("User-Agent", "Accept")


def as_curl(request: Copy, base_url: str, *, keep_host: bool = False) -> str:
    """The command, on several lines. ``base_url``: where it is sent, whoever it was sent to.

    ``keep_host``: with the Host field that it came with.
    """
    piped, data = _data(request)
    words = ["curl -sS -i", *_method(request), *_target(request, base_url)]
    words += [f"-H {_quoted(header)}" for header in _headers(request, keep_host=keep_host)]
    if any(name.lower() == "accept-encoding" for name, _ in request.fields):
        words.append("--compressed")
    return piped + " \\\n  ".join([*words, *data])


def _method(request: Copy) -> Iterator[str]:
    if request.method == "HEAD":
        yield "--head"  # with -X it would wait for a body
    elif request.method != ("POST" if request.body else "GET"):
        yield f"-X {_quoted(request.method.encode('latin-1', 'replace'))}"


def _target(request: Copy, base_url: str) -> Iterator[str]:
    """The URL as it is: curl would take it apart, and mend it."""
    target = request.target
    if target.startswith("/") and target.isascii() and target.isprintable() and "#" not in target:
        yield f"--globoff --path-as-is {_quoted((base_url.rstrip('/') + target).encode())}"
    else:
        raw = target.encode("latin-1", "replace")
        yield f"--request-target {_quoted(raw)} {_quoted(base_url.encode())}"


def _headers(request: Copy, *, keep_host: bool) -> Iterator[bytes]:
    fields = [each for each in end_to_end(request.fields) if _TOKEN.fullmatch(each[0])]
    skip = _CURLS - {"host"} if keep_host else _CURLS
    yield from (_header(each) for each in fields if each[0].lower() not in skip)
    have = {name.lower() for name, _ in fields}
    unwanted = (*_ADDED, "Content-Type") if request.body else _ADDED
    yield from (f"{name}:".encode() for name in unwanted if name.lower() not in have)
    if not request.body and request.had_body:
        yield b"Content-Length: 0"


def _header(each: Field) -> bytes:
    name, value = each[0].encode(), each[1].encode("latin-1", "replace")
    # A name with a colon alone would remove the field; curl writes an empty one with this.
    return name + b": " + value if value.strip() else name + b";"


def _data(request: Copy) -> tuple[str, Iterable[str]]:
    """What goes before the command, and its last words."""
    body = request.body
    if not body or request.method == "HEAD":
        return "", ()
    if len(body) <= _MOST_INLINE and _printable(body):
        return "", (f"--data-raw {_quoted(body)}",)
    text = base64.b64encode(body).decode()
    return f"printf %s {text} | base64 -d |\n", ("--data-binary @-",)


def _printable(data: bytes) -> bool:
    """Text without what a terminal obeys, or shows as something else than it is."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return text.replace("\n", "").replace("\t", "").isprintable()


def _quoted(data: bytes) -> str:
    """One word for the shell that stands for these bytes (none of them NUL)."""
    if _printable(data):
        return shlex.quote(data.decode())
    escaped = "".join(
        chr(byte) if 0x20 < byte < 0x7F and chr(byte) not in "\\'%-" else f"\\{byte:03o}"
        for byte in data
        if byte
    )
    return f"\"$(printf '{escaped}')\""
