"""The pages: HTML made on the server, whole without a script, and alive with one.

Escaping is Jinja's, always on; nothing here or in a template marks anything as safe.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from gateway._version import __version__
from gateway.admin.dashboard import words
from gateway.admin.dashboard.api import Api
from gateway.admin.dashboard.asked import SPANS, Asked, integer, one_of
from gateway.admin.dashboard.differences import ORDERS, SHOWS, Listed
from gateway.admin.dashboard.example import pair_of, request_body
from gateway.admin.dashboard.source import Source, Unavailable
from gateway.admin.dashboard.statics import Statics
from gateway.known.standing import today_of
from gateway.report.texts import money
from gateway.settings import Settings
from gateway.store.values import Example, ExampleHead, Group

_EACH_PAGE = 50
# An entry that nobody thought about ends by itself.
_EXPIRES = timedelta(days=90)
_SHOW_WORDS = {
    "unexpected": "Unexpected",
    "expected": "Expected",
    "closed": "Closed",
    "all": "All",
}
_ORDER_WORDS = {"count": "most frequent", "last_seen": "last seen", "first_seen": "newest"}


class Part(NamedTuple):
    """One part of a bar, in percent of its width."""

    name: str
    start: float
    width: float


def parts(numbers: Iterable[tuple[str, float]]) -> list[Part]:
    """A bar of several parts, none of them too thin to be seen."""
    given = [(name, number) for name, number in numbers if number]
    whole = sum(number for _, number in given)
    wide = [(name, max(0.6, 100 * number / whole)) for name, number in given]
    scale = 100 / (sum(width for _, width in wide) or 1)
    found, start = [], 0.0
    for name, width in wide:
        found.append(Part(name, round(start, 3), round(width * scale, 3)))
        start += width * scale
    return found


def _ids(groups: Iterable[Group]) -> set[str]:
    return {group.id for group in groups}


class Pages:
    """Threads: any may call; each page may wait for the store."""

    def __init__(self, settings: Settings, source: Source, api: Api, statics: Statics) -> None:
        self._settings = settings
        self._source = source
        self._api = api
        self._environment = environment = Environment(
            loader=PackageLoader("gateway.admin.dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        named = ("said", "number", "percent", "duration", "rate", "size", "moment", "iso", "ago")
        environment.filters.update({name: getattr(words, name) for name in named})
        environment.filters["money"] = money
        environment.globals.update(
            static=statics.url,
            parts=parts,
            verdict_words=words.VERDICTS,
            count_words=words.COUNTS,
            version=__version__,
        )

    # -- pages -----------------------------------------------------------------------------

    def overview(self, request: Request) -> Response:
        """The verdict of the moment."""
        asked = Asked.of(request.args)
        try:
            found = self._api.overview(asked)
        except Unavailable as why:
            return self._without(asked, "overview", why)
        if found.summary.first_at is None and not self._settings.shadows:
            return self._without(asked, "overview", _NO_SHADOW)
        return self._page("overview.html", asked, "overview", found=found, no_shadow=self._alone)

    @property
    def _alone(self) -> bool:
        return not self._settings.shadows

    def groups(self, request: Request) -> Response:
        """Groups of differences."""
        asked = Asked.of(request.args)
        show = one_of(request.args, "show", SHOWS)
        order = one_of(request.args, "order", ORDERS)
        offset = integer(request.args, "offset", 0, 0, 10**6)
        standing, problem = self._source.standing_or_none()
        try:
            with self._source.reading() as reader:
                lists = self._api.listed(reader, request, standing)
        except Unavailable as why:
            return self._without(asked, "groups", why)
        found = lists[show]
        return self._page(
            "groups.html",
            asked,
            "groups",
            found=found[offset : offset + _EACH_PAGE],
            total=len(found),
            numbers={each: len(lists[each]) for each in SHOWS},
            show=show,
            order=order,
            offset=offset,
            each=_EACH_PAGE,
            shows=_SHOW_WORDS,
            orders=_ORDER_WORDS,
            problem=problem,
        )

    def group(self, request: Request, group: str) -> Response:
        """One group, with one of its examples."""
        asked = Asked.of(request.args)
        wanted = integer(request.args, "example", 0, 0, 10**9)
        standing, problem = self._source.standing_or_none()
        try:
            with self._source.reading() as reader:
                known = self._api.found(reader, group, asked)
                first = self._api.listed(reader, request, standing)["unexpected"]
                heads = reader.examples(known.id)
                example = self._chosen(heads, wanted)
        except Unavailable as why:
            return self._without(asked, "groups", why)
        return self._page(
            "group.html",
            asked,
            "groups",
            one=next(
                (each for each in first if each.group.id == known.id), Listed.of(known, standing)
            ),
            cause=next((each for each in first if known.id in _ids(each.follows)), None),
            heads=heads,
            problem=problem,
            register=self._source.register_path,
            **self._example(example, known),
            **self._offer(known),
        )

    def _chosen(self, heads: list[ExampleHead], wanted: int) -> Example | None:
        numbers = [head.id for head in heads]
        if not numbers:
            return None
        return self._api.kept(wanted if wanted in numbers else numbers[0])

    def _example(self, example: Example | None, group: Group) -> dict[str, Any]:
        if example is None:
            return {"example": None}
        request = example.judged.request
        return {
            "example": example,
            "pair": pair_of(example.judged, (group.part, group.kind, group.pattern)),
            "body": request_body(request.body, request.fields),
            "curl": self._api.curl_text(example),
            "has_shadow": any(s.name == example.judged.shadow for s in self._settings.shadows),
        }

    def _offer(self, group: Group) -> dict[str, Any]:
        today = today_of(self._source.clock())
        return {"today": today, "expires": today + _EXPIRES, "title": words.said(group).text}

    def known(self, request: Request) -> Response:
        """The register of known differences."""
        asked = Asked.of(request.args)
        standing, problem = self._source.standing_or_none()
        path = self._source.register_path
        return self._page(
            "known.html", asked, "known", standing=standing, problem=problem, register=path
        )

    # -- what pages share --------------------------------------------------------------------

    def error(self, error: HTTPException) -> Response:
        """What is wrong with what was asked, for a person."""
        response = self._page("error.html", Asked(), "", error=error)
        response.status_code = error.code or 500
        return response

    def _without(self, asked: Asked, page: str, why: Unavailable) -> Response:
        """A page while there are no figures."""
        moment, troubles = self._api.moment()
        shadows = [] if page != "overview" else moment.shadows
        return self._page(
            "unavailable.html", asked, page, why=why, shadows=shadows, troubles=troubles
        )

    def _page(self, template: str, asked: Asked, page: str, **more: Any) -> Response:
        values: Mapping[str, Any] = {
            "asked": asked,
            "page": page,
            "now": self._source.clock(),
            "spans": SPANS,
            "choices": self._choices(asked),
            **more,
        }
        text = self._environment.get_template(template).render(values)
        # Texts may have lone surrogates: JSON can spell them, UTF-8 cannot.
        data = text.encode(errors="replace")
        return Response(data, content_type="text/html; charset=utf-8")

    def _choices(self, asked: Asked) -> Mapping[str, list[str]]:
        try:
            with self._source.reading() as reader:
                found = self._api.choices(reader, asked)
        except Unavailable:
            found = {"shadows": [s.name for s in self._settings.shadows], "routes": []}
        for name, value in (("shadows", asked.shadow), ("routes", asked.route)):
            if value and value not in found[name]:
                found[name].append(value)
        return found

    def __repr__(self) -> str:
        return f"<Pages of {self._source!r}>"


_NO_SHADOW = Unavailable(
    "no_shadow", "No shadow is configured: nothing is mirrored, and nothing compared."
)
