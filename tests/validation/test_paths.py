"""Which template a path is."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.validation.paths import PathTree

TEMPLATES = [
    "/",
    "/invoices",
    "/invoices/",
    "/invoices/{id}",
    "/invoices/new",
    "/invoices/{invoice}/lines/{line}",
    "/invoices/new/lines/first",
    "/files/{name}.json",
    "/files/{name}",
    "/files/{year}-{month}.csv",
    "/caf%C3%A9/{x}",
    "/%7Euser",
    "/{any}/{thing}",
    "/{any}/{thing}/other",
]


@pytest.fixture(scope="module")
def tree() -> PathTree[str]:
    made: PathTree[str] = PathTree()
    for template in TEMPLATES:
        made.add(template, template)
    return made


@pytest.mark.parametrize(
    ("path", "template", "values"),
    [
        ("/", "/", {}),
        ("/invoices", "/invoices", {}),
        ("/invoices/", "/invoices/", {}),
        ("/invoices/7", "/invoices/{id}", {"id": "7"}),
        ("/invoices/new", "/invoices/new", {}),
        ("/invoices/n%65w", "/invoices/new", {}),
        ("/invoices/a%2Fb", "/invoices/{id}", {"id": "a%2Fb"}),
        ("/invoices/a;b=c", "/invoices/{id}", {"id": "a;b=c"}),
        (
            "/invoices/new/lines/2",
            "/invoices/{invoice}/lines/{line}",
            {"invoice": "new", "line": "2"},
        ),
        ("/invoices/new/lines/first", "/invoices/new/lines/first", {}),
        ("/files/a.json", "/files/{name}.json", {"name": "a"}),
        ("/files/.json", "/files/{name}", {"name": ".json"}),
        ("/files/a.b.json", "/files/{name}.json", {"name": "a.b"}),
        ("/files/2026-11-21.csv", "/files/{year}-{month}.csv", {"year": "2026", "month": "11-21"}),
        ("/files/-11.csv", "/files/{name}", {"name": "-11.csv"}),
        ("/caf%C3%A9/1", "/caf%C3%A9/{x}", {"x": "1"}),
        ("/~user", "/%7Euser", {}),
        ("/files/x/y", None, None),
        ("/elsewhere/x", "/{any}/{thing}", {"any": "elsewhere", "thing": "x"}),
        ("/invoices/7/other", "/{any}/{thing}/other", {"any": "invoices", "thing": "7"}),
        ("/elsewhere", None, None),
        ("//", None, None),
        ("//x", None, None),
        ("", None, None),
        ("*", None, None),
        ("/invoices/7/lines", None, None),
        ("/invoices/7/lines/2/3", None, None),
        ("/invoices/..", None, None),
        ("/invoices/%2e%2E", None, None),
        ("/invoices/.", None, None),
        ("/Invoices", None, None),
    ],
)
def test_the_most_fixed_template_wins(
    tree: PathTree[str], path: str, template: str | None, values: dict[str, str] | None
) -> None:
    """OpenAPI 3.1 section 4.8.8.2. A variable is never empty, a dot or two dots."""
    found = tree.find(path)
    assert found == (None if template is None else (template, values))


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("invoices", "must start with /"),
        ("/a/{", "must be around the name"),
        ("/a/}", "must be around the name"),
        ("/a/{}", "must be around the name"),
        ("/a/{x{y}}", "must be around the name"),
        ("/a/{x}{y}", "a text between two variables"),
        ("/invoices/{other}", "another path of this document"),
        ("/%69nvoices", "another path of this document"),
    ],
)
def test_what_is_no_template_is_refused(template: str, message: str) -> None:
    """Nor the same as another in other words."""
    tree: PathTree[int] = PathTree()
    tree.add("/invoices", 1)
    tree.add("/invoices/{id}", 2)
    with pytest.raises(ValueError, match=message):
        tree.add(template, 3)


_SEGMENTS = st.sampled_from(["a", "b", "a-b", "{x}", "{x}-{y}", "a{x}", "{x}.b"])
_TEMPLATES = st.lists(_SEGMENTS, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
_PATHS = st.lists(st.text("ab-.", max_size=5), min_size=1, max_size=3).map("/".join)


@given(st.lists(_TEMPLATES, max_size=6, unique=True), _PATHS)
def test_a_path_is_found_exactly_if_a_template_fits(templates: list[str], path: str) -> None:
    """As a regular expression for each of them would have it."""
    tree: PathTree[str] = PathTree()
    taken = []
    for template in templates:
        try:
            tree.add(template, template)
        except ValueError:
            continue
        taken.append(template)
    found = tree.find("/" + path)
    pattern = {t: re.sub(r"\\\{.\\\}", "[^/]+", re.escape(t)) for t in taken}
    fits = {t for t in taken if re.fullmatch(pattern[t], "/" + path)}
    if found is not None:
        assert found[0] in fits
    elif not any(part in (".", "..") for part in path.split("/")):
        assert fits == set()


def test_no_path_makes_the_search_long() -> None:
    """As many ways through the tree as there are, and a path as long as one can be."""
    tree: PathTree[int] = PathTree()
    tree.add("/" + "/".join(["{x}"] * 12), 1)
    for depth in range(12):
        tree.add("/" + "/".join(["{x}"] * depth + ["a"] * (12 - depth)) + "/end", depth)
    tree.add("/files/{a}-{b}-{c}-{d}.json", 99)
    began = time.process_time()
    for _ in range(100):
        assert tree.find("/a" * 4000) is None
        assert tree.find("/a" * 12 + "/no") is None
        assert tree.find("/files/" + "-" * 8000) is None
    assert time.process_time() - began < 1
