"""Middlewares: one file each, each usable around any WSGI application."""
