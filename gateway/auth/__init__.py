"""Who a client is: what it presents, what that proves, and where the proof comes from.

Used by ``middleware/authentication.py``, ``gateway keys`` and the settings' checks.
Everything here takes plain values. Nothing here answers a request: what is not
proven is a ``NotProven`` (``proof.py``), and the middleware makes an answer of it.
"""
