"""Parameters as OpenAPI 3.1 section 4.8.12 writes them, read."""

from __future__ import annotations

import pytest

from gateway.validation.styles import MISSING, Form, Pairs, Structure, Unreadable, reader

COLORS = {"R": "100", "G": "200", "B": "150"}
LIST = ["blue", "black", "brown"]


@pytest.mark.parametrize(
    ("form", "style", "explode", "pairs", "structure"),
    [
        ("scalar", "simple", False, [("color", "blue,black")], "blue,black"),
        ("scalar", "form", True, [("x", "1"), ("color", "")], ""),
        ("array", "simple", False, [("color", "blue,black,brown")], LIST),
        ("array", "simple", True, [("color", "blue,black,brown")], LIST),
        ("array", "simple", False, [("color", "")], []),
        ("array", "form", False, [("color", "blue,black,brown")], LIST),
        ("array", "form", True, [("color", each) for each in LIST], LIST),
        ("array", "form", True, [("color", "blue,black")], ["blue,black"]),
        ("array", "spaceDelimited", False, [("color", "blue%20black+brown")], LIST),
        ("array", "pipeDelimited", False, [("color", "blue|black%7Cbrown")], LIST),
        ("object", "simple", False, [("color", "R,100,G,200,B,150")], COLORS),
        ("object", "simple", True, [("color", "R=100,G=200,B=150")], COLORS),
        ("object", "form", False, [("color", "R,100,G,200,B,150")], COLORS),
        ("object", "form", True, [*COLORS.items(), ("x", "1")], COLORS),
        ("object", "deepObject", True, [(f"color[{k}]", v) for k, v in COLORS.items()], COLORS),
        ("object", "deepObject", True, [("color[other]", "1"), ("color", "2")], {"other": "1"}),
    ],
)
def test_the_examples_of_the_specification_are_read(
    form: Form, style: str, explode: bool, pairs: Pairs, structure: Structure
) -> None:
    """Still escaped, still texts."""
    read = reader("color", form, style, explode=explode, properties=tuple(COLORS))
    assert read(pairs) == structure


@pytest.mark.parametrize("form", ["scalar", "array", "object"])
@pytest.mark.parametrize("explode", [True, False])
@pytest.mark.parametrize("style", ["simple", "form", "deepObject"])
def test_what_is_not_there_is_missing(form: Form, style: str, explode: bool) -> None:
    """Whatever else is."""
    if style == "deepObject" and form != "object":
        style = "form"
    read = reader("color", form, style, explode=explode, properties=("R",))
    assert read([("colors", "1"), ("x[R]", "2")]) is MISSING


@pytest.mark.parametrize(
    ("form", "style", "explode", "pairs", "message"),
    [
        ("scalar", "form", True, [("color", "1"), ("color", "2")], "more than once"),
        ("array", "form", False, [("color", "1"), ("color", "2")], "more than once"),
        ("object", "form", True, [("R", "1"), ("R", "2")], "more than once"),
        ("object", "form", False, [("color", "R,1,G")], "name,value,name,value"),
        ("object", "simple", False, [("color", "R,1,R,2")], "has a name more than once"),
        ("object", "simple", True, [("color", "R=1,G")], "name=value,name=value"),
        ("object", "deepObject", True, [("color[R", "1")], r"name\[property\]=value"),
        ("object", "deepObject", True, [("color[R][x]", "1")], "not be nested"),
        ("object", "deepObject", True, [("color[R]", "1"), ("color[R]", "2")], "more than once"),
    ],
)
def test_what_can_be_read_in_two_ways_is_not_read(
    form: Form, style: str, explode: bool, pairs: Pairs, message: str
) -> None:
    """Nobody knows which of two values live would take."""
    read = reader("color", form, style, explode=explode, properties=("R", "G"))
    with pytest.raises(Unreadable, match=message):
        read(pairs)
