"""TLS settings as the ``verify`` and ``cert`` arguments that requests takes."""

from __future__ import annotations

from gateway.settings.model import Tls


def tls_arguments(tls: Tls) -> tuple[bool | str, str | tuple[str, str] | None]:
    """``verify`` (False, True or a CA file) and ``cert`` (None, file, or file and key)."""
    verify: bool | str = (tls.ca or True) if tls.verify else False
    if tls.client_certificate is None:
        return verify, None
    if tls.client_key is None:
        return verify, tls.client_certificate
    return verify, (tls.client_certificate, tls.client_key)
