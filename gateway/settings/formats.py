"""Checks of texts that must have a form: URLs, addresses, paths, field names.

Each takes a text and says what is wrong with it, or nothing. They look at the
text only: no file is opened and no name is resolved, since an upstream that is
down, or not yet known, must not stop the gateway.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from urllib.parse import unquote

from gateway.compare.currencies import currency_fault
from gateway.compare.paths import member_fault
from gateway.compare.paths import path_fault as json_path_fault
from gateway.ratelimit.notation import rates_fault

# RFC 9110 section 5.6.2.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# RFC 9110 section 5.5, without obs-text: bytes above ASCII have no agreed encoding.
_FIELD_VALUE = re.compile(r"(?:[!-~](?:[ \t!-~]*[!-~])?)?")
_LINE_BREAK = re.compile(r"[\r\n\0]")
_METHOD = re.compile(r"[A-Z][A-Z0-9_-]*")
_PATTERN = re.compile(r"[!-~]+")
_URL_START = re.compile(r"(?:https?|http\+unix)://")
_URL_PATH = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")
_QUERY = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")
_AUTHORITY = re.compile(r"(?:\[(?P<v6>[^\[\]]*)\]|(?P<name>[^:\[\]]*))(?::(?P<port>[^:]*))?")
# Underscores are no host names by RFC 952, but common in container networks.
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_TLS_OPTIONS = re.compile(r"(?:ssl_[a-z_]+=[!-%'-~]*(?:&(?!$)|$))*")
_AMOUNT = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")  # RFC 3986 section 3.1
# Resolvers read such names as (odd forms of) IPv4 addresses: 127.1 is 127.0.0.1.
_ENDS_IN_NUMBER = re.compile(r"(?:^|\.)[0-9]+\.?$")
# sockaddr_un has 108 bytes on Linux, the last one NUL: unix(7).
_LONGEST_SOCKET_PATH = 107

CREDENTIALS = "a shadow gets its own by Authorization in headers.set, live gets those of the client"


def url_fault(text: str) -> str | None:
    """An upstream's URL: scheme, authority, perhaps a path that goes before every target."""
    if not _URL_START.match(text):
        return _scheme_fault(text)
    rest = text.partition("://")[2]
    if "?" in rest or "#" in rest:
        return "an upstream's URL has no query and no fragment: each request brings its own"
    if "@" in rest:
        return CREDENTIALS
    authority, slash, path = rest.partition("/")
    if not _URL_PATH.fullmatch(slash + path):
        return "its path has characters that must be escaped (a space is %20)"
    if text.startswith("http+unix://"):
        return _socket_fault(unquote(authority))
    return authority_fault(authority, ports=range(1, 65536))


def _scheme_fault(text: str) -> str:
    if "@" in text:
        return CREDENTIALS
    if "://" in text:
        return "its scheme is none of these"
    if url_fault_with_scheme(text) is None:
        return f'did you mean "http://{text}"?'
    return "the scheme is missing"


def url_fault_with_scheme(text: str) -> str | None:
    """The fault of a URL whose scheme was forgotten."""
    return url_fault(f"http://{text}")


def _socket_fault(path: str) -> str | None:
    if not path.startswith("/"):
        return "write each / of the socket's path as %2F, as in http+unix://%2Frun%2Fapp.sock"
    if len(path.encode("utf-8", "surrogateescape")) > _LONGEST_SOCKET_PATH:
        return f"a socket's path has at most {_LONGEST_SOCKET_PATH} bytes"
    return "a socket's path has no NUL" if "\0" in path else None


def authority_fault(authority: str, *, ports: range, port_needed: bool = False) -> str | None:
    """``HOST``, ``HOST:PORT``, ``[IPV6]`` or ``[IPV6]:PORT``."""
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        if authority.count(":") > 1 and "[" not in authority:
            return "an IPv6 address needs brackets, as in [::1]:8000"
        return "that is neither HOST nor HOST:PORT"
    port = match["port"]
    if port is None and port_needed:
        return "the port is missing"
    if port is not None and not (port.isdecimal() and port.isascii() and int(port) in ports):
        return f"the port must be a number from {ports[0]} to {ports[-1]}"
    return _host_fault(match["name"], match["v6"])


def _host_fault(name: str | None, v6: str | None) -> str | None:
    if v6 is not None or _ENDS_IN_NUMBER.search(name or ""):
        address = v6 or name or ""
        try:
            (ipaddress.IPv4Address if v6 is None else ipaddress.IPv6Address)(address)
        except ValueError:
            return f"{address} is not an IP address"
        return None
    if not name:
        return "the host is missing"
    if not name.isascii():
        return "an international host name must be in its ASCII form (xn--…)"
    labels = name.removesuffix(".").split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return "that is not a host name"
    return None


def address_fault(text: str) -> str | None:
    """Where a server listens. Port 0: any free one."""
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        too_long = len(path.encode("utf-8", "surrogateescape")) > _LONGEST_SOCKET_PATH
        return (
            f"a socket's path has 1 to {_LONGEST_SOCKET_PATH} bytes"
            if too_long or not path
            else None
        )
    if "://" in text:
        return "leave out the scheme"
    if re.match(r"\*?:[^:]*$", text):
        return "the host is missing: 0.0.0.0 or [::] for all interfaces"
    return authority_fault(text, ports=range(65536), port_needed=True)


def host_fault(text: str) -> str | None:
    """A rule for the Host field: two words, or what is sent."""
    if text in {"keep", "upstream"}:
        return None
    if text.lower() in {"keep", "upstream"}:
        return f'did you mean "{text.lower()}"?'
    if "://" in text:
        return "leave out the scheme"
    return authority_fault(text, ports=range(1, 65536))


def path_fault(text: str) -> str | None:
    """A path prefix or pattern."""
    if not text.startswith("/"):
        slashed = f"/{text}"
        meant = not text.startswith("*") and len(text) > 0 and path_fault(slashed) is None
        return f'did you mean "{slashed}"?' if meant else "it must start with /"
    if "?" in text or "#" in text:
        return "a path has no query: rules look at the path only"
    if not _PATTERN.fullmatch(text):
        return "characters other than printable ASCII must be escaped as clients send them (%20)"
    return "*** means nothing; ** is any number of segments" if "***" in text else None


def method_fault(text: str) -> str | None:
    """A method; they are case-sensitive (RFC 9110 section 9.1)."""
    if _METHOD.fullmatch(text):
        return None
    return f'did you mean "{text.upper()}"?' if _METHOD.fullmatch(text.upper()) else ""


def token_fault(text: str) -> str | None:
    """A field name."""
    return None if _TOKEN.fullmatch(text) else ""


def token_or_empty_fault(text: str) -> str | None:
    """A field name, or nothing at all."""
    return token_fault(text) if text else None


def field_value_fault(text: str) -> str | None:
    """A field's value. Never repeats it: it may be a secret."""
    if _FIELD_VALUE.fullmatch(text):
        return None
    return "line breaks and NUL would end the field" if _LINE_BREAK.search(text) else ""


def sample_key_fault(text: str) -> str | None:
    """What a request is sampled by."""
    _, _, name = text.partition(":")
    return token_or_empty_fault(name)


def media_range_fault(text: str) -> str | None:
    """A content type, in which either half may have a *."""
    if ";" in text:
        return "parameters do not matter here; leave them out"
    kind, slash, subtype = text.partition("/")
    return None if slash and _TOKEN.fullmatch(kind) and _TOKEN.fullmatch(subtype) else ""


def network_fault(text: str) -> str | None:
    """An address or a network, whose host bits are zero."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        pass
    else:
        return None
    try:
        return f'did you mean "{ipaddress.ip_network(text, strict=False)}"?'
    except ValueError:
        return ""


def proxy_fault(text: str) -> str | None:
    """Whose word about clients' addresses is taken."""
    return None if text == "unix" else network_fault(text)


def web_origin_fault(text: str) -> str | None:
    """An origin exactly as browsers write it (RFC 6454 section 6.2), or a pattern of them."""
    if text in {"*", "null"}:
        return None
    if text != text.lower():
        return f'did you mean "{text.lower()}"?'
    scheme, separator, authority = text.partition("://")
    if not separator:
        return "the scheme is missing"
    if authority.rstrip("/") != authority and web_origin_fault(text.rstrip("/")) is None:
        return f'did you mean "{text.rstrip("/")}"?'
    if (scheme, authority.rpartition(":")[2]) in {("http", "80"), ("https", "443")}:
        return "browsers leave out the default port"
    if not _SCHEME.fullmatch(scheme):
        return "its scheme is none"
    return authority_fault(authority.removeprefix("*."), ports=range(1, 65536))


def document_url_fault(text: str) -> str | None:
    """The URL of a document that is fetched as it is: it may have a query."""
    address, _, query = text.partition("?")
    if text.startswith("http+unix:"):
        return "its scheme is none of these"
    if not _QUERY.fullmatch(query):
        return "its query has characters that must be escaped (a space is %20)"
    return url_fault(address)


def limit_key_fault(text: str) -> str | None:
    """What requests are counted by."""
    kind, separator, name = text.partition(":")
    if kind == "header" and separator:
        return token_fault(name)
    return None if text in {"identity", "address", "route"} else ""


def redis_url_fault(text: str) -> str | None:
    """A Redis server. It may have a password, so what is wrong is said without the text."""
    address, _, query = text.partition("?")
    if not _TLS_OPTIONS.fullmatch(query):
        return "after ? there are options of TLS only, such as ssl_ca_certs=/PATH"
    scheme, separator, rest = address.partition("://")
    if scheme == "redis+unix" and separator:
        return None if rest.startswith("/") else "a socket's path begins with /"
    if scheme not in {"redis", "rediss"} or not separator:
        return "its scheme is none of these"
    authority, _, number = rest.partition("/")
    if number and not (number.isascii() and number.isdigit()):
        return "after the port there is the number of a database"
    return authority_fault(authority.rpartition("@")[2], ports=range(1, 65536))


def store_url_fault(text: str) -> str | None:
    """Where figures are kept. It may have a password, so what is wrong is said without the text."""
    if text == "off":
        return None
    scheme, separator, rest = text.partition("://")
    if scheme == "sqlite" and separator:
        return _sqlite_fault(rest)
    if scheme not in {"postgresql", "postgres"} or not separator:
        return "its scheme is none of these"
    if scheme == "postgres":
        return "write its scheme in full: postgresql"
    authority, slash, database = rest.partition("?")[0].partition("/")
    host = authority.rpartition("@")[2]
    if not slash or not database:
        return "the name of the database is missing"
    # Without a host it is the local socket.
    return authority_fault(host, ports=range(1, 65536)) if host else None


def _sqlite_fault(rest: str) -> str | None:
    path = rest.removeprefix("/")
    if not rest.startswith("/") or not path or path.endswith("/"):
        return "three slashes and a file, four where its path is absolute"
    if path.startswith((":memory:", "file:")) or "?" in path or "#" in path:
        return "it must be a plain file, which all workers can open"
    return None


def amount_fault(text: str) -> str | None:
    """A decimal number, as people write it."""
    return None if _AMOUNT.fullmatch(text) else ""


def hook_fault(text: str) -> str | None:
    """A function in a module. Whether they are there is looked at later."""
    module, separator, function = text.partition(":")
    named = all(part.isidentifier() for part in (*module.split("."), *function.split(".")))
    return None if separator and named else ""


def path_text_fault(text: str) -> str | None:
    """The path of a file or folder; whether it exists is looked at later."""
    return None if text else ""


# By the name in ``extra["format"]``. What they return goes after "expected …; ";
# an empty text: that said it all.
FORMATS: Mapping[str, Callable[[str], str | None]] = MappingProxyType(
    {
        "url": url_fault,
        "address": address_fault,
        "host": host_fault,
        "path": path_fault,
        "method": method_fault,
        "token": token_fault,
        "token-or-empty": token_or_empty_fault,
        "field-value": field_value_fault,
        "sample-key": sample_key_fault,
        "media-range": media_range_fault,
        "network": network_fault,
        "proxy": proxy_fault,
        "web-origin": web_origin_fault,
        "document-url": document_url_fault,
        "rates": rates_fault,
        "limit-key": limit_key_fault,
        "redis-url": redis_url_fault,
        "store-url": store_url_fault,
        "json-path": json_path_fault,
        "member-path": member_fault,
        "amount": amount_fault,
        "currency": currency_fault,
        "hook": hook_fault,
        "file": path_text_fault,
        "folder": path_text_fault,
    }
)
