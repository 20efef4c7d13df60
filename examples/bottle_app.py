"""A Bottle application, mirrored.

SHADOW=http://127.0.0.1:9002 python examples/bottle_app.py 8001
curl -d amount=12.50 http://127.0.0.1:8001/invoices
"""

from __future__ import annotations

import os
import sys
from wsgiref.simple_server import make_server

from bottle import Bottle, request, response

from gateway import MirrorMiddleware

app = Bottle()


@app.post("/invoices")
def create_invoice():
    response.status = 201
    return {"amount": request.forms.get("amount")}


@app.get("/stream")
def stream():
    response.content_type = "text/plain"
    for number in range(3):
        yield f"line {number}\n"


application = MirrorMiddleware(app, shadow=os.environ.get("SHADOW"))

if __name__ == "__main__":
    make_server("127.0.0.1", int(sys.argv[1]), application).serve_forever()
