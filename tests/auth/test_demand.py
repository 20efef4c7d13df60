"""What a route asks for, compared with what another asks for."""

from __future__ import annotations

import pytest

from gateway.auth.demand import Demand
from gateway.auth.proof import Scheme


@pytest.mark.parametrize(
    ("one", "other", "covers"),
    [
        (Demand(), Demand(), True),
        (Demand(["basic"]), Demand(), True),
        (Demand(), Demand(["basic"]), False),
        (Demand(["basic"]), Demand(["basic"]), True),
        (Demand(["basic"]), Demand(["basic", "jwt"]), True),
        (Demand(["basic", "jwt"]), Demand(["basic"]), False),
        (Demand(["jwt"]), Demand(["basic"]), False),
        (Demand(["jwt"], ["a", "b"]), Demand(["jwt"], ["a"]), True),
        (Demand(["jwt"], ["a"]), Demand(["jwt"], ["a", "b"]), False),
        (Demand(["jwt"]), Demand([], ["a"]), True),
    ],
    ids=[
        "nothing",
        "more than nothing",
        "less",
        "same",
        "stricter",
        "looser",
        "another",
        "more scopes",
        "fewer scopes",
        "scopes of nobody",
    ],
)
def test_who_satisfies_one_may_satisfy_the_other(one: Demand, other: Demand, covers: bool) -> None:
    """The question behind a path that can be read in two ways."""
    assert one.covers(other) is covers


def test_schemes_keep_their_order() -> None:
    """Each once: the order decides which credential counts."""
    assert Demand(["jwt", "basic", "jwt"]).schemes == (Scheme.JWT, Scheme.BASIC)
    assert repr(Demand(["jwt"], ["b", "a"])) == "<Demand jwt ['a', 'b']>"
    assert repr(Demand()) == "<Demand nothing []>"
