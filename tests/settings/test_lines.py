"""On which line a key is."""

from __future__ import annotations

import pytest

from gateway.settings.declared import Key
from gateway.settings.lines import key_lines, line_of

DOCUMENT = '''\
runtime_dir = "/x"

[live]   # url = "not here"
url = "http://a"
"read_timeout" = 5
tls . ca = "x"

[[shadows]]
url = "http://b"
methods = [
  "GET",
]
headers = { set = { A = "1" } }
[shadows.tls]
verify = true
[[shadows]]
note = """
url = "this is text"
[server]
"""
url = "http://c"
  [ shadows . headers ]
  remove = []
[[routes]]
[routes.live]
url = "http://d"
'''


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (("runtime_dir",), 1),
        (("live",), 3),
        (("live", "url"), 4),
        (("live", "read_timeout"), 5),
        (("live", "tls", "ca"), 6),
        (("shadows",), 8),
        (("shadows", 0), 8),
        (("shadows", 0, "url"), 9),
        (("shadows", 0, "methods"), 10),
        (("shadows", 0, "tls", "verify"), 15),
        (("shadows", 1), 16),
        (("shadows", 1, "url"), 21),
        (("shadows", 1, "headers", "remove"), 23),
        (("routes", 0, "live", "url"), 26),
    ],
    ids=str,
)
def test_a_key_is_on_its_line(key: Key, line: int) -> None:
    """Comments, quoted keys, items and text in triple quotes are seen for what they are."""
    assert line_of(key_lines(DOCUMENT), key) == line


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (("shadows", 0, "methods", 0), 10),
        (("shadows", 0, "headers", "set", "A"), 13),
        (("shadows", 1, "percent"), 16),
        (("server", "bind"), None),
        ((), None),
    ],
    ids=str,
)
def test_a_key_that_starts_no_line_is_on_that_of_what_it_is_in(key: Key, line: int | None) -> None:
    """The nearest table or list; nothing where there is none."""
    assert line_of(key_lines(DOCUMENT), key) == line
