"""The token: where it is looked for, and how one comes to be."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from rayline.cluster import authentication


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without a token, whose home is `tmp_path`."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (authentication.MODE, authentication.TOKEN, authentication.TOKEN_PATH):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(authentication, "_reread", lambda: None)  # the session's cluster goes on with its own token
    return tmp_path


def test_the_environment_wins_over_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert authentication.token() is None
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("from home\n")
    assert authentication.token() == "from home"
    (tmp_path / "other").write_text("from file")
    monkeypatch.setenv(authentication.TOKEN_PATH, str(tmp_path / "other"))
    assert authentication.token() == "from file"
    monkeypatch.setenv(authentication.TOKEN, "from environment")
    assert authentication.token() == "from environment"


def test_a_new_cluster_gets_a_token_that_only_its_user_reads(tmp_path: Path) -> None:
    authentication.prepare_new()
    path = tmp_path / ".ray" / "auth_token"
    made = path.read_text()
    assert len(made) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert authentication.os.environ[authentication.MODE] == "token"
    authentication.prepare_new()
    assert path.read_text() == made


def test_a_home_that_cannot_be_written_does_not_stop_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/proc/nobody")
    authentication.prepare_new()
    assert len(authentication.token() or "") == 64


def test_a_user_who_turned_tokens_off_gets_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(authentication.MODE, "disabled")
    authentication.prepare_new()
    assert authentication.token() is None
    assert not (tmp_path / ".ray").exists()
