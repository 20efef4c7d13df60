from __future__ import annotations

import pytest
from requests.exceptions import InvalidURL

from gateway.transport import Origin


@pytest.mark.parametrize(
    ("url", "authority", "address", "base_path"),
    [
        pytest.param("http://live", "live", "http://live", "", id="default port"),
        pytest.param("http://live:80/", "live", "http://live", "", id="default port spelled out"),
        pytest.param("https://live:443", "live", "https://live", "", id="https default port"),
        pytest.param("https://live:80", "live:80", "https://live:80", "", id="other port"),
        pytest.param("HTTP://LIVE:8080", "live:8080", "http://live:8080", "", id="case"),
        pytest.param("http://live/api/v1/", "live", "http://live", "/api/v1", id="base path"),
        pytest.param("http://live//a%2Fb/", "live", "http://live", "//a%2Fb", id="raw base path"),
        pytest.param("http://live/[x]", "live", "http://live", "/[x]", id="odd base path"),
        pytest.param("http://[::1]:81", "[::1]:81", "http://[::1]:81", "", id="IPv6"),
        pytest.param("http://[0:0::1]", "[::1]", "http://[::1]", "", id="IPv6 long form"),
        pytest.param("http://ü.test", "xn--tda.test", "http://xn--tda.test", "", id="IDN"),
    ],
)  # fmt: skip
def test_a_url_is_taken_apart(url: str, authority: str, address: str, base_path: str) -> None:
    """Host omits the default port and brackets IPv6; the base path stays as written."""
    origin = Origin.parse(url)
    assert (origin.authority, origin.address, origin.base_path) == (authority, address, base_path)
    assert Origin.parse(origin.url) == origin


@pytest.mark.parametrize(
    ("url", "socket_path", "base_path"),
    [
        pytest.param("http+unix:///run/app.sock", "/run/app.sock", "", id="plain path"),
        pytest.param("http+unix://%2Frun%2Fapp.sock", "/run/app.sock", "", id="escaped"),
        pytest.param("http+unix://%2Frun%2Fapp.sock/api", "/run/app.sock", "/api", id="base path"),
    ],
)
def test_a_unix_socket_has_a_path_and_no_port(url: str, socket_path: str, base_path: str) -> None:
    """Both spellings name the same socket; its Host is localhost."""
    origin = Origin.parse(url)
    assert (origin.socket_path, origin.base_path) == (socket_path, base_path)
    assert origin.authority == "localhost"
    assert Origin.parse(origin.url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "live:8080",
        "//live",
        "ftp://live",
        "http://",
        "http://:80",
        "http://live?x=1",
        "http://live?",
        "http://live#",
        "http://user:secret@live",
        "http://live:port",
        "http://live:99999",
        "http://li ve",
        "http://live/\r\nX: y",
        "http://live\x00",
        "http://[::1",
        "http://[zz]",
        "http://a/é",
        "http://exa%6dple",
        "http+unix://relative.sock",
        "http+unix://",
    ],
)
def test_what_is_no_upstream_is_refused(url: str) -> None:
    """A URL that could mean another upstream, or none, stops the start."""
    with pytest.raises(InvalidURL):
        Origin.parse(url)


def test_origins_are_values() -> None:
    """Equal origins are one pool; none can be changed."""
    origin = Origin.parse("http://live:80")
    assert origin == Origin.parse("http://live")
    assert hash(origin) == hash(Origin.parse("http://live"))
    with pytest.raises(AttributeError):
        origin.port = 81  # type: ignore[misc]
