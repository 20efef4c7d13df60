"""Whether a shadow can take over, and why not: what ``gateway report`` says.

Far from a request's path: it reads the store, long after. ``statistics`` and ``paired``
are the arithmetic, ``gather`` asks the store, ``content`` is what there is to say,
``decision`` holds it against the rule of the settings; ``text``, ``page``, ``junit`` and
``document`` are ways to say it. ``example`` and ``recheck`` lead from a difference to a
fixed bug.
"""
