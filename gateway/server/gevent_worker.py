"""gunicorn's gevent worker with exact answers. Needs gevent, which the core does not."""

from __future__ import annotations

from typing import Any

from gunicorn.workers.ggevent import GeventWorker  # type: ignore[import-untyped]

from .application import ApplicationCall
from .ending import Ending, reset_on_close
from .outbox import DirectSink


class GatewayGeventWorker(GeventWorker):  # type: ignore[misc]
    """Threads: none; one greenlet per connection."""

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> bool:
        """Answer one request; ``StopIteration`` is how gunicorn's loop learns of a close."""
        call = ApplicationCall(self, self.cfg, req, DirectSink(sock))
        # gunicorn reads a list of connection options more strictly than we do, and closes.
        keep = not req.should_close()
        ending = call.run(addr, listener_name, {"gunicorn.socket": sock}, keep=keep)
        if ending is Ending.RESET:
            reset_on_close(sock)
        if ending is not Ending.KEEP:
            raise StopIteration
        return True
