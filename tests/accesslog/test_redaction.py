"""Secrets do not get into lines, however their names are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.accesslog.redaction import REDACTED, Redaction

REDACTION = Redaction(["X-Api-Key"], ["token", "Password", "jsessionid"])


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        pytest.param("/a", "/a", id="no-query"),
        pytest.param("/a?x=1&y=2", "/a?x=1&y=2", id="nothing-secret"),
        pytest.param("/a?", "/a?", id="empty-query"),
        pytest.param("*", "*", id="asterisk"),
        pytest.param("/a?token=s3", "/a?token=***", id="alone"),
        pytest.param("/a?x=1&token=s3&y=2", "/a?x=1&token=***&y=2", id="among-others"),
        pytest.param("/a?token=s3&token=s4", "/a?token=***&token=***", id="repeated"),
        pytest.param("/a?TOKEN=s3", "/a?TOKEN=***", id="upper-case"),
        pytest.param("/a?PassWord=s3", "/a?PassWord=***", id="setting-in-mixed-case"),
        pytest.param("/a?t%6Fken=s3", "/a?t%6Fken=***", id="escaped-name"),
        pytest.param("/a?+token=s3", "/a?+token=***", id="space-before"),
        pytest.param("/a?token=", "/a?token=***", id="empty-value"),
        pytest.param("/a?token", "/a?token", id="no-value"),
        pytest.param("/a?mytoken=x", "/a?mytoken=x", id="another-name"),
        pytest.param("/a?token=s=3", "/a?token=***", id="equals-in-value"),
        pytest.param("/a?token=s;3", "/a?token=***", id="semicolon-in-value"),
        pytest.param("/a?token=s?3#4/5", "/a?token=***", id="other-separators-in-value"),
        pytest.param("/a?x=1;token=s3", "/a?x=1;token=***", id="split-at-semicolon"),
        pytest.param("/a?b?token=s3", "/a?b?token=***", id="second-question-mark"),
        pytest.param("/a?x#token=s3", "/a?x#token=***", id="fragment"),
        pytest.param("/a?user[password]=s3", "/a?user[password]=***", id="brackets"),
        pytest.param(
            "/a?user%5Bpassword%5D=s3", "/a?user%5Bpassword%5D=***", id="escaped-brackets"
        ),
        pytest.param("/a?user.password=s3", "/a?user.password=***", id="dotted"),
        pytest.param("/a;jsessionid=s3/b?x=1", "/a;jsessionid=***/b?x=1", id="in-the-path"),
        pytest.param("/a;v=1;jsessionid=s3", "/a;v=1;jsessionid=***", id="second-in-the-path"),
        pytest.param("http://u:s3@h/a", "http://***@h/a", id="userinfo"),
        pytest.param("/mail/a@b", "/mail/a@b", id="at-sign"),
        pytest.param("/a?" + "&" * 9 + "token=s3", "/a?&&&&&&&&&token=***", id="empty-pairs"),
    ],
)
def test_the_values_of_secret_parameters_are_left_out(target: str, shown: str) -> None:
    """To the end of the value, as whoever reads it may see it; the rest stays as sent."""
    assert REDACTION.target(target) == shown


@given(
    st.lists(st.tuples(st.sampled_from("abxy"), st.text("=;?#/%+.[]&1", max_size=6)), max_size=4),
    st.sampled_from(["token", "TOKEN", "t%6fken", "a[token]", "x;token", "y?token"]),
    st.text("=;?#/%+.[]1", max_size=6),
)
def test_no_secret_gets_through(others: list[tuple[str, str]], name: str, around: str) -> None:
    """Whatever stands around it, up to the next separator of parameters."""
    before = "".join(f"{key}={value}&" for key, value in others)
    assert "S3CRET" not in REDACTION.target(f"/p?{before}{name}={around}S3CRET")


@given(st.text(max_size=50))
def test_whatever_is_sent_comes_through(target: str) -> None:
    """It raises nothing, and without a secret name changes nothing."""
    REDACTION.target(target)
    assert Redaction().target(f"/a?{target}") == f"/a?{target}" or "@" in target


def test_a_target_full_of_separators_takes_no_more_than_its_length() -> None:
    """A client chooses it: work must not grow with its square."""
    for hostile in (";" * 8000, "?a=" * 2700, "a=;" * 2700, "&" * 8000, "//" * 4000):
        assert len(REDACTION.target(f"/a?{hostile}")) == len(hostile) + 3


@pytest.mark.parametrize("name", ["Authorization", "authorization", "COOKIE", "x-api-key"])
def test_secret_fields_have_no_value(name: str) -> None:
    """Credentials always, others by setting, in any spelling."""
    assert REDACTION.field(name, "s3") == REDACTED


def test_other_fields_are_shown() -> None:
    """As they came."""
    assert REDACTION.field("User-Agent", "curl") == "curl"
