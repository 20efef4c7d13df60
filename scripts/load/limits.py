"""The process's limit on open descriptors, as far up as it may go."""

from __future__ import annotations

import resource


def raise_descriptor_limit(wanted: int = 16384) -> int:
    """Raise the soft limit towards ``wanted``; return what is in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    reachable = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < reachable:
        resource.setrlimit(resource.RLIMIT_NOFILE, (reachable, hard))
        soft = reachable
    return soft
