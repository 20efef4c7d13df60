"""What tests of several folders share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from gateway.settings.isolation import Isolation
from gateway.shadow.holdout import Holdout
from tests.support.certificates import Certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.issued_in(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session", autouse=True)
def nobody_is_held_out_by_default() -> Iterator[None]:
    """A hundredth of all requests would not be mirrored, and tests count on every one.

    Any other share than the default is in force.
    """
    has, default = Holdout.has, Holdout(Isolation().holdout)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Holdout, "has", lambda self, key: repr(self) != repr(default) and has(self, key)
        )
        yield


# Everybody's run sees the same examples: a run that fails says something about the
# change at hand. HYPOTHESIS_PROFILE=explore looks for new ones (`make explore`).
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
