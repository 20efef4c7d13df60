"""Changing the header fields of a request for everybody who sees it from here on.

Fields are in three places: ``environ``, the list that Gateway's own worker keeps beside
it (order, repeats), and the request that was made of both. What is taken out of one and
left in another would reach an upstream after all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from gateway.headers import Field, environ_name, received_fields, without_options
from gateway.request import BufferedRequest

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class FieldChange:
    """Fields that nobody who sees a request after this gets from its client.

    Everybody: the middlewares and applications that read ``environ``, and the
    upstreams, live and shadows alike. With a name go all its spellings: CGI and
    WSGI make the same variable of ``X-User`` and ``X_User``, and so may upstreams.
    Not for Content-Type and Content-Length.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._variables = {_plain(name): environ_name(name) for name in names}

    def apply(self, environ: WSGIEnvironment, instead: Sequence[Field] = ()) -> None:
        """Remove the fields, and put ``instead`` in their place, whose names are theirs."""
        if not instead and not any(name in environ for name in self._variables.values()):
            return
        self._apply(environ, instead)
        request = BufferedRequest.known(environ)
        if request is not None:
            self._apply(request.environ, instead)
            request.fields = received_fields(request.environ)

    def _apply(self, environ: WSGIEnvironment, instead: Sequence[Field]) -> None:
        variables = self._variables
        for variable in variables.values():
            environ.pop(variable, None)
        for name, value in instead:
            environ[environ_name(name)] = value
        kept = environ.get("gateway.fields")
        if kept is not None:
            others = [field for field in kept if _plain(field[0]) not in variables]
            environ["gateway.fields"] = others + list(instead)
        if instead and "HTTP_CONNECTION" in environ:
            _keep_on_the_way(environ, {name.lower() for name, _ in instead})

    def __repr__(self) -> str:
        return f"<FieldChange {', '.join(self._variables)}>"


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def _keep_on_the_way(environ: WSGIEnvironment, names: Collection[str]) -> None:
    """A client could have it stripped before the upstream by naming it in Connection."""
    sent = environ["HTTP_CONNECTION"]
    environ["HTTP_CONNECTION"] = without_options(sent, names)
    kept = environ.get("gateway.fields")
    if kept is not None and environ["HTTP_CONNECTION"] != sent:
        environ["gateway.fields"] = [
            (name, without_options(value, names) if name.lower() == "connection" else value)
            for name, value in kept
        ]
