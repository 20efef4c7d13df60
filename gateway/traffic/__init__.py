"""Live traffic kept in files, and sent again: record, replay, and the formats of others.

``recorded`` is the word everything here speaks: one exchange with live, by value.
``archive`` writes and ``reading`` reads the files; ``har`` speaks HAR 1.2; ``curl`` and
``pytest_case`` turn one exchange into something to run. ``recorder`` stands beside a
request's path, ``replay`` far from it, in a process of its own.
"""
