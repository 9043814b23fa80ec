"""What every test of models has."""

import pytest


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting times are exact."""
    monkeypatch.setattr("random.Random.random", lambda _: 0.0)
