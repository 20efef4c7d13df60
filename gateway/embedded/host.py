"""What has to be said about the server that a mirror finds itself in."""

from __future__ import annotations

import logging
import sys

_log = logging.getLogger(__name__)


def warn_of_host() -> None:
    """Log what would keep copies from being sent, where that can be known."""
    # There only inside of uWSGI, which puts it there before it loads an application.
    uwsgi = sys.modules.get("uwsgi")
    options = getattr(uwsgi, "opt", {})
    if uwsgi is not None and not {"enable-threads", "threads"} & set(options):
        _log.warning(
            "uWSGI lets no thread of an application run by itself: copies are sent only while "
            "requests are answered. Start it with --enable-threads."
        )
