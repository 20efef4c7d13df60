"""Following all paths at once finds what following each alone would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.compare.paths import Path, Step, Wild, parse_path
from gateway.compare.places import Place, Places

KEYS = st.sampled_from(["a", "b", 0, 1])
STEPS = KEYS | st.sampled_from(Wild)


def found_at(paths: list[str], keys: list[str | int]) -> list[int] | None:
    place: Place[list[int]] | None = Places([parse_path(path) for path in paths], list).root()
    for key in keys:
        place = place and place.child(key)
    return None if place is None else place.found


def test_paths_that_end_at_a_place_are_found_there() -> None:
    """By number, in their order."""
    paths = ["$.lines[*].id", "$..id", "$.lines", "$.lines[1].id"]
    assert found_at(paths, ["lines"]) == [2]
    assert found_at(paths, ["lines", 0, "id"]) == [0, 1]
    assert found_at(paths, ["lines", 1, "id"]) == [0, 1, 3]
    assert found_at(paths, ["x", "y", "id"]) == [1]


def test_where_no_path_leads_there_is_no_place() -> None:
    """And nothing is looked up any more from there on."""
    assert found_at(["$.a.b"], ["x"]) is None
    assert found_at(["$.a.b"], ["a", "b"]) == [0]
    assert found_at(["$.a.b"], ["a", "b", "c"]) is None
    assert Places([], list).root() is None


def test_a_name_that_looks_like_an_index_is_none() -> None:
    """{"0": …} is not [ … ]."""
    assert found_at(["$[0]"], ["0"]) is None
    assert found_at(["$['0']"], [0]) is None


def test_places_are_kept_up_to_a_number() -> None:
    """Documents cannot make a process grow, however many places rules have."""
    paths = [parse_path(f"$..a..b[{number}]..c") for number in range(30)]
    places = Places(paths, list)
    for number in range(5000):
        place = places.root()
        for bit in range(14):
            place = place and place.child("ab"[number >> bit & 1])
            place = place and place.child(number % (bit + 2))
    assert len(places._kept) <= 2000


def _matches(steps: tuple[Step, ...], keys: tuple[str | int, ...]) -> bool:
    """The definition, by backtracking."""
    if not steps:
        return not keys
    if steps[0] is Wild.DEEP:
        return any(_matches(steps[1:], keys[n:]) for n in range(len(keys) + 1))
    return bool(keys) and steps[0] in {Wild.EACH, keys[0]} and _matches(steps[1:], keys[1:])


@given(st.lists(st.lists(STEPS, max_size=4).map(tuple), max_size=4), st.lists(KEYS, max_size=5))
def test_every_place_has_exactly_the_paths_that_match(
    paths: list[tuple[Step, ...]], keys: list[str | int]
) -> None:
    """Compared with the definition."""
    place: Place[list[int]] | None = Places([Path("", steps) for steps in paths], list).root()
    for key in keys:
        place = place and place.child(key)
    expected = [n for n, steps in enumerate(paths) if _matches(steps, tuple(keys))]
    assert (place.found if place else []) == expected
