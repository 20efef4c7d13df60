"""A strangler fig: one prefix of an old application is answered by the new service.

Everything under /billing goes to the new service with its whole path, and is mirrored
to the one after that; the rest of the old application does not notice.

    LIVE=http://127.0.0.1:9001 SHADOW=http://127.0.0.1:9002 python examples/strangler.py 8001
    curl http://127.0.0.1:8001/billing/invoices
"""

from __future__ import annotations

import os
import sys
from wsgiref.simple_server import make_server

from werkzeug.middleware.dispatcher import DispatcherMiddleware

from gateway import Gateway


def old_application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"the old application"]


billing = Gateway(live=os.environ["LIVE"], shadows=os.environ.get("SHADOW", "").split())
application = DispatcherMiddleware(old_application, {"/billing": billing})

if __name__ == "__main__":
    make_server("127.0.0.1", int(sys.argv[1]), application).serve_forever()
