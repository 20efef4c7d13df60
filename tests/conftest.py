"""What tests of several folders share."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests.support.certificates import Certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.issued_in(tmp_path_factory.mktemp("certificates"))


# Everybody's run sees the same examples: a run that fails says something about the
# change at hand. HYPOTHESIS_PROFILE=explore looks for new ones (`make explore`).
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
