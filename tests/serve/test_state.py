"""The desired state: what a deployment makes of it, what it refuses, what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from rayline.core.errors import InputError, NotFoundError
from rayline.serve import state
from rayline.serve.state import Desired, Entry, ServedModel


def served(versions: str = "1 2", **more: object) -> Desired:
    model = {"versions": {v: f"/p/{v}" for v in versions.split()}, **more}
    return state.parse({"models": {"adult": model}})


def entry(version: str, *aliases: str, package: str = "") -> Entry:
    return Entry(model="adult", version=version, package=package or f"/p/{version}", aliases=aliases)


def test_version_that_answers() -> None:
    assert served("1 2 10").models["adult"].answering == "10"
    assert served("1 2 10", aliases={"champion": "2"}).models["adult"].answering == "2"
    assert served("1 2 10", aliases={"champion": "2"}, default="1").models["adult"].answering == "1"


def test_deploying_moves_aliases_and_drops_what_nobody_follows() -> None:
    now = served("1 2", aliases={"champion": "1", "challenger": "2"})
    after = state.with_entries(now, [entry("3", "champion")])
    assert after.models["adult"].versions == {"2": "/p/2", "3": "/p/3"}
    assert after.models["adult"].aliases == {"champion": "3", "challenger": "2"}
    kept = state.with_entries(now, [entry("3", "champion")], keep=True)
    assert list(kept.models["adult"].versions) == ["1", "2", "3"]


def test_a_version_without_alias_answers_unless_there_is_a_champion() -> None:
    assert state.with_entries(Desired(), [entry("7")]).models["adult"].answering == "7"
    assert state.with_entries(served("9"), [entry("7")], keep=True).models["adult"].answering == "7"
    champion = served("1", aliases={"champion": "1"})
    assert state.with_entries(champion, [entry("7")]).models["adult"].answering == "1"


def test_first_half_of_a_deployment_changes_no_answer() -> None:
    now = served("1 2", aliases={"champion": "2"})
    target = state.with_entries(now, [entry("3", "champion")])
    half = state.staged(now, target)
    assert set(half.models["adult"].versions) == {"1", "2", "3"}
    assert half.models["adult"].answering == "2"
    assert half.models["adult"].aliases == {"champion": "2"}
    other = state.with_entries(now, [Entry(model="new", version="1", package="/n")])
    assert state.staged(now, other).models["new"].answering == "1"
    changed = state.staged(now, state.with_entries(now, [entry("2", "champion", package="/other")]))
    assert changed.models["adult"].versions["2"] == "/p/2"


def test_undeploying() -> None:
    now = served("1 2", aliases={"champion": "2"}, default="1")
    assert state.without(now, "adult").models == {}
    left = state.without(now, "adult", "champion").models["adult"]
    assert (left.versions, left.aliases, left.answering) == ({"1": "/p/1"}, {}, "1")
    with pytest.raises(NotFoundError, match="Did you mean 'adult'"):
        state.without(now, "adlt")
    with pytest.raises(NotFoundError, match="version '9'"):
        state.without(now, "adult", "9")
    with pytest.raises(InputError, match="only version"):
        state.without(served("1"), "adult", "1")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"versions": {}}, "versions"),
        ({"versions": {"1": "p"}}, "absolute path"),
        ({"versions": {"a/b": "/p"}}, "is not a name"),
        ({"versions": {"1": "/p"}, "aliases": {"1": "1"}}, "also a version"),
        ({"versions": {"1": "/p"}, "aliases": {"champion": "2"}}, "not among 1"),
        ({"versions": {"1": "/p"}, "default": "2"}, "not among"),
        ({"versions": {"1": "/p"}, "alias": {}}, "unknown key 'alias'. Did you mean 'aliases'"),
    ],
)
def test_documents_that_cannot_be_served(model: object, said: str) -> None:
    with pytest.raises(InputError) as refused:
        state.parse({"models": {"adult": model}})
    assert said in str(refused.value)


def test_state_is_kept_for_the_next_start(rayline_home: Path) -> None:
    assert state.load() == Desired()
    now = served("1", aliases={"champion": "1"})
    state.save(now)
    assert state.load() == now
    assert state.load().fingerprint == now.fingerprint != served("2").fingerprint
    state.state_file().write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        state.load()


def test_local_packages_are_made_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert entry("1", package="runs/x").package == str(tmp_path / "runs" / "x")
    assert entry("1", package="s3://bucket/x").package == "s3://bucket/x"
    assert ServedModel(versions={"1": "s3://bucket/x"}).answering == "1"
