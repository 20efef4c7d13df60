"""Contradictions between settings that are fine one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.settings.rules import RULES, same_url
from tests.settings.loading import LIVE, SHADOW, problems_in

ROUTE = '[[routes]]\npath = "/a"\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(
            LIVE + '[server]\nadmin = "127.0.0.1:8000"',
            'gateway.toml:4: server.admin = "127.0.0.1:8000": '
            "bind (127.0.0.1:8000) and admin (127.0.0.1:8000) need different ports",
            id="admin is bind",
        ),
        pytest.param(
            LIVE + '[server]\nbind = "0.0.0.0:9900"',
            'gateway.toml:4: server.bind = "0.0.0.0:9900": '
            "bind (0.0.0.0:9900) and admin (127.0.0.1:9900) need different ports",
            id="bind covers admin",
        ),
        pytest.param(
            LIVE + '[server]\nbind = "[::]:9900"', "need different ports", id="all of IPv6"
        ),
        pytest.param(
            LIVE + '[server]\nbind = "LOCALHOST:09900"', "need different ports", id="localhost"
        ),
        pytest.param(
            LIVE + '[server]\nbind = "unix:/x"\nadmin = "unix:/x"',
            "need different ports",
            id="one socket",
        ),
        pytest.param(
            SHADOW + 'name = "x"\n[[shadows]]\nurl = "http://b"\nname = "x"',
            'gateway.toml:8: shadows[1].name = "x": shadows[0] has this name too; '
            "each needs its own",
            id="names",
        ),
        pytest.param(
            LIVE + '[[shadows]]\nurl = "http://LIVE.test:80/"',
            'gateway.toml:4: shadows[0].url = "http://LIVE.test:80/": that is live\'s url: live '
            "would do every request twice; give the shadow another url or another host",
            id="shadow is live",
        ),
        pytest.param(
            SHADOW + ROUTE + 'live.url = "http://shadow.test"',
            'gateway.toml:4: shadows[0].url = "http://shadow.test": '
            "that is the live url of routes[0]: live would do every request twice; "
            "give the shadow another url or another host, or mirror = false for that route",
            id="shadow is a route's live",
        ),
        pytest.param(
            SHADOW + 'max_body = "11MiB"',
            "gateway.toml:5: shadows[0].max_body = 11534336: "
            "more than request.max_body (10485760 bytes) lets in",
            id="limit",
        ),
        pytest.param(
            SHADOW + 'headers.remove = ["A", "host"]',
            'gateway.toml:5: shadows[0].headers.remove[1] = "host": '
            "host cannot be set or removed: use the shadow's setting host for it",
            id="remove host",
        ),
        pytest.param(
            SHADOW + 'headers.set.Content-Length = "5"',
            "gateway.toml:5: shadows[0].headers.set.Content-Length = ***: Content-Length "
            "cannot be set or removed: it is always the size of the body; leave it out",
            id="set length",
        ),
        pytest.param(
            SHADOW + 'headers.set.Transfer-Encoding = "chunked"',
            "bodies are sent with their Content-Length; leave it out",
            id="set transfer-encoding",
        ),
        pytest.param(
            SHADOW + 'headers.remove = ["Connection"]',
            "it is about one connection and never forwarded; leave it out",
            id="remove connection",
        ),
        pytest.param(
            SHADOW + 'mark = "Host"',
            'gateway.toml:5: shadows[0].mark = "Host": Host cannot be set or removed: '
            "use the shadow's setting host for it",
            id="mark is host",
        ),
        pytest.param(
            SHADOW + 'headers.remove = ["x-shadow-request"]',
            'gateway.toml:5: shadows[0].headers.remove[0] = "x-shadow-request": '
            "x-shadow-request is in shadows[0].mark already (upper and lower case are the same)",
            id="remove the mark",
        ),
        pytest.param(
            SHADOW + 'headers.set = { X-A = "1", x-a = "2" }',
            "x-a is in shadows[0].headers.set.X-A already",
            id="set twice",
        ),
        pytest.param(
            SHADOW + 'headers.set = { X-A = "1" }\nheaders.remove = ["X-A"]',
            "X-A is in shadows[0].headers.set.X-A already",
            id="set and remove",
        ),
        pytest.param(
            LIVE + ROUTE + 'methods = ["GET", "PUT"]\n' + ROUTE + 'methods = ["PUT", "GET"]',
            'gateway.toml:7: routes[1].path = "/a": '
            "routes[0] is for PUT, GET on this path too; which one should win?",
            id="same methods",
        ),
        pytest.param(
            LIVE + ROUTE + 'methods = ["GET"]\n' + ROUTE + 'methods = ["GET", "PUT"]',
            "routes[0] is for GET on this path too",
            id="shared method",
        ),
        pytest.param(
            LIVE + ROUTE + ROUTE, "routes[0] is for this path too; which one should win?", id="path"
        ),
    ],
)
def test_a_contradiction_stops_the_start(tmp_path: Path, text: str, problem: str) -> None:
    """Named at the setting that somebody gave, never at a default."""
    (found,) = problems_in(tmp_path, text + "\n")
    assert problem in found


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(LIVE + '[server]\nbind = "127.0.0.2:9900"', id="other address, same port"),
        pytest.param(
            LIVE + '[server]\nbind = "localhost:0"\nadmin = "localhost:0"', id="any free ports"
        ),
        pytest.param(LIVE + '[server]\nbind = "unix:/x"\nadmin = "unix:/y"', id="two sockets"),
        pytest.param(
            LIVE + '[server]\nbind = "0.0.0.0:80"\nadmin = "127.0.0.1:8080"', id="longer port"
        ),
        pytest.param(
            LIVE + '[[shadows]]\nurl = "http://live.test"\nhost = "new.test"',
            id="one ingress, two hosts",
        ),
        pytest.param(LIVE + '[[shadows]]\nurl = "http://live.test/v2"', id="another base path"),
        pytest.param(LIVE + '[[shadows]]\nurl = "http://live.test:81"', id="another port"),
        pytest.param(
            SHADOW + ROUTE + 'mirror = false\nlive.url = "http://shadow.test"',
            id="route has moved already",
        ),
        pytest.param(
            SHADOW + 'routes = ["/b"]\n' + ROUTE + 'live.url = "http://shadow.test"',
            id="shadow is for another route",
        ),
        pytest.param(
            SHADOW + '[[shadows]]\nurl = "http://shadow.test"', id="two shadows at one place"
        ),
        pytest.param(SHADOW + 'mark = ""\nheaders.remove = ["X-Shadow-Request"]', id="no mark"),
        pytest.param(LIVE + ROUTE + ROUTE + 'methods = ["GET"]', id="one for GET, one for others"),
        pytest.param(
            LIVE + ROUTE + 'methods = ["PUT"]\n' + ROUTE + 'methods = ["GET"]', id="two methods"
        ),
    ],
)
def test_what_makes_sense_is_no_contradiction(tmp_path: Path, text: str) -> None:
    """The near misses of the rules."""
    assert problems_in(tmp_path, text + "\n") == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://a", "http://a/", True),
        ("http://a", "HTTP://a", False),
        ("http://a:80", "http://A", True),
        ("https://a:443/x", "https://a/x/", True),
        ("https://a:80", "https://a", False),
        ("http://a", "https://a", False),
        ("http://a/x", "http://a/X", False),
        ("http+unix://%2Fa", "http+unix://%2FA", False),
        ("http://a:8080", "http://a:80", False),
    ],
)
def test_urls_are_the_same_when_they_name_the_same_place(one: str, other: str, same: bool) -> None:
    """Host names know no case, paths and sockets do; the scheme is lower-case by its format."""
    assert same_url(one, other) is same


def test_problems_of_overrides_name_their_source(tmp_path: Path) -> None:
    """Also when the other half of the contradiction is in the file."""
    (problem,) = problems_in(
        tmp_path, LIVE, {"GATEWAY_SHADOW": "http://live.test"}, live="http://live.test"
    )
    assert problem.startswith("environment variable GATEWAY_SHADOW: shadows[0].url")
    (problem,) = problems_in(tmp_path, LIVE, admin="127.0.0.1:8000")
    assert problem.startswith("--admin: server.admin")


def test_a_shadow_kept_from_the_file_is_named_as_in_the_file(tmp_path: Path) -> None:
    """Although flags have made another list of shadows of it."""
    text = SHADOW + '[[shadows]]\nurl = "http://b.test"\nmax_body = "11MiB"\n'
    (problem,) = problems_in(tmp_path, text, shadow=["http://b.test"])
    assert problem.startswith("gateway.toml:7: shadows[1].max_body")


def test_every_rule_says_what_it_is_for() -> None:
    """The rules are a list to read."""
    assert all(rule.__doc__ for rule in RULES)


@pytest.mark.parametrize(
    "text",
    [
        'live.url = "http://127.0.0.1:8000"',
        'live.url = "http://localhost:9900/x"',
        LIVE + '[[shadows]]\nurl = "http://127.0.0.1:8000"',
        LIVE + ROUTE + 'live.url = "http://127.0.0.1:8000"',
        LIVE + '[server]\nbind = "0.0.0.0:81"\n[[shadows]]\nurl = "http://localhost:81"',
        LIVE + '[server]\nbind = "unix:/x"\n[[shadows]]\nurl = "http+unix://%2Fx"',
    ],
    ids=["live", "admin", "shadow", "route", "everywhere", "socket"],
)
def test_an_upstream_that_is_the_gateway_itself_is_a_problem(tmp_path: Path, text: str) -> None:
    """One request would go round for ever, and each round to live."""
    problems = problems_in(tmp_path, text)
    assert any("a request would come round for ever" in each for each in problems)


def test_the_same_port_on_another_machine_is_none(tmp_path: Path) -> None:
    """The usual thing, with a gateway that listens on all addresses."""
    text = 'live.url = "http://billing:81"\n[server]\nbind = "0.0.0.0:81"\n'
    assert problems_in(tmp_path, text + '[[shadows]]\nurl = "http://10.0.0.7:81"') == []
