"""Certificates, keys and folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.settings.loading import LIVE, PEM, load_text, problems_in

TLS = '[live]\nurl = "https://live.test"\n[live.tls]\n'


def _tls(**values: str) -> str:
    return TLS + "".join(f'{key} = "{PEM / value}"\n' for key, value in values.items())


def test_usable_files_are_taken(tmp_path: Path) -> None:
    """A CA, a certificate and its key; by their full paths."""
    text = _tls(ca="one.pem", client_certificate="one.pem", client_key="one.key")
    assert load_text(tmp_path, text).live.tls.client_key == str(PEM / "one.key")


def test_a_certificate_may_bring_its_key_along(tmp_path: Path) -> None:
    """In one file, relative to the settings file."""
    both = (PEM / "one.pem").read_text() + (PEM / "one.key").read_text()
    (tmp_path / "both.pem").write_text(both)
    settings = load_text(tmp_path, TLS + 'client_certificate = "both.pem"\n')
    assert settings.live.tls.client_certificate == str(tmp_path / "both.pem")


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        pytest.param(
            _tls(ca="none.pem"), "ca", "cannot read this file: No such file or directory", id="ca"
        ),
        pytest.param(_tls(ca="."), "ca", "cannot read this file: Is a directory", id="folder"),
        pytest.param(_tls(ca="one.key"), "ca", "no PEM file of certificates (", id="key as ca"),
        pytest.param(
            _tls(client_certificate="one.pem", client_key="none.key"),
            "client_key",
            "cannot read this file: No such file or directory",
            id="no key file",
        ),
        pytest.param(
            _tls(client_certificate="one.pem", client_key="other.key"),
            "client_key",
            "this private key does not belong to the certificate in client_certificate",
            id="another's key",
        ),
        pytest.param(
            _tls(client_certificate="one.pem", client_key="encrypted.key"),
            "client_key",
            "the private key has a passphrase; give a key without one",
            id="passphrase",
        ),
        pytest.param(
            _tls(client_certificate="one.pem"),
            "client_certificate",
            "no PEM file with a certificate and its private key; give the key as client_key",
            id="no key",
        ),
        pytest.param(
            _tls(client_certificate="one.key", client_key="one.key"),
            "client_key",
            "client_certificate and client_key are no PEM pair",
            id="key as certificate",
        ),
        pytest.param(
            _tls(client_key="one.key"),
            "client_key",
            "a key without client_certificate has no effect; give both",
            id="key alone",
        ),
        pytest.param(
            _tls(ca="one.pem") + "verify = false\n",
            "ca",
            "has no effect with verify = false; remove one of them",
            id="ca not used",
        ),
    ],
)
def test_unusable_files_stop_the_start(tmp_path: Path, text: str, key: str, message: str) -> None:
    """Not the first request: a gateway that is up should be able to talk to its upstreams."""
    (problem,) = problems_in(tmp_path, text)
    assert f": live.tls.{key} = " in problem
    assert message in problem


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (LIVE + "[live.tls]\nverify = false\n", "live.tls"),
        (LIVE + '[[shadows]]\nurl = "http://b"\ntls.verify = false\n', "shadows[0].tls"),
        (
            LIVE + '[[routes]]\npath = "/"\nlive = { url = "http+unix://%2Fx", '
            "tls = { verify = false } }\n",
            "routes[0].live.tls",
        ),
    ],
    ids=["live", "shadow", "route"],
)
def test_tls_settings_without_tls_stop_the_start(tmp_path: Path, text: str, key: str) -> None:
    """Somebody believes that a plain connection is verified, or not."""
    (problem,) = problems_in(tmp_path, text)
    assert f": {key}: only an https:// url has TLS" in problem


def test_tls_settings_at_their_defaults_are_no_claim(tmp_path: Path) -> None:
    """What ``gateway check`` prints for an http:// upstream can be loaded."""
    assert problems_in(tmp_path, LIVE + "[live.tls]\nverify = true\n") == []


def test_a_runtime_folder_must_be_one(tmp_path: Path) -> None:
    """A file is none; a folder is, and one that does not exist yet will be made."""
    text = 'runtime_dir = "{}"\n' + LIVE
    (problem,) = problems_in(tmp_path, text.format("gateway.toml"))
    assert "gateway.toml:1: runtime_dir = " in problem
    assert problem.endswith("expected a folder, and this is none")
    assert problems_in(tmp_path, text.format(".")) == []
    assert problems_in(tmp_path, text.format("later")) == []
