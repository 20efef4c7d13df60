"""All of one process's keeping of verdicts, put together: the store, what it is told, its metrics.

Not imported where nothing is kept: SQLAlchemy is an extra, and no small one.
"""

from __future__ import annotations

import logging
import os
import secrets
import tempfile
from pathlib import Path

from gateway.compare.redaction import Redactor
from gateway.exchange import Exchange
from gateway.metrics import Metrics
from gateway.settings.model import Settings
from gateway.shadow.ledger import Ledger
from gateway.store.store import Plan, Store
from gateway.store.url import absolute

_log = logging.getLogger(__name__)

_KEY_BYTES = 32
# What a stopping worker grants to writing what is left.
_CLOSE_SECONDS = 2.0


class StoreSide:
    """``put`` is for verdicts, ``watch`` for requests of the isolation proof, ``note_request``
    for every request that was answered.

    ``url``: where to; ``shared``: a folder for what the gateway's processes have together.
    """

    def __init__(
        self, settings: Settings, url: str, ledger: Ledger, metrics: Metrics, shared: Path | None
    ) -> None:
        config = settings.store
        self.store = Store(
            absolute(url),
            Plan(
                max_age=config.max_age,
                max_size=config.max_size,
                examples_per_group=config.examples_per_group,
                max_example=config.max_example,
                max_waiting=config.max_waiting,
                max_groups=config.max_groups,
                pairs_per_day=config.pairs_per_day,
            ),
            redactor=Redactor(
                settings.compare,
                redaction_key(shared),
                extra_fields=(settings.authentication.key_field,),
            ),
            ledger=ledger.snapshot,
            failed=metrics.store_failed,
            lost=metrics.store_lost,
        )
        self.put = self.store.put
        self.watch = self.store.note_isolation

    def note_request(self, method: str, exchange: Exchange) -> None:
        """A request was answered; whatever became of its copies."""
        self.store.note_request(method, exchange.route, exchange.status)

    def start(self) -> None:
        """Start the store, in the process that has the requests."""
        self.store.start()

    def close(self) -> None:
        """Write what there is, for a bounded time."""
        if not self.store.close(_CLOSE_SECONDS):
            _log.warning("Comparison figures could not be written in time: %r", self.store)

    def __repr__(self) -> str:
        return f"<StoreSide {self.store!r}>"


def redaction_key(shared: Path | None) -> bytes:
    """The key of digests that stand for redacted values: the same in all workers of a gateway.

    It is never kept with the figures, and is another one the next time: whoever has the
    store cannot find out by trying what a digest stands for.
    """
    if shared is None:
        return secrets.token_bytes(_KEY_BYTES)
    path = shared / "redaction.key"
    shared.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, own = tempfile.mkstemp(dir=shared, prefix=".redaction.")  # its owner's alone
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(_KEY_BYTES))
    try:
        os.link(own, path)  # whoever reads it reads all of it
    except FileExistsError:
        pass  # another worker was first
    finally:
        os.unlink(own)
    return path.read_bytes()
