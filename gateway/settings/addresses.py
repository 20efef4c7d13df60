"""Settings of address lists."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from gateway.settings.types import Model, Network


class Addresses(Model, frozen=True):
    """From where clients may come. A route's own lists go in place of the general ones.

    The client is who the trusted proxies say, see `request.trusted_proxies`.
    """

    allow: Annotated[
        tuple[Network, ...], Meta(description="networks that may come in; all when empty")
    ] = ()
    deny: Annotated[
        tuple[Network, ...], Meta(description="networks that may not, also where they are allowed")
    ] = ()
