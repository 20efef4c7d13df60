"""Keeps other sites' pages, in an operator's browser, away from the admin listener.

A page can send requests to any address the browser reaches, and by DNS
rebinding it can even be "the same site" as an address on loopback. Browsers
say where a request comes from (``Origin``, ``Sec-Fetch-Site``), but not always: to
addresses without TLS the latter only on loopback, and a page's own GETs have no
``Origin``. A rebound name stays in ``Host``, whatever else is sent.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from werkzeug.exceptions import Forbidden


def refuse_foreign_pages(environ: Mapping[str, Any], admin: str, *, any_name: bool = False) -> None:
    """Raise ``Forbidden`` for a request that a page of another site made.

    ``admin``: the address of the listener in the settings. ``any_name``: whatever the
    listener is called by, since more than being able to reach it is asked for.
    """
    origin, site = environ.get("HTTP_ORIGIN"), environ.get("HTTP_SEC_FETCH_SITE")
    host = environ.get("HTTP_HOST", "")
    if site not in {None, "same-origin", "none"}:
        raise Forbidden("Another site's page asked for this.")
    if origin is not None and origin.partition("://")[2] != host:
        raise Forbidden("Another site's page asked for this.")
    if not any_name and not _is_ours(host, admin):
        raise Forbidden(f"Open this page by address or as {admin}, not as {host!r}.")


def _is_ours(host: str, admin: str) -> bool:
    """Whether a Host is the configured one, localhost or a literal address.

    A name that was rebound to our address is none of these.
    """
    if host == admin:
        return True
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    if name == "localhost":
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
