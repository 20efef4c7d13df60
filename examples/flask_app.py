"""A Flask application, mirrored: ``app.wsgi_app`` is the place that also test clients go through.

SHADOW=http://127.0.0.1:9002 python examples/flask_app.py 8001
curl -d '{"amount": "12.50"}' -H 'Content-Type: application/json' http://127.0.0.1:8001/invoices
"""

from __future__ import annotations

import os
import sys
from wsgiref.simple_server import make_server

from flask import Flask, Response, request, session

from gateway import MirrorMiddleware

app = Flask(__name__)
app.secret_key = "only an example"


@app.post("/invoices")
def create_invoice():
    session["last"] = request.get_json()["amount"]
    return {"amount": session["last"]}, 201


@app.get("/last")
def last_invoice():
    return {"amount": session.get("last")}


@app.post("/upload")
def upload():
    file = request.files["file"]
    return {"name": file.filename, "size": len(file.read())}


@app.get("/stream")
def stream():
    return Response((f"line {number}\n" for number in range(3)), mimetype="text/plain")


app.wsgi_app = MirrorMiddleware(app.wsgi_app, shadow=os.environ.get("SHADOW"))

if __name__ == "__main__":
    make_server("127.0.0.1", int(sys.argv[1]), app).serve_forever()
