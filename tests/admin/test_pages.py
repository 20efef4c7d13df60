"""Pages of other sites are kept away, commands and scrapers are not concerned."""

from __future__ import annotations

import pytest
from werkzeug.exceptions import Forbidden

from gateway.admin.pages import refuse_foreign_pages

ADMIN = "127.0.0.1:9900"


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({"HTTP_HOST": ADMIN}, id="a command"),
        pytest.param({"HTTP_HOST": "localhost"}, id="one by name"),
        pytest.param({"HTTP_HOST": "[::1]:9900"}, id="IPv6"),
        pytest.param({"HTTP_HOST": "10.0.0.7:9900"}, id="any literal address"),
        pytest.param({"HTTP_HOST": ADMIN, "HTTP_ORIGIN": f"http://{ADMIN}"}, id="our page"),
        pytest.param({"HTTP_HOST": ADMIN, "HTTP_SEC_FETCH_SITE": "none"}, id="an address bar"),
        pytest.param({"HTTP_HOST": ADMIN, "HTTP_SEC_FETCH_SITE": "same-origin"}, id="our link"),
    ],
)
def test_let_in(sent: dict[str, str]) -> None:
    """Whoever asks us by what we are called."""
    refuse_foreign_pages(sent, ADMIN)


@pytest.mark.parametrize("any_name", [False, True], ids=["open", "with credentials"])
@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({"HTTP_ORIGIN": "http://evil.test"}, id="origin"),
        pytest.param({"HTTP_ORIGIN": "null"}, id="sandboxed"),
        pytest.param({"HTTP_ORIGIN": "http://127.0.0.1:9901"}, id="another port"),
        pytest.param({"HTTP_SEC_FETCH_SITE": "cross-site"}, id="cross-site"),
        pytest.param({"HTTP_SEC_FETCH_SITE": "same-site"}, id="same-site"),
    ],
)
def test_other_sites_are_refused(sent: dict[str, str], any_name: bool) -> None:
    """A browser keeps credentials for us, and sends them along."""
    with pytest.raises(Forbidden):
        refuse_foreign_pages({"HTTP_HOST": ADMIN, **sent}, ADMIN, any_name=any_name)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({}, id="a page's GET without TLS"),
        pytest.param({"HTTP_ORIGIN": "http://evil.test:9900"}, id="a page's POST"),
        pytest.param({"HTTP_SEC_FETCH_SITE": "same-origin"}, id="with TLS"),
    ],
)
def test_a_name_that_was_rebound_to_our_address_is_refused(sent: dict[str, str]) -> None:
    """To its page we are the same site; only the name tells. With credentials it has none."""
    rebound = {"HTTP_HOST": "evil.test:9900", **sent}
    with pytest.raises(Forbidden, match="evil"):
        refuse_foreign_pages(rebound, ADMIN)
    refuse_foreign_pages(rebound, ADMIN, any_name=True)
