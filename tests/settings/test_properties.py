"""Properties of the loader that hold for any settings and any document."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gateway.settings import (
    SettingsError,
    from_json,
    to_json,
    to_toml_text,
    validated,
)
from gateway.settings.declared import Key, kind_at, scalar_keys, settings_of
from gateway.settings.model import Settings
from tests.settings.loading import LIVE, load_text, problems_in, problems_without_file
from tests.settings.strategies import (
    USABLE,
    any_settings,
    as_toml,
    documents,
    usable_settings,
)

# The machine may be busy, and the whole file must stay quick.
relaxed = hypothesis_settings(deadline=None, max_examples=40)


def _tables(key: Key = ()) -> list[Key]:
    """The keys of all tables of settings, the first item standing for lists."""
    found = [key]
    for setting in settings_of(kind_at(key).model):
        here = (*key, setting.name)
        if setting.kind.model is not None:
            found += _tables(here)
        elif setting.kind.item is not None and setting.kind.item.model is not None:
            found += _tables((*here, 0))
    return found


@relaxed
@given(any_settings())
def test_any_settings_survive_the_way_to_a_worker(settings: Settings) -> None:
    """to_json and from_json are exact for whatever msgspec accepts as Settings."""
    assert from_json(to_json(settings)) == settings


@relaxed
@given(usable_settings())
def test_printed_settings_load_as_the_same_settings(settings: Settings) -> None:
    """What ``gateway check`` prints is a settings file with the same effect."""
    try:
        settings = validated(settings)
    except SettingsError:
        assume(False)
    with tempfile.TemporaryDirectory() as folder:
        assert load_text(Path(folder), to_toml_text(settings)) == settings


@relaxed
@given(usable_settings())
def test_validating_twice_changes_nothing(settings: Settings) -> None:
    """Completed settings are complete."""
    try:
        settings = validated(settings)
    except SettingsError:
        assume(False)
    assert validated(settings) == settings


@relaxed
@given(documents())
def test_any_document_loads_or_is_a_settings_error(document: dict[str, object]) -> None:
    """Whatever TOML can say, the loader raises nothing but SettingsError, with one-line texts."""
    with tempfile.TemporaryDirectory() as folder:
        problems = problems_in(Path(folder), as_toml(document))
    assert not [text for text in problems if not text.isprintable()]


@relaxed
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_file_loads_or_is_a_settings_error(content: bytes) -> None:
    """Whatever bytes are in the file, the loader raises nothing but SettingsError."""
    with tempfile.TemporaryDirectory() as folder:
        problems_in(Path(folder), content)


@relaxed
@given(
    st.dictionaries(
        st.sampled_from(["_".join(("GATEWAY", *key)).upper() for key in scalar_keys()])
        | st.from_regex(r"GATEWAY_[A-Z_]{1,9}", fullmatch=True),
        st.text(st.characters(exclude_characters="\0"), max_size=9)
        | st.sampled_from(["http://a", "5s", "1", "\udcff"]),
    )
)
def test_any_environment_loads_or_is_a_settings_error(environ: dict[str, str]) -> None:
    """Whatever the environment holds, the loader raises nothing but SettingsError."""
    environ.pop("GATEWAY_CONFIG", None)
    problems_without_file(environ)


def _typos(name: str) -> st.SearchStrategy[str]:
    """One slip of the keyboard: a letter lost, doubled, swapped or wrong."""
    at = st.integers(0, len(name) - 1)
    return st.one_of(
        at.map(lambda i: name[:i] + name[i + 1 :]),
        at.map(lambda i: name[: i + 1] + name[i:]),
        at.map(lambda i: name[:i] + name[i : i + 2][::-1] + name[i + 2 :]),
        at.map(lambda i: name[:i] + "q" + name[i + 1 :]),
        st.just(name.upper()),
        st.just(name.replace("_", "-")),
    )


@relaxed
@given(st.data())
def test_a_mistyped_key_is_answered_with_the_right_one(data: st.DataObject) -> None:
    """One slip in any key of any table, and the problem names the key that was meant."""
    table = data.draw(st.sampled_from(_tables()))
    names = [setting.name for setting in settings_of(kind_at(table).model)]
    name = data.draw(st.sampled_from([name for name in names if len(name) > 3]))
    typo = data.draw(_typos(name).filter(lambda text: text not in names))
    heading = ".".join(part for part in table if isinstance(part, str))
    heading = f"[[{heading}]]" if table and table[-1] == 0 else f"[{heading}]" if table else ""
    above = f"[[{table[0]}]]\n" if len(table) > 2 and table[1] == 0 else ""
    with tempfile.TemporaryDirectory() as folder:
        problems = problems_in(Path(folder), f"{above}{heading}\n{typo} = 1\n")
    (problem,) = (text for text in problems if "unknown key" in text)
    assert f'"{name}"' in problem.partition("did you mean")[2]


@pytest.mark.parametrize("key", [".".join(key) for key in scalar_keys()])
def test_a_wrong_value_names_its_key_and_what_was_expected(tmp_path: Path, key: str) -> None:
    """Each single value refuses a date, saying which key it is and what it must be."""
    text = "".join(f"{line}\n" for line in [f"{key} = 2020-01-01"])
    if not key.startswith("live."):
        text += LIVE
    problems = problems_in(tmp_path, text)
    shown = "***" if kind_at(tuple(key.split("."))).secret else "2020-01-01"
    assert any(f"{key} = {shown}: expected " in problem for problem in problems), problems


def test_the_strategies_know_every_format() -> None:
    """A new format must be given a strategy, or the properties say nothing about it."""
    formats = {
        setting.kind.extra.get("format")
        for table in _tables()
        for setting in settings_of(kind_at(table).model)
    }
    assert formats - {None} <= set(USABLE)
    assert msgspec.structs.fields(Settings)
