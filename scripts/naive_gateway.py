"""The obvious glue: what most people write first, kept only to be measured against.

    LIVE=http://… SHADOW=http://… gunicorn naive_gateway:application -k gthread --threads 64

The listed packages put together as their manuals suggest, with what they do by
default: shared sessions, a thread pool that takes every copy, a Response. Do not
use it: nothing here is bounded, and the headers are not what was received.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import requests
from werkzeug.wrappers import Request, Response

LIVE, SHADOW = os.environ["LIVE"], os.environ.get("SHADOW", "")
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "trailer"}

live, shadow = requests.Session(), requests.Session()
for session in (live, shadow):
    session.mount("http://", requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=64))
pool = ThreadPoolExecutor(32)


def send(session: requests.Session, base: str, request: Request, body: bytes) -> requests.Response:
    headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP}
    return session.request(
        request.method,
        base + request.full_path,
        headers=headers,
        data=body,
        timeout=10,
        allow_redirects=False,
    )


@Request.application
def application(request: Request) -> Response:
    body = request.get_data()
    if SHADOW:
        pool.submit(send, shadow, SHADOW, request, body)
    answer = send(live, LIVE, request, body)
    headers = [(k, v) for k, v in answer.headers.items() if k.lower() not in HOP_BY_HOP]
    return Response(answer.content, answer.status_code, headers)
