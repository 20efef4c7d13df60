"""A bare PEP 3333 application from before frameworks, mirrored by one line.

SHADOW=http://127.0.0.1:9002 python examples/bare.py 8001
curl -d amount=12.50 http://127.0.0.1:8001/invoices
"""

from __future__ import annotations

import os
import sys
from urllib.parse import parse_qs
from wsgiref.simple_server import make_server

from gateway import MirrorMiddleware


def application(environ, start_response):
    if environ["REQUEST_METHOD"] == "POST":
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        amount = parse_qs(body.decode()).get("amount", ["0"])[0]
        start_response("201 Created", [("Content-Type", "text/plain")])
        return [b"invoiced ", amount.encode()]
    if environ["PATH_INFO"] == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (b"line %d\n" % number for number in range(3))
    if environ["PATH_INFO"] == "/file":
        wrap = environ.get("wsgi.file_wrapper", lambda file: iter(lambda: file.read(8192), b""))
        start_response("200 OK", [("Content-Type", "text/x-python")])
        return wrap(open(__file__, "rb"))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"invoices"]


application = MirrorMiddleware(application, shadow=os.environ.get("SHADOW"))

if __name__ == "__main__":
    make_server("127.0.0.1", int(sys.argv[1]), application).serve_forever()
