"""API keys: read, hashed, checked."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from rayline.core.errors import ForbiddenError, InputError, StorageError, UnauthorizedError
from rayline.serve import keys

SECRET = "s3cret-s3cret-s3cret"
DIGEST = hashlib.sha256(SECRET.encode()).hexdigest()


def test_forms_of_a_key() -> None:
    plain, named, hashed = keys.parse(
        ["# team", "", SECRET, f"ci={SECRET}:predict", f"x=sha256-{DIGEST}:read+predict"], "f"
    )
    assert {plain.sha256, named.sha256, hashed.sha256} == {DIGEST}
    assert (plain.name, plain.scopes) == ("key3", ("predict", "read"))
    assert (named.name, named.scopes) == ("ci", ("predict",))
    assert hashed.scopes == ("predict", "read")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("short", "16 characters"),
        ("a b c d e f g h i j", "without spaces"),
        (f"ci={SECRET}:predcit", "Did you mean 'predict'"),
        ("sha256-abc", "64 hexadecimal digits"),
    ],
)
def test_entries_that_are_no_key_are_told_without_showing_them(line: str, said: str) -> None:
    with pytest.raises(InputError, match="keys.txt, entry 1") as refused:
        keys.parse([line], "keys.txt")
    assert said in str(refused.value)
    assert SECRET not in str(refused.value)


def test_keys_come_from_a_file_or_the_environment(tmp_path: Path) -> None:
    assert keys.read(environment={}) == ()
    assert [k.name for k in keys.read(environment={"RAYLINE_API_KEYS": f"a={SECRET},b={SECRET}"})] == ["a", "b"]
    file = tmp_path / "keys"
    file.write_text(f"ops={SECRET}\n")
    assert keys.read(file)[0].name == "ops"
    file.write_text("# none\n")
    with pytest.raises(InputError, match="holds no API key"):
        keys.read(file)
    with pytest.raises(StorageError, match="cannot read"):
        keys.read(tmp_path / "absent")


@pytest.mark.parametrize(
    "headers",
    [
        {b"authorization": b"Bearer " + SECRET.encode()},
        {b"authorization": b"bearer  " + SECRET.encode()},
        {b"x-api-key": SECRET.encode()},
        {b"authorization": b"Basic dXNlcjpzM2NyZXQtczNjcmV0LXMzY3JldA=="},
    ],
)
def test_ways_to_send_a_key(headers: dict[bytes, bytes]) -> None:
    guard = keys.Guard(keys.parse([f"ci={SECRET}:predict"], "f"))
    assert guard.check(headers, "predict") == "ci"
    with pytest.raises(ForbiddenError, match="'ci' may predict, not read"):
        guard.check(headers, "read")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"x-api-key": b"other"},
        {b"authorization": b"Basic !"},
        {b"authorization": b"Digest x"},
        {b"x-api-key": b""},
    ],
)
def test_requests_without_a_known_key(headers: dict[bytes, bytes]) -> None:
    guard = keys.Guard(keys.parse([SECRET], "f"))
    with pytest.raises(UnauthorizedError):
        guard.check(headers, "predict")


def test_beyond_loopback_keys_are_required() -> None:
    keys.require_for("127.0.0.1", ())
    keys.require_for("0.0.0.0", keys.parse([SECRET], "f"))
    with pytest.raises(InputError, match="RAYLINE_API_KEYS") as refused:
        keys.require_for("0.0.0.0", ())
    assert refused.value.exit_code == 2


def test_generated_keys_are_good_keys() -> None:
    assert keys.parse([keys.generate()], "f")[0].name == "key1"
