"""Settings for people's eyes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.settings import (
    HeaderRules,
    Live,
    Mirror,
    Route,
    Settings,
    Shadow,
    masked,
    to_toml_text,
)
from gateway.settings.problems import alternatives, dotted, shown
from tests.settings.loading import load_text

SETTINGS = Settings(
    live=Live(url="http://live.test", read_timeout=0.25),
    shadows=(
        Shadow(
            url="http://shadow.test",
            name="rewrite",
            percent=12.5,
            headers=HeaderRules(
                set={"Authorization": "Bearer hunter2", "X.Y": "hunter2"}, remove=("Cookie", 'a"b')
            ),
        ),
    ),
    routes=(Route(path="/a", name="/a", live=Live(url="http://route.test")),),
    mirror=Mirror(max_queue_bytes=1000),
    runtime_dir="/run/gateway",
)


def test_secrets_are_masked() -> None:
    """In both forms, by their names; nothing else is."""
    plain = masked(SETTINGS)
    assert plain["shadows"][0]["headers"] == {
        "set": {"Authorization": "***", "X.Y": "***"},
        "remove": ["Cookie", 'a"b'],
    }
    assert plain["live"]["url"] == "http://live.test"
    assert "hunter2" not in json.dumps(plain)
    assert "hunter2" not in to_toml_text(SETTINGS)


def test_masking_leaves_the_settings_alone() -> None:
    """A mask in the value itself would be sent to the shadow."""
    masked(SETTINGS)
    assert SETTINGS.shadows[0].headers.set["Authorization"] == "Bearer hunter2"


def test_settings_are_printed_as_a_readable_file() -> None:
    """Tables in order, units where they say the same, nothing for what has no value."""
    text = to_toml_text(SETTINGS)
    head = text.partition("[live.tls]")[0]
    assert head == (
        'transport = "gateway"\nruntime_dir = "/run/gateway"\n\n'
        '[live]\nurl = "http://live.test"\nhost = "keep"\n'
        'connect_timeout = "2s"\nread_timeout = "250ms"\npool_size = 256\n\n'
    )
    for part in (
        "\n[[shadows]]\n",
        "\npercent = 12.5\n",
        '\n[shadows.headers]\nremove = ["Cookie", "a\\"b"]\n',
        '\n[shadows.headers.set]\nAuthorization = "***"\n"X.Y" = "***"\n',
        "\n[[routes]]\n",
        '\n[routes.live]\nurl = "http://route.test"\n',
        "\nmax_queue_bytes = 1000\n",
    ):
        assert part in text
    assert "\nca =" not in text


def test_what_is_printed_can_be_loaded(tmp_path: Path) -> None:
    """And says so with masks in place of secrets."""
    loaded = load_text(tmp_path, to_toml_text(SETTINGS).replace('"a\\"b"', '"AB"'))
    assert loaded.routes == SETTINGS.routes
    assert loaded.shadows[0].headers.set == {"Authorization": "***", "X.Y": "***"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", '"a"'),
        ("ü →", '"ü →"'),
        ('"\x1b[31m\n', '"\\"\\u001b[31m\\n"'),
        ("x" * 100, '"' + "x" * 78 + "…"),
        (True, "true"),
        (5, "5"),
        (2.5, "2.5"),
        ({}, "{}"),
        ({"a": "secret"}, "{…}"),
        ([], "[]"),
        (["secret"], "[…]"),
        (10**4000, "a number of very many digits"),
        ("http://user:pass@host/x", '"http://***@host/x"'),
        ("http://host/x?key=secret", '"http://host/x?***"'),
        ("user:pass@host", '"***@host"'),
    ],
    ids=lambda value: str(value)[:20] if not isinstance(value, int) else "",
)
def test_a_value_is_shown_short_and_without_credentials(value: object, text: str) -> None:
    """One line, printable, whatever it is."""
    assert shown(value) == text


def test_a_secret_value_is_never_shown() -> None:
    """Not even its length."""
    assert shown("hunter2", secret=True) == shown(5, secret=True) == "***"


def test_keys_are_written_as_in_toml() -> None:
    """Items in brackets, odd names in quotes."""
    assert dotted(("shadows", 0, "headers", "set", "X-A")) == "shadows[0].headers.set.X-A"
    assert dotted(("shadows", "*", "percent")) == "shadows[*].percent"
    assert dotted(("a b", "c.d")) == '"a b"."c.d"'


@pytest.mark.parametrize(
    ("texts", "joined"),
    [([], ""), (["a"], '"a"'), (["a", "b"], '"a" or "b"'), (["a", "b", "c"], '"a", "b" or "c"')],
    ids=len,
)
def test_alternatives_read_as_a_sentence(texts: list[str], joined: str) -> None:
    """For one, two and more."""
    assert alternatives(texts) == joined
