"""TLS towards an upstream: verified unless switched off, HTTP/1.1 only."""

from __future__ import annotations

import os
import ssl

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from gateway.transport.errors import TlsFailed

Verify = bool | str
Certificate = str | tuple[str, str | None] | None


def context_for(verify: Verify, cert: Certificate) -> ssl.SSLContext:
    """``verify``: ``True`` (requests' own bundle), ``False``, or a CA file or folder.

    ``cert``: a PEM file with certificate and key, or the two files. ``TlsFailed``
    if anything cannot be loaded. Loading takes milliseconds: once for each pool.
    """
    try:
        context = _trusting(verify)
        if cert is not None:
            chain, key = (cert, None) if isinstance(cert, str) else cert
            # A password, so that an encrypted key fails instead of asking the terminal.
            context.load_cert_chain(chain, key, password="")
    except OSError as error:
        what = f"CA {verify!r}, certificate {cert!r}"
        raise TlsFailed(f"cannot load {what}: {error}", "connect") from error
    context.set_alpn_protocols(["http/1.1"])
    return context


def _trusting(verify: Verify) -> ssl.SSLContext:
    if verify is False:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    place = DEFAULT_CA_BUNDLE_PATH if verify is True else verify
    if os.path.isdir(place):
        return ssl.create_default_context(capath=place)
    return ssl.create_default_context(cafile=place)
