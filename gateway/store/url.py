"""The URL of a store: what it may be, and what is shown of it.

A leaf without SQLAlchemy, which is an extra: it can say that it is missing.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from urllib.parse import urlsplit

SQLITE, POSTGRESQL = "sqlite:///", "postgresql://"


def is_sqlite(url: str) -> bool:
    """A file, as against a server."""
    return url.startswith("sqlite:")


def path_of(url: str) -> str:
    """The file of a SQLite store."""
    return url.removeprefix(SQLITE)


def absolute(url: str) -> str:
    """The same store, whatever folder becomes the current one later."""
    return SQLITE + os.path.abspath(path_of(url)) if is_sqlite(url) else url


def shown(url: str) -> str:
    """The URL without its password, for logs and pages."""
    if is_sqlite(url):
        return url
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    # What follows ? can hold a password too.
    return f"{parts.scheme}://{user.partition(':')[0]}{at}{host}{parts.path}"


def missing_packages(url: str) -> str | None:
    """What to install before this URL can be used; None if all is there."""
    if find_spec("sqlalchemy") is None:
        extra = "store" if is_sqlite(url) else "store,postgresql"
        return f"pip install 'gateway[{extra}]'"
    if not is_sqlite(url) and find_spec("psycopg") is None:
        return "pip install 'gateway[postgresql]'"
    return None
