"""Where verdicts are kept: counts for good, a few examples, for as long as the settings say.

``put`` adds an exchange to counts in memory and goes; a thread of its own writes what
has gathered, twice a second, to SQLite or PostgreSQL. Figures are kept apart from
examples, so they are exact although most exchanges are forgotten. Nothing of it is on a
request's way, and whatever goes wrong with the database stays here.

Only ``values``, ``buckets`` and ``shape`` can be imported without SQLAlchemy, the extra
``gateway[store]``; ``url`` says whether it is there.
"""
