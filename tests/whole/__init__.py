"""Tests of the whole gateway: real gunicorn, real upstreams, raw sockets on both sides."""
