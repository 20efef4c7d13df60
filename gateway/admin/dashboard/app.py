"""The dashboard as a part of the admin application: its routes, and what its errors become."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from werkzeug.exceptions import Conflict, HTTPException, NotFound, ServiceUnavailable
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from gateway.admin.answers import problem
from gateway.admin.dashboard.api import Api, Now
from gateway.admin.dashboard.pages import Pages
from gateway.admin.dashboard.source import Source, Unavailable
from gateway.admin.dashboard.statics import Statics
from gateway.known.register import RegisterError
from gateway.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

ROUTES = Map(
    [
        Rule("/", endpoint="pages.overview", methods=["GET"]),
        Rule("/groups", endpoint="pages.groups", methods=["GET"]),
        Rule("/groups/<group>", endpoint="pages.group", methods=["GET"]),
        Rule("/known", endpoint="pages.known", methods=["GET"]),
        Rule("/static/<name>", endpoint="static", methods=["GET"]),
        Rule("/api/summary", endpoint="api.summary", methods=["GET"]),
        Rule("/api/series", endpoint="api.series", methods=["GET"]),
        Rule("/api/exchanges", endpoint="api.exchanges", methods=["GET"]),
        Rule("/api/coverage", endpoint="api.coverage", methods=["GET"]),
        Rule("/api/filters", endpoint="api.filters", methods=["GET"]),
        Rule("/api/groups", endpoint="api.groups", methods=["GET"]),
        Rule("/api/groups/<group>", endpoint="api.group", methods=["GET"]),
        Rule("/api/groups/<group>", endpoint="api.set_state", methods=["POST"]),
        Rule("/api/examples/<int:number>", endpoint="api.example", methods=["GET"]),
        Rule("/api/examples/<int:number>/har", endpoint="api.har", methods=["GET"]),
        Rule("/api/examples/<int:number>/curl", endpoint="api.curl", methods=["GET"]),
        Rule("/api/examples/<int:number>/replay", endpoint="api.replay", methods=["POST"]),
        Rule("/api/known", endpoint="api.known", methods=["GET"]),
        Rule("/api/known", endpoint="api.accept", methods=["POST"]),
    ]
)


class Dashboard:
    """``now``: how live, the workers and the shadows of the settings are.

    Threads: any may call; what it is made of says what may wait.
    """

    def __init__(self, settings: Settings, now: Now, source: Source | None = None) -> None:
        self.source = source or Source(settings)
        self._api = Api(settings, self.source, now)
        self._statics = Statics()
        self._pages = Pages(settings, self.source, self._api, self._statics)

    def answer(self, environ: WSGIEnvironment, request: Request) -> Response:
        """Raises ``HTTPException`` where it has no such page, or not for this method."""
        try:
            endpoint, values = ROUTES.bind_to_environ(environ).match()
        except NotFound as error:
            # What takes anything is a program.
            if "text/html" not in request.headers.get("Accept", ""):
                raise
            error.description = "The dashboard has no such page."
            return self._pages.error(error)
        part, _, name = endpoint.partition(".")
        if part == "static":
            return self._statics.answer(values["name"])
        of = self._pages if part == "pages" else self._api
        handler: Callable[..., Response] = getattr(of, name)
        try:
            return handler(request, **values)
        except HTTPException as error:
            return self._pages.error(error) if part == "pages" else problem(error)
        except Unavailable as why:
            return problem(ServiceUnavailable(why.text), reason=why.word)
        except RegisterError as error:
            return problem(Conflict(str(error)))

    def close(self) -> None:
        """Leave no connection behind."""
        self._api.replayer.close()
        self.source.close()

    def __repr__(self) -> str:
        return f"<Dashboard of {self.source!r}>"
