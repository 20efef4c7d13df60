"""The declarations: complete, and consistent with what reads them."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest

import gateway.settings
from gateway.settings.declared import Key, all_keys, kind_at, scalar_keys, settings_of
from gateway.settings.formats import FORMATS
from gateway.settings.model import File, Seconds, Settings
from gateway.settings.problems import Place, Problems
from gateway.settings.tree import Reader
from gateway.settings.values import expected

MODELS = [
    value
    for value in vars(gateway.settings).values()
    if isinstance(value, type) and issubclass(value, msgspec.Struct)
]
ALLOWED = {
    "gateway.auth.credentials",
    "gateway.compare.currencies",
    "gateway.compare.hooks",
    "gateway.compare.paths",
    "gateway.compare.patterns",
    "gateway.errors",
    "gateway.headers",
    "gateway.routes",
    "gateway.validation.compiled",
    "gateway.validation.files",
    "msgspec",
    "tomli",
    "gateway.ratelimit.notation",
    "gateway.store.url",
}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_setting_is_described(model: type[msgspec.Struct]) -> None:
    """What it does (tables by their docstring), and what its value must be."""
    for setting in settings_of(model):
        kind = setting.kind
        rows = kind.item is not None and kind.item.model is not None
        assert kind.description or kind.model or rows, setting.name
        assert expected(kind), setting.name
        assert kind.extra.get("format") in {None, *FORMATS}
    assert model.__doc__


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_default_is_a_value_its_own_declaration_takes(model: type[msgspec.Struct]) -> None:
    """A default that a file could not repeat would be a trap."""
    problems = Problems()
    reader = Reader(problems, lambda key: Place("default", key))
    for setting in settings_of(model):
        if not setting.required and setting.default is not None:
            default = msgspec.to_builtins(setting.default)
            if isinstance(setting.default, msgspec.Struct):
                default = _given(default)
            reader.node(setting.kind, default, (setting.name,))
    assert problems.texts == ()


def _given(table: dict[str, Any]) -> dict[str, Any]:
    """TOML has no word for nothing."""
    values = {k: _given(v) if isinstance(v, dict) else v for k, v in table.items()}
    return {k: v for k, v in values.items() if v is not None}


def test_a_new_setting_needs_no_other_line() -> None:
    """A model that the loader never saw is read by its declaration alone."""

    class Colour(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        wait: Annotated[Seconds, msgspec.Meta(description="how long")]
        words: tuple[Annotated[str, msgspec.Meta(pattern="^[a-z]+$")], ...] = ()

    problems = Problems()
    reader = Reader(problems, lambda key: Place("test", ("colour", *key)))
    table = reader.table(Colour, {"wait": "250ms", "words": ["ab", "C"], "wiat": 1}, ())
    assert table.entries["wait"].value == 0.25  # type: ignore[union-attr]
    assert problems.texts == (
        'test: colour.words[1] = "C": expected a text in quotes',
        'test: colour.wiat = 1: unknown key; did you mean "wait"?',
    )


def test_what_a_setting_says_wins_over_what_its_type_says() -> None:
    """Also when one of them is around a "| None"."""

    class Own(msgspec.Struct):
        file: Annotated[File | None, msgspec.Meta(extra={"expected": "a picture"})] = None

    (setting,) = settings_of(Own)
    assert expected(setting.kind) == "a picture"
    assert setting.kind.extra["format"] == "file"
    assert setting.kind.optional


def test_a_type_without_a_reader_is_refused() -> None:
    """Loudly: whoever declares it sees it at the first load."""

    class Odd(msgspec.Struct):
        when: bytes

    reader = Reader(Problems(), lambda key: Place("test", key))
    with pytest.raises(TypeError, match="no reader"):
        reader.table(Odd, {"when": "x"}, ())


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        (("shadows", 0, "headers", "set"), True),
        (("shadows", 0, "headers", "set", "X-A"), True),
        (("shadows", 0, "headers", "remove", 0), False),
        (("live", "url"), False),
    ],
    ids=str,
)
def test_secrets_are_known_by_their_key(key: Key, secret: bool) -> None:
    """Also below the table that is declared secret."""
    assert kind_at(key).secret is secret


@pytest.mark.parametrize("key", [("nothing",), ("live", "url", "x"), ("live", 0)], ids=str)
def test_a_key_without_a_setting_is_an_error(key: Key) -> None:
    """Of the program: people's keys are checked before."""
    with pytest.raises(KeyError):
        kind_at(key)


def test_keys_are_listed_in_full() -> None:
    """Those of tables in lists with brackets; single values outside lists by themselves."""
    assert {"live.tls.ca", "shadows[].headers.set", "routes[].live.url"} <= set(all_keys())
    assert ("live", "tls", "ca") in scalar_keys()
    assert not [key for key in scalar_keys() if key[0] in {"shadows", "routes"}]
    assert ("runtime_dir",) in scalar_keys(Settings)


def test_the_package_imports_only_light_things() -> None:
    """The standard library, msgspec (tomli below 3.11) and leaves of our own."""
    folder = Path(gateway.settings.__file__).parent
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                own = name in ALLOWED or name.startswith("gateway.settings")
                assert own or name.partition(".")[0] in {*sys.stdlib_module_names, "tomllib"}, name
