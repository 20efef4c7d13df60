"""Rules for comparing in the settings: what cannot be used is said before the start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.compare import patterns
from gateway.settings import to_toml_text
from tests.settings.loading import LIVE, load_text, problems_in

ALL = """
[compare]
headers = ["X-A"]
ignore_headers = ["X-B"]
ignore_paths = ["$.id", "$..updated_at"]
require_paths = ["$.lines[*].id"]
hook = "json:dumps"
[[compare.arrays]]
path = "$.lines"
key = "id"
[[compare.arrays]]
path = "$.tags"
[[compare.numbers]]
path = "$.rate"
absolute = "0.005"
[[compare.money]]
path = "$.lines[*].price"
currency = "$.lines[*].currency"
tolerance = "1"
[[compare.times]]
path = "$.at"
window = "2s"
[[compare.normalise]]
pattern = '[0-9]+'
replace = "n"
[compare.redact]
paths = ["$.customer.name"]
[[routes]]
path = "/a"
[routes.compare]
enabled = false
"""


def test_all_rules_load_and_print_again(tmp_path: Path) -> None:
    """As the same settings."""
    settings = load_text(tmp_path, LIVE + ALL)
    assert settings.compare.arrays[0].key == "id"
    assert settings.routes[0].compare is not None
    assert settings.routes[0].compare.enabled is False
    assert load_text(tmp_path, to_toml_text(settings)) == settings


WRONG = {
    "path": ('ignore_paths = ["id"]', 'did you mean "$.id"?'),
    "key": ('arrays = [{ path = "$", key = "$.a[*]" }]', "it must lead to one place"),
    "amount": ('numbers = [{ path = "$", absolute = 0.1 }]', 'such as "0.005"'),
    "no-tolerance": ('numbers = [{ path = "$" }]', "tolerates nothing"),
    "currency": ('money = [{ path = "$.a", currency = "eur" }]', 'did you mean "EUR"?'),
    "no-currency": ('money = [{ path = "$.a" }]', "currency: missing"),
    "currencies": (
        'money = [{ path = "$.a[*].b", currency = "$.c[*].d" }]',
        "it must begin like `path`",
    ),
    "window": ('times = [{ path = "$.a" }]', "window: missing"),
    "pattern": ('normalise = [{ pattern = "(" }]', "cannot be compiled: missing )"),
    "replacement": ('normalise = [{ pattern = "a", replace = "\\\\1" }]', "cannot be compiled"),
    "two-places": (
        'normalise = [{ pattern = "a", path = "$.a", header = "X-A" }]',
        "write a rule for each",
    ),
    "required": ('require_paths = ["$..a..b"]', "can have .. once"),
    "headers": ('headers = ["X-A"]\nignore_headers = ["x-a"]', "does it count or not?"),
    "hook-form": ('hook = "json.dumps"', "expected MODULE:FUNCTION"),
    "hook-module": ('hook = "no_such_module:f"', "there is no module no_such_module"),
    "hook-function": ('hook = "json:f"', "the module json has no f"),
}


@pytest.mark.parametrize("table", ["[compare]", '[[routes]]\npath = "/a"\n[routes.compare]'])
@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_used_stops_the_start(
    text: str, message: str, table: str, tmp_path: Path
) -> None:
    """Named, with what is wrong, in general and for a route."""
    (problem,) = problems_in(tmp_path, f"{LIVE}{table}\n{text}\n")
    assert message in problem


def test_patterns_without_their_package_stop_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And say which extra has it."""

    def without(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(patterns, "import_module", without)
    text = f'{LIVE}[[compare.normalise]]\npattern = "a"\n'
    (problem,) = problems_in(tmp_path, text)
    assert "pip install 'gateway[compare]'" in problem
