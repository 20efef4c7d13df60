"""gunicorn -c gunicorn.conf.py gateway.wsgi:application

Settings come from GATEWAY_CONFIG (a TOML file) or GATEWAY_LIVE, GATEWAY_SHADOW,
…; `gateway run` uses the same. Anything set below this line wins.
"""

from gateway.server.conf import configure

globals().update(configure())
