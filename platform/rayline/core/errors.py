"""The tree of errors a user can meet, each with the exit code and the HTTP status it answers with.

Every message says what was given, what is allowed and what to do next. `exit_code` 2 means that the
input or the surroundings are wrong and nothing was started; 1 means that the run itself failed.
Programming mistakes of ours are `assert`s and ordinary exceptions, never one of these.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar

from rayline.core.redact import redact


class RaylineError(Exception):
    """Base of everything Rayline raises on purpose. Its message shows no credentials of the URIs in it."""

    exit_code: ClassVar[int] = 1
    status: ClassVar[int] = 500

    def __init__(self, message: str = "") -> None:
        super().__init__(redact(message))


class InputError(RaylineError, ValueError):
    """Arguments or values that cannot be used."""

    exit_code = 2
    status = 400


class SpecError(InputError):
    """A spec that does not say something Rayline can do."""


class UnknownNameError(SpecError):
    """A name (of a plug-in, a column, a key) that nothing answers to."""


class DataError(InputError):
    """Data that cannot be read or learnt from: missing file, ragged rows, empty, unusable target."""


class StorageError(InputError):
    """A place that cannot be read or written."""


class ClusterError(InputError):
    """No Ray cluster where one was asked for, or one that cannot do what is asked."""


class AddressInUseError(InputError):
    """A port that something else listens on."""


class PackageError(InputError):
    """A model package that is incomplete, altered, or of another format."""

    status = 500


class RunError(RaylineError):
    """A stage that started and failed."""


class GateError(RunError):
    """A model that did not pass its declared gates; it was not registered."""


class RequestError(InputError):
    """A request over HTTP that cannot be answered; subclasses carry the status."""


class UnauthorizedError(RequestError):
    status = 401


class ForbiddenError(RequestError):
    status = 403


class NotFoundError(RequestError):
    """An unknown model, version, alias, run or route."""

    status = 404


class MethodNotAllowedError(RequestError):
    status = 405


class TooLargeError(RequestError):
    status = 413


class SignatureError(RequestError):
    """A well-formed request that the model's signature refuses; `reason` names the kind of mistake, never a value."""

    status = 422

    def __init__(self, message: str = "", *, reason: str = "shape") -> None:
        super().__init__(message)
        self.reason = reason


class OverloadedError(RequestError):
    """More requests than may wait; answered with `Retry-After`."""

    status = 503


def nearest(name: str, allowed: Iterable[str]) -> str:
    """` Did you mean 'income'?` when something in `allowed` is close to `name`, else the empty string.

    >>> nearest("incme", ["age", "income"])
    " Did you mean 'income'?"
    """
    found = get_close_matches(name, list(allowed), n=1, cutoff=0.6)
    return f" Did you mean {found[0]!r}?" if found else ""


def nearest_file(name: str, there: Iterable[str]) -> str:
    """As `nearest`, of names of files: that their endings agree does not bring them nearer.

    >>> nearest_file("ault.csv", ["adult.csv", "wine.csv"]), nearest_file("nothere.csv", ["reg.csv"])
    (" Did you mean 'adult.csv'?", '')
    """
    stems = {os.path.splitext(one)[0]: one for one in there}
    found = get_close_matches(os.path.splitext(name)[0], stems, n=1, cutoff=0.6)
    return f" Did you mean {stems[found[0]]!r}?" if found else ""


def listing(names: Iterable[str], most: int = 20) -> str:
    """`a, b, c` cut after `most` names, for the "allowed" part of a message.

    >>> listing(["a", "b", "c"], most=2)
    'a, b, … (3 in all)'
    """
    every = list(names)
    if len(every) <= most:
        return ", ".join(every)
    return f"{', '.join(every[:most])}, … ({len(every):,} in all)"
