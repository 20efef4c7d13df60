"""The settings file that ``gateway run`` gives to gunicorn."""

from gateway.server.conf import configure

globals().update(configure())
