"""API keys: who may ask for what.

Only the sha256 of a key is kept, sent to replicas, or written anywhere. A key is 32 random bytes, so that its digest
needs no salt, and looking a digest up in a table tells a guesser nothing by its timing.

Keys come from a file, one a line, or from `RAYLINE_API_KEYS`, separated by commas:

    KEY                        a key that may predict and read
    NAME=KEY:predict           … with a name for the access log, and its scopes, joined by "+"
    NAME=sha256-HEX:read       … given by its digest, so that the file holds no secret
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from rayline.core.errors import ForbiddenError, InputError, StorageError, UnauthorizedError, listing, nearest
from rayline.core.network import is_loopback

Scope = Literal["predict", "read"]
"""`predict`: answers of models. `read`: metadata, readiness by model, statistics, pages."""
SCOPES: tuple[Scope, ...] = get_args(Scope)
VARIABLE = "RAYLINE_API_KEYS"
SHORTEST = 16
"""Characters a key must have: what is shorter can be tried out."""


class Key(BaseModel):
    """One key as replicas know it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    scopes: tuple[Scope, ...] = SCOPES


def generate() -> str:
    """A new key: 32 random bytes as 43 characters."""
    return secrets.token_urlsafe(32)


def parse(lines: Iterable[str], where: str) -> tuple[Key, ...]:
    """Keys from lines as the module's docstring shows them; empty lines and those that begin with `#` are passed over.

    Raises:
        InputError: a line that is not one of these forms; the message tells its number, never its content.
    """
    keys = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = re.fullmatch(r"(?:(?P<name>[\w.-]+)=)?(?P<key>[^\s:]+)(?::(?P<scopes>[\w+]+))?", text)
        if match is None:
            raise InputError(f"{where}, entry {number}: write KEY or NAME=KEY:SCOPE+SCOPE, without spaces.")
        secret = match["key"]
        digest = secret.removeprefix("sha256-")
        if digest == secret:
            if len(secret) < SHORTEST:
                raise InputError(
                    f"{where}, entry {number}: a key needs {SHORTEST} characters or more. For example: {generate()}"
                )
            digest = hashlib.sha256(secret.encode()).hexdigest()
        elif not re.fullmatch("[0-9a-f]{64}", digest):
            raise InputError(f"{where}, entry {number}: after 'sha256-' come 64 hexadecimal digits.")
        keys.append(
            Key(name=match["name"] or f"key{number}", sha256=digest, scopes=_scopes(match["scopes"], where, number))
        )
    return tuple(keys)


def read(file: str | os.PathLike[str] | None = None, environment: Mapping[str, str] = os.environ) -> tuple[Key, ...]:
    """The keys of `file`, else those of `RAYLINE_API_KEYS`, else none.

    Raises:
        InputError: an entry that is no key, or a file without any.
        StorageError: the file cannot be read.
    """
    if file is None:
        return parse(environment.get(VARIABLE, "").split(","), VARIABLE)
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"cannot read API keys from {os.fspath(file)}: {error}.") from None
    keys = parse(lines, os.fspath(file))
    if not keys:
        raise InputError(f"{os.fspath(file)} holds no API key. Write one a line, for example: {generate()}")
    return keys


def require_for(host: str, keys: tuple[Key, ...]) -> None:
    """Refuse to answer beyond this machine without keys.

    Raises:
        InputError: `host` can be reached from elsewhere and there is no key.
    """
    if not keys and not is_loopback(host):
        raise InputError(
            f"{host} can be reached from other machines, and no API key is set. Give keys in a file (--keys FILE) or "
            f"in {VARIABLE}, for example {VARIABLE}={generate()}, or bind 127.0.0.1."
        )


class Guard:
    """Checks the headers of requests against keys."""

    def __init__(self, keys: tuple[Key, ...]) -> None:
        self._keys = {bytes.fromhex(key.sha256): key for key in keys}

    def __bool__(self) -> bool:
        return bool(self._keys)

    def check(self, headers: Mapping[bytes, bytes], scope: Scope) -> str:
        """The name of the key that a request carries.

        Args:
            headers: lower-case names to values. `Authorization: Bearer KEY`, `Authorization: Basic` with the key as
                password (what a browser asks for), or `X-API-Key: KEY`.
            scope: what the request needs.

        Raises:
            UnauthorizedError: no key, or an unknown one.
            ForbiddenError: the key has not this scope.
        """
        given = _given(headers)
        if given is None:
            raise UnauthorizedError(
                "this endpoint needs an API key. Send it as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'."
            )
        key = self._keys.get(hashlib.sha256(given).digest())
        if key is None:
            raise UnauthorizedError("this API key is not known here.")
        if scope not in key.scopes:
            raise ForbiddenError(f"the API key {key.name!r} may {' and '.join(key.scopes)}, not {scope}.")
        return key.name


def _given(headers: Mapping[bytes, bytes]) -> bytes | None:
    authorization = headers.get(b"authorization")
    if authorization is None:
        return headers.get(b"x-api-key")
    scheme, _, value = authorization.partition(b" ")
    if scheme.lower() == b"bearer":
        return value.strip()
    if scheme.lower() == b"basic":
        try:
            return base64.b64decode(value, validate=True).partition(b":")[2]
        except binascii.Error:
            return None
    return None


def _scopes(text: str | None, where: str, number: int) -> tuple[Scope, ...]:
    if text is None:
        return SCOPES
    for name in text.split("+"):
        if name not in SCOPES:
            raise InputError(
                f"{where}, entry {number}: no scope {name!r}.{nearest(name, SCOPES)} Scopes: {listing(SCOPES)}."
            )
    return tuple(scope for scope in SCOPES if scope in text.split("+"))
