"""A Django application in one file (CSRF, uploads, a streamed answer), mirrored in its wsgi.py.

SHADOW=http://127.0.0.1:9002 python examples/django_app.py 8001
curl http://127.0.0.1:8001/form
"""

from __future__ import annotations

import os
import sys
from wsgiref.simple_server import make_server

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.urls import path

from gateway import MirrorMiddleware

settings.configure(
    ALLOWED_HOSTS=["*"],
    DEBUG=False,
    MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="only an example",
    # The one line when Django itself makes the application, as runserver and its test
    # client do: WSGI_APPLICATION = "yourproject.wsgi.application", and there the mirror.
    WSGI_APPLICATION=f"{__name__}.application",
)


def form(request):
    return HttpResponse(get_token(request), content_type="text/plain")


def upload(request):
    file = request.FILES["file"]
    return JsonResponse(
        {"name": file.name, "size": file.size, "note": request.POST.get("note", "")}
    )


def stream(request):
    return StreamingHttpResponse(
        (f"line {number}\n" for number in range(3)), content_type="text/plain"
    )


def source(request):
    return FileResponse(open(__file__, "rb"), filename="django_app.py")


urlpatterns = [
    path("form", form),
    path("upload", upload),
    path("stream", stream),
    path("source", source),
]

django.setup()
application = MirrorMiddleware(get_wsgi_application(), shadow=os.environ.get("SHADOW"))

if __name__ == "__main__":
    make_server("127.0.0.1", int(sys.argv[1]), application).serve_forever()
