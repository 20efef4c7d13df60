"""The dashboard: is the rewrite right, and where is it not. Pages, and JSON of the same.

In the admin process, far from a request's path: it reads the store and the runtime
folder, and asks no worker. ``asked`` is what a URL asks for, ``source`` where figures come
from, ``overview``, ``differences`` and ``example`` what there is to say; ``api`` says it in
JSON, ``pages`` in HTML. ``accepting`` and ``replaying`` are the two things that it does.
"""
