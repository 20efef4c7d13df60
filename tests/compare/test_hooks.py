"""Finding the function that a setting names."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.compare.hooks import HookError, load_hook


def test_a_function_is_found_by_its_name() -> None:
    """Also inside a class."""
    assert load_hook("json:dumps")({}) == "{}"
    assert load_hook("pathlib:Path.home") == Path.home


WRONG = {
    "module": ("no_such_module:judge", "there is no module no_such_module"),
    "inner-module": ("json.nothing:judge", "there is no module json.nothing"),
    "function": ("json:judge", "the module json has no judge"),
    "no-function": ("sys:version", "version in sys is no function"),
}


@pytest.mark.parametrize(("name", "message"), WRONG.values(), ids=WRONG)
def test_what_is_missing_is_named(name: str, message: str) -> None:
    """Module or function."""
    with pytest.raises(HookError, match=message):
        load_hook(name)


def test_a_module_that_cannot_be_imported_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it raises, and also if another module is what it lacks."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "hook_that_raises.py").write_text("raise RuntimeError('not today')")
    (tmp_path / "hook_that_lacks.py").write_text("import no_such_module")
    with pytest.raises(HookError, match="RuntimeError: not today"):
        load_hook("hook_that_raises:judge")
    with pytest.raises(HookError, match=r"cannot be imported .*no_such_module"):
        load_hook("hook_that_lacks:judge")
