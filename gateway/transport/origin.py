"""Where an upstream is: its URL, parsed once when settings are read.

Not done here: resolving names, connecting, or joining targets to it by any rule
but concatenation.
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit

from requests.exceptions import InvalidURL

_DEFAULT_PORTS = {"http": 80, "https": 443, "http+unix": 0}
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f]")
# A registered name or IPv4 address; what the resolver is given and Host carries.
_HOST = re.compile(r"[A-Za-z0-9_.\-]+")
# Visible ASCII but "?" and "#": it goes on request lines as it is.
_BASE_PATH = re.compile(r"(?:/[!-\"$->@-~]*)?")


class _Parts(NamedTuple):
    scheme: str
    host: str
    port: int
    base_path: str
    socket_path: str | None
    authority: str
    address: str


class Origin(_Parts):
    """An upstream's address.

    ``base_path``: ``""`` or ``"/prefix"``, put before every target by the caller.
    ``socket_path``: of a Unix socket (``http+unix``), else ``None``.
    ``authority``: what Host would be. ``address``: what one pool connects to.
    """

    __slots__ = ()

    def __new__(
        cls,
        scheme: str,
        host: str,
        port: int,
        base_path: str = "",
        socket_path: str | None = None,
    ) -> Origin:
        """The two that follow from the others are made once, not for every request."""
        name = f"[{host}]" if ":" in host else host
        authority = f"{name}:{port}" if port != _DEFAULT_PORTS[scheme] else name
        place = authority if socket_path is None else quote(socket_path, safe="")
        address = f"{scheme}://{place}"
        return super().__new__(cls, scheme, host, port, base_path, socket_path, authority, address)

    @property
    def url(self) -> str:
        """The URL it was parsed from, in its one canonical form."""
        return self.address + self.base_path

    @property
    def tls(self) -> bool:
        return self.scheme == "https"

    @classmethod
    def parse(cls, url: str) -> Origin:
        """The origin of an upstream's URL; ``InvalidURL`` (a ``ValueError``) if unusable.

        A Unix socket is ``http+unix:///run/app.sock`` or, where a base path
        follows, ``http+unix://%2Frun%2Fapp.sock/base``.
        """
        if _FORBIDDEN.search(url):
            raise InvalidURL(f"{url!r} has a space or control character")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise InvalidURL(f"{url!r}: {error}") from error
        scheme = parts.scheme.lower()
        if scheme not in _DEFAULT_PORTS:
            raise InvalidURL(f"{url!r} must start with http://, https:// or http+unix://")
        if "?" in url or "#" in url or "@" in parts.netloc:
            raise InvalidURL(f"{url!r} must not have a query, fragment or credentials")
        if scheme == "http+unix":
            return cls._unix(url, parts.netloc, parts.path)
        base_path = _base_path(url, parts.path)
        default = _DEFAULT_PORTS[scheme]
        return cls(scheme, _host(url, parts), default if port is None else port, base_path)

    @classmethod
    def _unix(cls, url: str, netloc: str, path: str) -> Origin:
        socket_path = unquote(netloc or path)
        if not socket_path.startswith("/") or "\0" in socket_path:
            raise InvalidURL(f"{url!r} must name the absolute path of a socket")
        base_path = _base_path(url, path) if netloc else ""
        return cls("http+unix", "localhost", 0, base_path, socket_path)


def _base_path(url: str, path: str) -> str:
    if not _BASE_PATH.fullmatch(path):
        raise InvalidURL(f"{url!r}: write non-ASCII characters of the path as %XX")
    return path.rstrip("/")


def _host(url: str, parts: SplitResult) -> str:
    host = parts.hostname
    if not host:
        raise InvalidURL(f"{url!r} has no host")
    # Only newer Pythons refuse brackets around what is no address.
    if ":" in host or "[" in parts.netloc:
        try:
            return ipaddress.IPv6Address(host).compressed
        except ValueError as error:
            raise InvalidURL(f"{url!r}: {error}") from error
    try:
        name = host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise InvalidURL(f"{url!r}: {error}") from error
    if not _HOST.fullmatch(name):
        raise InvalidURL(f"{url!r}: {host!r} is not a host name")
    return name
