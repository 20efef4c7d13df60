"""Certificates of an authority of our own, made by openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest


class Certificates(NamedTuple):
    """Files: an authority, a server's pair for localhost, a client's pair."""

    ca: str
    server: tuple[str, str]
    client: tuple[str, str]

    @classmethod
    def issued_in(cls, folder: Path) -> Certificates:
        """Issue them; skips the test where there is no openssl command."""
        try:
            _openssl(folder, "version")
        except FileNotFoundError:
            pytest.skip("needs the openssl command")
        _issue(folder, "ca", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign")
        _issue(folder, "server", "subjectAltName=DNS:localhost,IP:127.0.0.1", issuer="ca")
        _issue(folder, "client", "extendedKeyUsage=clientAuth", issuer="ca")
        files = {name: str(folder / name) for name in ("ca", "server", "client")}
        return cls(
            f"{files['ca']}.pem",
            (f"{files['server']}.pem", f"{files['server']}.key"),
            (f"{files['client']}.pem", f"{files['client']}.key"),
        )


def _issue(folder: Path, name: str, extensions: str, issuer: str | None = None) -> None:
    (folder / f"{name}.ext").write_text(
        f"subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n{extensions}\n"
    )
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    names = ("-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
    _openssl(folder, "req", *curve, *names)
    signer = (
        ("-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key", "-CAcreateserial")
        if issuer
        else ("-signkey", f"{name}.key")
    )
    files = ("-in", f"{name}.csr", "-out", f"{name}.pem", "-extfile", f"{name}.ext")
    _openssl(folder, "x509", "-req", "-days", "2", *files, *signer)


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=30)
