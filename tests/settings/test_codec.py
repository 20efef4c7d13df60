"""Settings as bytes (their round trip is in test_properties.py)."""

from __future__ import annotations

import pytest

from gateway.settings import Live, Settings, SettingsError, from_json, to_json


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"{}",
        b"[]",
        b'{"live": {"url": 5}}',
        b'{"live": {"url": "\xff"}}',
        b'{"live": {"url": "http://a"}, "new": 1}',
        b'{"live": {"url": "http://a", "pool_size": 0}}',
    ],
    ids=repr,
)
def test_what_is_no_settings_is_refused(data: bytes) -> None:
    """A worker of another version, or a torn file, is not guessed at."""
    with pytest.raises(SettingsError, match="handed from process to process"):
        from_json(data)


def test_all_values_are_handed_over() -> None:
    """Defaults too: a worker must not fill in its own."""
    data = to_json(Settings(live=Live(url="http://a")))
    assert b'"pool_size":256' in data
    assert b'"bind":"127.0.0.1:8000"' in data
