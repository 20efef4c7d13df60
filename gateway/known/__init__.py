"""The register of known differences: what a shadow does otherwise, and may, until a day.

Far from a request's path. ``register`` reads the file, ``entry`` is the value that
everything speaks of, ``standing`` holds entries against what the store has counted, and
``writing`` adds one. The comparison knows nothing of it: a difference is counted as one,
in its group, and entries are applied when figures are read. So what is accepted today is
accepted for yesterday's exchanges too, and what has expired is a failure again at once.
"""
