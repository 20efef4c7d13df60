"""What can be wrong with a store, in words for a person. A leaf."""

from __future__ import annotations

from gateway.errors import GatewayError


class StoreError(GatewayError):
    """The store cannot be used now."""


class StoreMissing(StoreError):
    """Nothing was ever kept there."""


class StoreTooNew(StoreError):
    """A newer version of Gateway has changed its tables."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f"a newer Gateway made it (schema {found}, this one knows {known}): "
            "use that one, or another store"
        )
