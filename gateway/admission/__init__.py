"""How much is taken on at once, and what is refused: pure policies, told the time.

``server/turnstile.py`` applies them in the default worker, ``middleware/admission.py``
around any WSGI application.
"""
