from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway.transport import Http1Adapter, UpstreamSession


@pytest.fixture
def adapter() -> Iterator[Http1Adapter]:
    adapter = Http1Adapter()
    yield adapter
    assert all(pool.busy == 0 for pool in adapter.snapshot().values()), "a connection leaked"
    adapter.abort()


@pytest.fixture
def session(adapter: Http1Adapter) -> Iterator[UpstreamSession]:
    with UpstreamSession(adapter) as session:
        yield session


@pytest.fixture
def descriptors() -> Callable[[], int]:
    """Counts this process's open descriptors."""
    return lambda: len(os.listdir("/dev/fd"))


class Certificates(NamedTuple):
    """Files: an authority, a server's pair for localhost, a client's pair."""

    ca: str
    server: tuple[str, str]
    client: tuple[str, str]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    try:
        _openssl(folder, "version")
    except FileNotFoundError:
        pytest.skip("needs the openssl command")
    _issue(folder, "ca", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign")
    _issue(folder, "server", "subjectAltName=DNS:localhost,IP:127.0.0.1", issuer="ca")
    _issue(folder, "client", "extendedKeyUsage=clientAuth", issuer="ca")
    files = {name: str(folder / name) for name in ("ca", "server", "client")}
    return Certificates(
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
