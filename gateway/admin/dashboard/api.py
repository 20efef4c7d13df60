"""The JSON API under ``/api/``: all that pages show, and what they do. See docs/api-http.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec
from werkzeug.exceptions import Conflict, NotFound, UnprocessableEntity
from werkzeug.wrappers import Request, Response

from gateway.admin.answers import json_answer, require_json
from gateway.admin.dashboard.accepting import accept, wanted_from
from gateway.admin.dashboard.asked import Asked, integer, one_of
from gateway.admin.dashboard.differences import ORDERS, SHOWS, Causes, Listed, listed, shown
from gateway.admin.dashboard.documents import example_document, replayed_document
from gateway.admin.dashboard.overview import Overview, overview
from gateway.admin.dashboard.replaying import NoSuchShadow, Replayer
from gateway.admin.dashboard.series import series
from gateway.admin.dashboard.source import Source
from gateway.admin.dashboard.troubles import Moment, Trouble, troubles
from gateway.compare.verdict import Count, Verdict
from gateway.known.register import RegisterError
from gateway.known.standing import Standing, today_of
from gateway.settings import Settings
from gateway.store.grouping import keys_of
from gateway.store.values import Example, Group
from gateway.traffic.curl import as_curl
from gateway.traffic.har import document, entry
from gateway.traffic.recorded import Recorded

if TYPE_CHECKING:
    from gateway.store.reader import Reader

MOST_GROUPS = 500
Now = Callable[[], Moment]


class _State(msgspec.Struct, forbid_unknown_fields=True):
    state: str


class Api:
    """One gateway's. ``now``: how it, live and the shadows are.

    Threads: any may call. Each call may wait for the store, or for an upstream.
    """

    def __init__(self, settings: Settings, source: Source, now: Now) -> None:
        self._settings = settings
        self._source = source
        self._now = now
        self.replayer = Replayer(settings)
        self.causes = Causes(source.clock)

    # -- what is asked -------------------------------------------------------------------

    def overview(self, asked: Asked) -> Overview:
        """All at a glance, for a page too."""
        now, moment = self._source.clock(), self._now()
        standing = self._source.standing_or_none()[0]
        with self._source.reading() as reader:
            where = asked.where(now)
            return overview(reader, where, standing, moment, self.causes, now)

    def moment(self) -> tuple[Moment, list[Trouble]]:
        """How things are while there are no figures."""
        moment = self._now()
        return moment, troubles(moment, [])

    def summary(self, request: Request) -> Response:
        """The verdict of the moment."""
        return json_answer(self.overview(Asked.of(request.args)))

    def series(self, request: Request) -> Response:
        """Figures over time."""
        asked, now = Asked.of(request.args), self._source.clock()
        step = integer(request.args, "step", 0, 60, 7 * 86400)
        with self._source.reading() as reader:
            return json_answer(series(reader, asked.where(now), now, step or None))

    def exchanges(self, request: Request) -> Response:
        """How many exchanges had which verdict, by shadow, route and reason."""
        where = Asked.of(request.args).where(self._source.clock())
        with self._source.reading() as reader:
            return json_answer({"exchanges": reader.verdicts(where)})

    def coverage(self, request: Request) -> Response:
        """What clients asked, and how much of it was compared."""
        where = Asked.of(request.args).where(self._source.clock())
        with self._source.reading() as reader:
            return json_answer({"coverage": reader.coverage(where)})

    def filters(self, request: Request) -> Response:
        """What can be filtered by."""
        with self._source.reading() as reader:
            return json_answer(self.choices(reader, Asked.of(request.args)))

    def choices(self, reader: Reader, asked: Asked) -> dict[str, list[str]]:
        """The same for a page."""
        where = asked.where(self._source.clock())
        configured = [shadow.name for shadow in self._settings.shadows]
        return {
            "shadows": list(dict.fromkeys([*configured, *reader.shadows()])),
            "routes": reader.routes(where),
            "verdicts": [verdict.value for verdict in Verdict],
            "counts": [count.value for count in Count],
        }

    # -- differences ---------------------------------------------------------------------

    def listed(
        self, reader: Reader, request: Request, standing: Standing
    ) -> dict[str, list[Listed]]:
        """The groups that a URL asks for, all of them, by what can be shown."""
        asked = Asked.of(request.args)
        order = one_of(request.args, "order", ORDERS)
        every = listed(reader, asked.where(self._source.clock()), standing)
        first = self.causes.first(reader, shown(every, "unexpected"), standing)
        lists: dict[str, list[Listed]] = {show: shown(every, show) for show in SHOWS}
        lists["unexpected"] = first
        if order != "count":
            for each in lists.values():
                each.sort(key=lambda one: -getattr(one.group, order))
        return lists

    def groups(self, request: Request) -> Response:
        """Groups of differences."""
        show = one_of(request.args, "show", SHOWS)
        limit = integer(request.args, "limit", 50, 1, MOST_GROUPS)
        offset = integer(request.args, "offset", 0, 0, 10**9)
        standing = self._source.standing()
        with self._source.reading() as reader:
            found = self.listed(reader, request, standing)[show]
        return json_answer({"total": len(found), "groups": found[offset : offset + limit]})

    def found(self, reader: Reader, group: str, asked: Asked) -> Group:
        """A group by its id or the beginning of it. Raises ``NotFound``."""
        known = reader.group(group, asked.where(self._source.clock()))
        if known is None:
            raise NotFound("There is no such group, or its id begins like that of another.")
        return known

    def group(self, request: Request, group: str) -> Response:
        """One group, with its kept examples."""
        asked, standing = Asked.of(request.args), self._source.standing()
        with self._source.reading() as reader:
            known = Listed.of(self.found(reader, group, asked), standing)
            return json_answer(
                {**msgspec.to_builtins(known), "examples": reader.examples(known.group.id)}
            )

    def set_state(self, request: Request, group: str) -> Response:
        """Close a group, or open it again."""
        require_json(request)
        try:
            wanted = msgspec.json.decode(request.get_data(), type=_State).state
        except (msgspec.MsgspecError, RecursionError):
            wanted = ""
        with self._source.reading() as reader:
            changes = {"closed": reader.close_group, "open": reader.reopen_group}
            if wanted not in changes:
                raise UnprocessableEntity('Send {"state": "closed"} or {"state": "open"}.')
            known = self.found(reader, group, Asked())
            changes[wanted](known.id)
            return json_answer(reader.group(known.id))

    # -- examples ------------------------------------------------------------------------

    def kept(self, number: int) -> Example:
        """Raises ``NotFound``."""
        with self._source.reading() as reader:
            example = reader.example(number) if number < 2**63 else None
        if example is None:
            raise NotFound("There is no such example; only a few of each group are kept.")
        return example

    def example(self, request: Request, number: int) -> Response:
        """One exchange in full, redacted."""
        return json_answer(example_document(self.kept(number)))

    def har(self, request: Request, number: int) -> Response:
        """The same as HAR 1.2: an entry for each side."""
        judged = self.kept(number).judged
        sides = [("live", judged.live), (f"shadow {judged.shadow}", judged.answer)]
        entries = [
            entry(Recorded(judged.request, answer, judged.at, judged.route), name)
            for name, answer in sides
        ]
        response = Response(document(entries), content_type="application/json")
        response.headers["Content-Disposition"] = f'attachment; filename="example-{number}.har"'
        return response

    def curl(self, request: Request, number: int) -> Response:
        """A command that sends the request to the shadow."""
        text = self.curl_text(self.kept(number))
        return Response(text + "\n", content_type="text/plain; charset=utf-8")

    def curl_text(self, example: Example) -> str:
        """The same for a page."""
        judged = example.judged
        urls = {shadow.name: shadow.url for shadow in self._settings.shadows}
        return as_curl(judged.request, urls.get(judged.shadow, self._settings.live.url))

    def replay(self, request: Request, number: int) -> Response:
        """Send it to its shadow once more."""
        require_json(request)
        example = self.kept(number)
        try:
            replayed = self.replayer.replay(example.judged)
        except NoSuchShadow as error:
            raise Conflict(f"The settings have no shadow {error} any more.") from None
        judged = replayed.judged
        keys = keys_of(judged.shadow, judged.route or "default", judged.comparison)
        groups = [key.id for key in keys]
        return json_answer(replayed_document(replayed, groups, example.head.group))

    # -- the register ---------------------------------------------------------------------

    def known(self, request: Request) -> Response:
        """The register of known differences, and what its entries are worth."""
        try:
            standing = self._source.standing()
        except RegisterError as error:
            raise Conflict(str(error)) from error
        path = self._source.register_path
        return json_answer(
            {"file": str(path) if path else None, "entries": list(map(_told, standing.entries))}
        )

    def accept(self, request: Request) -> Response:
        """Put a group into the register."""
        require_json(request)
        wanted = wanted_from(request.get_data())
        with self._source.reading() as reader:
            group = self.found(reader, wanted.group, Asked())
        accepted = accept(wanted, group, self._source, self._today())
        return json_answer(accepted, 201 if accepted.written else 202)

    def _today(self) -> date:
        return today_of(self._source.clock())

    def __repr__(self) -> str:
        return f"<Api of {self._source!r}>"


def _told(assessed: Any) -> Mapping[str, Any]:
    """An entry with its figures, in one object."""
    plain: dict[str, Any] = msgspec.to_builtins(assessed)
    entry_fields = plain.pop("entry")
    return {**entry_fields, **plain}
