"""A Pyramid application, mirrored.

SHADOW=http://127.0.0.1:9002 python examples/pyramid_app.py 8001
curl -d amount=12.50 http://127.0.0.1:8001/invoices
"""

from __future__ import annotations

import os
import sys
from wsgiref.simple_server import make_server

from pyramid.config import Configurator
from pyramid.response import Response

from gateway import MirrorMiddleware


def create_invoice(request):
    return Response(json_body={"amount": request.POST["amount"]}, status=201)


def stream(request):
    lines = (b"line %d\n" % number for number in range(3))
    return Response(app_iter=lines, content_type="text/plain")


with Configurator() as config:
    config.add_route("invoices", "/invoices", request_method="POST")
    config.add_view(create_invoice, route_name="invoices")
    config.add_route("stream", "/stream")
    config.add_view(stream, route_name="stream")
    application = config.make_wsgi_app()

application = MirrorMiddleware(application, shadow=os.environ.get("SHADOW"))

if __name__ == "__main__":
    make_server("127.0.0.1", int(sys.argv[1]), application).serve_forever()
