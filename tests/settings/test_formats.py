"""Checks of texts that must have a form."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.settings.formats import FORMATS, url_fault


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("url", "http://127.0.0.1:9001"),
        ("url", "https://billing.example/base/v2/"),
        ("url", "http://[::1]:8080/"),
        ("url", "http://billing_v2:80"),
        ("url", "http://host.example."),
        ("url", "http://h/a%2Fb;x=1"),
        ("url", "http+unix://%2Frun%2Fapp.sock"),
        ("url", "http+unix://%2Frun%2Fapp.sock/base"),
        ("address", "127.0.0.1:8000"),
        ("address", "[::]:0"),
        ("address", "localhost:65535"),
        ("address", "unix:/run/gateway.sock"),
        ("address", "unix:gateway.sock"),
        ("host", "keep"),
        ("host", "upstream"),
        ("host", "billing.example:8443"),
        ("host", "[::1]"),
        ("path", "/"),
        ("path", "/a/*/b/**"),
        ("path", "/a%20b"),
        ("method", "GET"),
        ("method", "M-SEARCH"),
        ("token", "X-Api.Key!"),
        ("token-or-empty", ""),
        ("token-or-empty", "X-A"),
        ("field-value", ""),
        ("field-value", "Bearer a b\tc"),
        ("media-range", "text/html"),
        ("media-range", "application/*+json"),
        ("media-range", "*/*"),
        ("network", "192.0.2.1"),
        ("network", "10.0.0.0/8"),
        ("network", "2001:db8::/32"),
        ("web-origin", "*"),
        ("web-origin", "null"),
        ("web-origin", "https://app.example.com"),
        ("web-origin", "https://*.example.com:8443"),
        ("web-origin", "http://[::1]:3000"),
        ("web-origin", "chrome-extension://abcdef"),
        ("rates", "100/minute; 10/second; burst 20"),
        ("limit-key", "identity"),
        ("limit-key", "header:X-Tenant"),
        ("redis-url", "redis://redis.test"),
        ("redis-url", "redis://:pass%2Fword@[::1]:6379/15"),
        ("redis-url", "rediss://user:p@redis.test:6380?ssl_ca_certs=/etc/ca.pem&ssl_x=1"),
        ("redis-url", "redis+unix:///run/redis.sock"),
        ("sample-key", "request-id"),
        ("sample-key", "header:X-Account"),
        ("file", "tls/ca.pem"),
        ("folder", "/run"),
    ],
)
def test_a_good_text_has_no_fault(form: str, text: str) -> None:
    """Whatever is valid is taken, however unusual."""
    assert FORMATS[form](text) is None


@pytest.mark.parametrize(
    ("form", "text", "hint"),
    [
        ("rates", "often", "is no rate"),
        ("limit-key", "address:x", ""),
        ("limit-key", "header", ""),
        ("limit-key", "header:", ""),
        ("redis-url", "redis.test:6379", "scheme"),
        ("redis-url", "http://redis.test", "scheme"),
        ("redis-url", "redis://", "host is missing"),
        ("redis-url", "redis://redis.test:0", "port"),
        ("redis-url", "redis://redis.test/one", "number of a database"),
        ("redis-url", "redis+unix://run/redis.sock", "begins with /"),
        ("redis-url", "redis://redis.test?socket_timeout=60", "options of TLS only"),
        ("redis-url", "redis://redis.test?ssl_a=b&", "options of TLS only"),
        ("media-range", "text", ""),
        ("media-range", "text/html; charset=utf-8", "leave them out"),
        ("media-range", "text/ht ml", ""),
        ("network", "10.0.0.1/8", 'did you mean "10.0.0.0/8"?'),
        ("network", "office", ""),
        ("network", "10.0.0.0/33", ""),
        ("web-origin", "app.example.com", "scheme is missing"),
        ("web-origin", "HTTPS://app.example.com", 'did you mean "https://app.example.com"?'),
        ("web-origin", "https://app.example.com/", 'did you mean "https://app.example.com"?'),
        ("web-origin", "https://app.example.com:443", "default port"),
        ("web-origin", "https://*", ""),
        ("web-origin", "https://a.*.com", ""),
        ("web-origin", "1://a", "its scheme is none"),
        ("web-origin", "https://a/b", ""),
        ("url", "", "scheme is missing"),
        ("url", "localhost:9000", 'did you mean "http://localhost:9000"?'),
        ("url", "billing", 'did you mean "http://billing"?'),
        ("url", "ftp://h", "scheme is none of these"),
        ("url", "HTTP://h", "scheme is none of these"),
        ("url", " http://h", "scheme is none of these"),
        ("url", "http://", "host is missing"),
        ("url", "http:///path", "host is missing"),
        ("url", "http://:80", "host is missing"),
        ("url", "http://h:0", "from 1 to 65535"),
        ("url", "http://h:65536", "from 1 to 65535"),
        ("url", "http://h:", "from 1 to 65535"),
        ("url", "http://h:8x", "from 1 to 65535"),
        ("url", "http://h:٣", "from 1 to 65535"),
        ("url", "http://::1:80", "needs brackets"),
        ("url", "http://[::g]", "not an IP address"),
        ("url", "http://[::1]x", "neither HOST nor HOST:PORT"),
        ("url", "http://300.1.1.1", "not an IP address"),
        ("url", "http://127.1", "not an IP address"),
        ("url", "http://a..b", "not a host name"),
        ("url", "http://-a", "not a host name"),
        ("url", "http://a b", "not a host name"),
        ("url", "http://" + "a" * 64, "not a host name"),
        ("url", "http://" + "a." * 127 + "aa", "not a host name"),
        ("url", "http://bücher.example", "xn--"),
        ("url", "http://h/?q=1", "no query"),
        ("url", "http://h?", "no query"),
        ("url", "http://h/#f", "no fragment"),
        ("url", "http://user:secret@h", "Authorization in headers.set"),
        ("url", "user:secret@h", "Authorization in headers.set"),
        ("url", "http://user:pa/ss@h", "Authorization in headers.set"),
        ("url", "http://h/a b", "escaped"),
        ("url", "http://h/%zz", "escaped"),
        ("url", "http://h\\evil", "not a host name"),
        ("url", "http+unix://run/app.sock", "%2F"),
        ("url", "http+unix://%2F" + "a" * 107, "107 bytes"),
        ("url", "http+unix://%2Fa%00b", "NUL"),
        ("address", "8000", "port is missing"),
        ("address", ":8000", "0.0.0.0"),
        ("address", "*:8000", "0.0.0.0"),
        ("address", "h:65536", "from 0 to 65535"),
        ("address", "http://h:80", "leave out the scheme"),
        ("address", "::1:8000", "needs brackets"),
        ("address", "unix:", "1 to 107 bytes"),
        ("host", "Keep", 'did you mean "keep"?'),
        ("host", "http://h", "leave out the scheme"),
        ("host", "h/x", "not a host name"),
        ("path", "api", 'did you mean "/api"?'),
        ("path", "", "start with /"),
        ("path", "*", "start with /"),
        ("path", "/a?x", "no query"),
        ("path", "/a b", "escaped"),
        ("path", "/ä", "escaped"),
        ("path", "/***", "any number"),
        ("method", "get", 'did you mean "GET"?'),
        ("method", "G ET", ""),
        ("token", "", ""),
        ("token", "X A", ""),
        ("token", "X:A", ""),
        ("token", "Xä", ""),
        ("token-or-empty", "X\n", ""),
        ("field-value", "a\r\nX: b", "line breaks"),
        ("field-value", "a\n", "line breaks"),
        ("field-value", "a\0", "NUL"),
        ("field-value", " a", ""),
        ("field-value", "ü", ""),
        ("sample-key", "header:X A", ""),
        ("file", "", ""),
    ],
)
def test_a_bad_text_is_explained(form: str, text: str, hint: str) -> None:
    """What is wrong, and where it can be told, what was meant."""
    fault = FORMATS[form](text)
    assert fault is not None
    assert hint in fault


@settings(deadline=None)
@given(st.text(max_size=20), st.sampled_from(sorted(FORMATS)))
def test_a_check_never_raises(text: str, form: str) -> None:
    """Any text at all is answered."""
    fault = FORMATS[form](text)
    assert fault is None or isinstance(fault, str)


@settings(deadline=None)
@given(st.from_regex(r"https?://[!-~]{0,20}", fullmatch=True))
def test_an_accepted_url_is_printable_and_without_secrets(url: str) -> None:
    """What passes has no user, no query, no fragment, no space."""
    if url_fault(url) is None:
        rest = url.partition("://")[2]
        assert not set(rest) & set("@?# \\")
