"""The environment and the flags."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.settings import FLAGS, SettingsError
from gateway.settings.overrides import variable_names
from tests.settings.loading import (
    LIVE,
    load_text,
    load_without_file,
    problems_in,
    problems_without_file,
)

ENVIRON = {"GATEWAY_LIVE": "http://live.test"}


@pytest.mark.parametrize(
    ("name", "text", "key", "value"),
    [
        ("GATEWAY_LIVE_READ_TIMEOUT", "5s", "live.read_timeout", 5.0),
        ("GATEWAY_LIVE_CONNECT_TIMEOUT", "0.25", "live.connect_timeout", 0.25),
        ("GATEWAY_LIVE_TLS_VERIFY", "true", "live.tls.verify", True),
        ("GATEWAY_MIRROR_MAX_QUEUE", "7", "mirror.max_queue", 7),
        ("GATEWAY_MIRROR_THREADS", "3", "mirror.threads", 3),
        ("GATEWAY_THREADS", "3", "server.threads", 3),
        ("GATEWAY_SERVER_THREADS", "3", "server.threads", 3),
        ("GATEWAY_REQUEST_MAX_BODY", "64KiB", "request.max_body", 65536),
        ("GATEWAY_REQUEST_FORWARDED", "x-forwarded", "request.forwarded", "x-forwarded"),
        ("GATEWAY_BIND", "0.0.0.0:80", "server.bind", "0.0.0.0:80"),
        ("GATEWAY_ADMIN", "unix:/x", "server.admin", "unix:/x"),
        ("GATEWAY_WORKERS", " 8 ", "server.workers", 8),
        ("GATEWAY_RUNTIME_DIR", "no/such", "runtime_dir", "no/such"),
    ],
)
def test_a_variable_sets_its_value(name: str, text: str, key: str, value: object) -> None:
    """Read as the declared type wants it, since variables know text only."""
    found: object = load_without_file({**ENVIRON, name: text})
    for part in key.split("."):
        found = getattr(found, part)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "value"), [("yes", True), ("ON", True), ("1", True), ("off", False), ("0", False)]
)
def test_a_switch_is_read_from_the_usual_words(text: str, value: bool) -> None:
    """With a TLS upstream, since only that one has a switch in the environment."""
    environ = {"GATEWAY_LIVE": "https://live.test", "GATEWAY_LIVE_TLS_VERIFY": text}
    assert load_without_file(environ).live.tls.verify is value


@pytest.mark.parametrize(
    "text", ["http://a http://b", "http://a, http://b,", " http://a\nhttp://b"]
)
def test_several_shadows_are_separated_by_spaces_or_commas(text: str) -> None:
    """They get names of their own."""
    shadows = load_without_file({**ENVIRON, "GATEWAY_SHADOW": text}).shadows
    assert [(s.url, s.name) for s in shadows] == [("http://a", "shadow"), ("http://b", "shadow-2")]


def test_flags_set_what_they_name() -> None:
    """All of them, as texts or as what argparse made of them."""
    settings = load_without_file(
        live="http://a",
        shadow=["http://b", "http://c"],
        percent=12.5,
        bind="127.0.0.1:1",
        admin="127.0.0.1:2",
        workers="3",
        threads=4,
    )
    assert settings.live.url == "http://a"
    assert [(s.url, s.percent) for s in settings.shadows] == [
        ("http://b", 12.5),
        ("http://c", 12.5),
    ]
    assert (settings.server.bind, settings.server.admin) == ("127.0.0.1:1", "127.0.0.1:2")
    assert (settings.server.workers, settings.server.threads) == (3, 4)


def test_flags_that_were_not_given_set_nothing() -> None:
    """None and an empty list are what argparse leaves."""
    given = dict.fromkeys(FLAGS) | {"shadow": []}
    settings = load_without_file(
        {**ENVIRON, "GATEWAY_SHADOW": "http://b", "GATEWAY_WORKERS": "5"}, **given
    )
    assert settings.server.workers == 5
    assert len(settings.shadows) == 1


def test_an_unknown_flag_is_the_callers_mistake() -> None:
    """It never comes from a person: argparse has refused it."""
    with pytest.raises(TypeError, match="no such flags: lvie"):
        load_without_file(lvie="http://a")


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        (
            {"GATEWAY_LIVE_READ_TIMEOUT": "5x"},
            'environment variable GATEWAY_LIVE_READ_TIMEOUT: live.read_timeout = "5x": '
            'expected seconds, or a text such as "250ms"',
        ),
        (
            {"GATEWAY_PERCENT": "101"},
            'environment variable GATEWAY_PERCENT: shadows[*].percent = "101": '
            "expected a number from 0 to 100",
        ),
        (
            {"GATEWAY_WORKERS": "1_0"},
            'environment variable GATEWAY_WORKERS: server.workers = "1_0": '
            "expected a whole number from 1 to 65535",
        ),
        (
            {"GATEWAY_SHADOW": "http://a b:1"},
            'environment variable GATEWAY_SHADOW: shadows[1].url = "b:1": expected an http://, '
            "https:// or http+unix:// URL without query, fragment or credentials; "
            'did you mean "http://b:1"?',
        ),
        (
            {"GATEWAY_SHADOW": "http://a http://a"},
            'environment variable GATEWAY_SHADOW: shadows[1].url = "http://a": given twice',
        ),
        (
            {"GATEWAY_WORKER": "5"},
            "environment variable GATEWAY_WORKER: names no setting; "
            'did you mean "GATEWAY_WORKERS", "GATEWAY_WORKER_CLASS" or "GATEWAY_SERVER_WORKERS"?',
        ),
        (
            {"GATEWAY_SHADOWS": "http://a"},
            "environment variable GATEWAY_SHADOWS: names no setting; "
            'did you mean "GATEWAY_SHADOW"?',
        ),
        (
            {"GATEWAY_ZZZ": "hunter2"},
            "environment variable GATEWAY_ZZZ: names no setting",
        ),
        (
            {"GATEWAY_PORT": "8000"},
            "environment variable GATEWAY_PORT: names no setting; "
            'did you mean "GATEWAY_TRANSPORT"?',
        ),
        (
            {"GATEWAY_THREADS": "1", "GATEWAY_SERVER_THREADS": "2"},
            "environment variable GATEWAY_THREADS: server.threads = 1: "
            "but environment variable GATEWAY_SERVER_THREADS says 2",
        ),
        (
            {"GATEWAY_ADMIN": "127.0.0.1:\udcff"},
            r'environment variable GATEWAY_ADMIN: server.admin = "127.0.0.1:\udcff": '
            "expected text in UTF-8",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_a_problem_names_its_variable(environ: dict[str, str], problem: str) -> None:
    """The only problem, as a person sees it."""
    assert problems_without_file({**ENVIRON, **environ}) == [problem]


def test_a_problem_names_its_flag() -> None:
    """The only problem, as a person sees it."""
    assert problems_without_file(ENVIRON, percent="-1") == [
        '--percent: shadows[*].percent = "-1": expected a number from 0 to 100'
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEWAY_INTERNAL_ANYTHING", "x"),
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("GATEWAY_SERVICE_HOST", "10.0.0.1"),
        ("GATEWAY_SERVICE_PORT", "80"),
        ("GATEWAY_SERVICE_PORT_HTTP", "80"),
        ("GATEWAY_PORT", "tcp://10.0.0.1:80"),
        ("GATEWAY_PORT_80_TCP", "tcp://10.0.0.1:80"),
        ("GATEWAY_PORT_80_TCP_PROTO", "tcp"),
        ("GATEWAY_LIVE_SERVICE_HOST", "10.0.0.1"),
        ("GATEWAY_LIVE_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("GATEWAY_LIVE_PORT", "tcp://10.0.0.1:80"),
        ("gateway_live", "http://other"),
        ("GATEWAYS", "5"),
        ("GATEWAY_WORKERS", ""),
        ("GATEWAY_SHADOW", " "),
        ("GATEWAY_CONFIG", ""),
    ],
)
def test_a_variable_of_others_or_an_empty_one_is_left_alone(name: str, value: str) -> None:
    """Kubernetes puts its own into every container beside a Service called "gateway"."""
    assert load_without_file({**ENVIRON, name: value}) == load_without_file(ENVIRON)


def test_the_file_can_be_named_by_a_variable(tmp_path: Path) -> None:
    """Unless a flag names one."""
    other = tmp_path / "other.toml"
    other.write_text('[live]\nurl = "http://other.test"\n')
    environ = {"GATEWAY_CONFIG": str(other)}
    assert load_without_file(environ).live.url == "http://other.test"
    assert load_text(tmp_path, LIVE, environ).live.url == "http://live.test"


def test_without_live_all_three_ways_to_give_it_are_named(tmp_path: Path) -> None:
    """With a file that lacks it the file is named as well."""
    (problem,) = problems_without_file()
    for way in ("--live URL", "GATEWAY_LIVE=URL", "[live] url = "):
        assert way in problem
    assert problem.startswith("live.url: missing; ")
    assert problems_in(tmp_path, "[live]\npool_size = 5\n")[0].startswith(
        "gateway.toml:1: live.url: missing; "
    )


def test_an_override_does_not_hide_a_problem_of_the_file(tmp_path: Path) -> None:
    """What is wrong is wrong although something lies over it."""
    problems = problems_in(tmp_path, LIVE + "[server]\nworkers = 0\n", workers="2")
    assert len(problems) == 1


def test_every_value_has_a_variable_of_its_own() -> None:
    """Two settings never share one; short names are the fixed ones."""
    names = variable_names()
    assert {"GATEWAY_LIVE", "GATEWAY_BIND", "GATEWAY_ADMIN"} <= set(names)
    full = [key for name, key in names.items() if name == "GATEWAY_" + "_".join(key).upper()]
    assert len(full) == len(set(full)) == len(set(names.values()))


def test_a_settings_error_has_one_text_per_problem() -> None:
    """And its message is all of them."""
    with pytest.raises(SettingsError) as caught:
        load_without_file({"GATEWAY_X": "1", "GATEWAY_Y": "1"})
    assert len(caught.value.problems) == 3
    assert str(caught.value).count("\n") == 2
