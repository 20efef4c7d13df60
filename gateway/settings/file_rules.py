"""Rules about TLS. The only ones that open files: what a start would trip over."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from pathlib import Path

from gateway.settings.declared import Key
from gateway.settings.findings import Finding, upstreams
from gateway.settings.model import Settings, Tls


class _PassphraseNeeded(Exception):
    """Raised instead of OpenSSL asking for one on the terminal."""


def tls_findings(settings: Settings) -> Iterator[Finding]:
    """TLS settings without effect, and certificates and keys that cannot be used."""
    for key, upstream in upstreams(settings):
        if upstream.tls == Tls():
            continue
        here = (*key, "tls")
        if not upstream.url.startswith("https://"):
            message = "only an https:// url has TLS; change the url or leave this table out"
            yield Finding((here, (*key, "url")), message)
        yield from _contradictions(upstream.tls, here)
        yield from _unusable_files(upstream.tls, here)


def _contradictions(tls: Tls, key: Key) -> Iterator[Finding]:
    verify, ca = (*key, "verify"), (*key, "ca")
    certificate, private = (*key, "client_certificate"), (*key, "client_key")
    if tls.client_key and not tls.client_certificate:
        message = "a key without client_certificate has no effect; give both"
        yield Finding((private, certificate), message)
    if tls.ca and not tls.verify:
        yield Finding((ca, verify), "has no effect with verify = false; remove one of them")


def _unusable_files(tls: Tls, key: Key) -> Iterator[Finding]:
    missing = False
    for name in ("ca", "client_certificate", "client_key"):
        path = getattr(tls, name)
        fault = _file_fault(path) if path else None
        if fault is None and path and name == "ca":
            fault = _ca_fault(path)
        if fault is not None:
            yield Finding(((*key, name),), fault)
            missing = missing or name != "ca"
    if tls.client_certificate and not missing:
        yield from _chain_findings(tls.client_certificate, tls.client_key, key)


def _file_fault(path: str) -> str | None:
    try:
        with Path(path).open("rb") as file:
            file.read(1)
    except OSError as error:
        return f"cannot read this file: {error.strerror}"
    return None


def _ca_fault(path: str) -> str | None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (ssl.SSLError, OSError) as error:
        return f"no PEM file of certificates ({_reason(error)})"
    return None


def _chain_findings(certificate: str, private: str | None, key: Key) -> Iterator[Finding]:
    certificate_key, private_key = (*key, "client_certificate"), (*key, "client_key")
    keys = (private_key, certificate_key) if private else (certificate_key, private_key)
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_cert_chain(certificate, private, password=_no_passphrase)
    except _PassphraseNeeded:
        yield Finding(keys, "the private key has a passphrase; give a key without one")
    except (ssl.SSLError, OSError) as error:
        yield _chain_finding(error, certificate_key, keys, in_one=private is None)


def _chain_finding(
    error: ssl.SSLError | OSError, certificate: Key, keys: tuple[Key, ...], *, in_one: bool
) -> Finding:
    if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
        message = "this private key does not belong to the certificate in client_certificate"
        return Finding(keys, message)
    if in_one:
        message = "no PEM file with a certificate and its private key; give the key as client_key"
        return Finding((certificate,), f"{message} ({_reason(error)})")
    return Finding(keys, f"client_certificate and client_key are no PEM pair ({_reason(error)})")


def _no_passphrase() -> str:
    raise _PassphraseNeeded


def _reason(error: ssl.SSLError | OSError) -> str:
    reason = getattr(error, "reason", None) or error.strerror or str(error)
    return str(reason).replace("_", " ").lower()


def folder_findings(settings: Settings) -> Iterator[Finding]:
    """``runtime_dir`` is created when it is not there; when it is it must be of use."""
    path = settings.runtime_dir
    if path is None or not os.path.lexists(path):
        return
    if not os.path.isdir(path):
        yield Finding((("runtime_dir",),), "expected a folder, and this is none")
    elif not os.access(path, os.W_OK | os.X_OK):
        yield Finding((("runtime_dir",),), "cannot write into this folder")
