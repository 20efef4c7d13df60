"""Accepting a difference as expected: an entry for the register, from what a person says."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta
from werkzeug.exceptions import Conflict, UnprocessableEntity

from gateway.admin.dashboard.source import Source
from gateway.known.entry import Entry, Text
from gateway.known.register import Register, RegisterError
from gateway.known.writing import add, entry_text, free_id
from gateway.store.values import Group

_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")


class Wanted(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What is sent. ``everywhere``: for all shadows and routes, not only the group's."""

    group: Annotated[str, Meta(pattern="^[0-9a-f]{4,16}$")]
    reason: Text
    owner: Text
    expires: date
    limit: Annotated[int, Meta(ge=0, le=10**12)] | None = None
    everywhere: bool = False


class Accepted(msgspec.Struct, frozen=True):
    """``text``: the entry as it is in the register, or has to be put there by somebody.

    ``written``: it is there. ``why_not``: why it is not, in words.
    """

    entry: Entry
    text: str
    written: bool
    why_not: str = ""


def wanted_from(body: bytes) -> Wanted:
    """Raises ``UnprocessableEntity``."""
    try:
        return msgspec.json.decode(body, type=Wanted)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        text = str(error)
        place = _PLACE.search(text)
        where = f"{place[1]}: " if place and place[1] else ""
        raise UnprocessableEntity(f"{where}{_PLACE.sub('', text)}.") from None


def accept(wanted: Wanted, group: Group, source: Source, today: date) -> Accepted:
    """Put the group into the register. Raises ``HTTPException``."""
    if wanted.expires < today:
        raise UnprocessableEntity("expires: that day is over.")
    try:
        register = Register.load(source.register_path)
        entry = _entry(wanted, group, register, today)
        if not entry.covers(group):
            raise UnprocessableEntity("This group has differences of several places.")
        there = register.entry_for(group, today)
        if there is not None and today <= there.expires:
            raise Conflict(f"The register has {there.id!r} for it already.")
    except RegisterError as error:
        raise Conflict(f"The register cannot be used: {error}") from error
    return _written(entry, source)


def _entry(wanted: Wanted, group: Group, register: Register, today: date) -> Entry:
    words = (group.route, group.kind, group.pattern or group.part)
    return Entry(
        id=free_id(register, *words),
        pattern=group.pattern,
        reason=wanted.reason,
        owner=wanted.owner,
        expires=wanted.expires,
        added=today,
        limit=wanted.limit,
        shadow=None if wanted.everywhere else group.shadow,
        route=None if wanted.everywhere else group.route,
        part=group.part,
        kind=group.kind,
    )


def _written(entry: Entry, source: Source) -> Accepted:
    text = entry_text(entry)
    if source.register_path is None:
        return Accepted(entry, text, False, "the settings name no register (compare.known)")
    try:
        add(source.register_path, entry)
    except RegisterError as error:
        return Accepted(entry, text, False, str(error))
    return Accepted(entry, text, True)
