"""docs/settings.md and docs/gateway.example.toml say what the code does."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path
from types import ModuleType

from gateway.settings import load
from gateway.settings.declared import all_keys
from gateway.settings.overrides import FLAGS, variable_names
from tests.settings.loading import PEM, load_text

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "docs" / "gateway.example.toml"


def _generator() -> ModuleType:
    path = ROOT / "scripts" / "generate_settings_reference.py"
    spec = importlib.util.spec_from_file_location("generate_settings_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date() -> None:
    """Otherwise: python scripts/generate_settings_reference.py"""
    generator = _generator()
    assert generator.PAGE.read_text(encoding="utf-8") == generator.page()


def test_the_page_names_every_setting_variable_and_flag() -> None:
    """The generator left nothing out."""
    page = _generator().page()
    for name in {key.rpartition(".")[2] for key in all_keys()} - {"shadows", "routes"}:
        assert f"`{name}`" in page or f"[{name}]" in page or f".{name}]" in page, name
    for name in variable_names():
        assert f"`{name}`" in page
    for flag in FLAGS:
        assert f"`--{flag.replace('_', '-')}" in page


def test_the_example_loads() -> None:
    """As it is."""
    settings = load(config=EXAMPLE, environ={}, flags={})
    assert [shadow.name for shadow in settings.shadows] == ["rewrite", "candidate"]
    assert settings.routes[1].live is not None


def _uncommented() -> str:
    return re.sub(r"(?m)^#(?=[a-z\[])", "", EXAMPLE.read_text(encoding="utf-8"))


def test_the_example_loads_with_everything_uncommented(tmp_path: Path) -> None:
    """With https:// upstreams and the certificates that it names."""
    (tmp_path / "tls").mkdir()
    shutil.copy(PEM / "one.pem", tmp_path / "tls" / "authorities.pem")
    shutil.copy(PEM / "one.pem", tmp_path / "tls" / "gateway.pem")
    shutil.copy(PEM / "one.key", tmp_path / "tls" / "gateway.key")
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "invoice.json").write_text("{}")
    (tmp_path / "credentials").write_text(f"batch api-key sha256:{'ab' * 32}\n")
    text = _uncommented().replace("/run/gateway", str(tmp_path))
    text = text.replace("/var/log/gateway", str(tmp_path))
    load_text(tmp_path, text.replace("http://", "https://"))


def test_the_example_shows_every_setting() -> None:
    """Those not everybody needs as comments."""
    text = _uncommented()
    tables = {"live", "shadows", "routes", "headers", "tls", "server", "request", "mirror", "set"}
    tables |= {"authentication", "jwt", "rate_limit", "limits"}
    tables |= {"addresses", "security_headers", "cors", "compression"}
    tables |= {"access_log", "tracing", "validation", "admission"}
    tables |= {"isolation", "floor", "report", "record"}
    tables |= {"compare", "arrays", "numbers", "money", "times", "normalise", "redact", "noise"}
    for name in {key.rpartition(".")[2] for key in all_keys()} - tables:
        assert re.search(rf"(?m)^(# or )?{name} = ", text), name
    for table in tables:
        assert re.search(rf"(?m)^\[+([a-z_]+\.)*{table}\]", text), table


def test_the_commented_defaults_are_the_defaults(tmp_path: Path) -> None:
    """Each line that is switched on by itself changes nothing, but for two that have none."""
    text = EXAMPLE.read_text(encoding="utf-8")
    plain = load_text(tmp_path, text)
    in_tables = re.sub(r"(?m)^#\[.*\n(#.*\n)+", lambda block: "-" * len(block[0]), text)
    changing = []
    for line in re.finditer(r"(?m)^#([a-z_]+) = .*$", in_tables):
        switched_on = text[: line.start()] + text[line.start() + 1 :]
        if load_text(tmp_path, switched_on) != plain:
            changing.append(line[1])
    assert changing == ["runtime_dir", "name"]
