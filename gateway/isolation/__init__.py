"""The isolation proof: what mirroring costs live, measured by requests that are held out.

``sums`` and ``difference`` are the arithmetic, ``window`` is where requests are counted,
``board`` is where a gateway's workers add up, ``guard`` draws the conclusion.
"""
