"""A legacy application that answers with ``write()``, as CGI scripts turned WSGI do.

SHADOW=http://127.0.0.1:9002 python examples/legacy_write.py 8001
curl http://127.0.0.1:8001/report
"""

from __future__ import annotations

import os
import sys
from wsgiref.simple_server import make_server

from gateway import MirrorMiddleware


def application(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    try:
        write(b"account;amount\n")
        left = int(environ.get("CONTENT_LENGTH") or 0)
        while left:
            line = environ["wsgi.input"].readline(left)
            left -= len(line)
            write(line.strip() + b";0.00\n")
        if environ["PATH_INFO"] == "/broken":
            raise ValueError("no such report")
    except ValueError:
        # Too late for another status: the server knows, and raises it again (PEP 3333).
        start_response("500 Oops", [("Content-Type", "text/plain")], sys.exc_info())
    return [b"end\n"]


application = MirrorMiddleware(application, shadow=os.environ.get("SHADOW"))

if __name__ == "__main__":
    make_server("127.0.0.1", int(sys.argv[1]), application).serve_forever()
