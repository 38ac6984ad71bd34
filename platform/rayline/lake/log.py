"""The log of a table: numbered snapshots, of which each is made once.

```
latest   list the numbers → read the newest base and the few after it → fold
commit   plan(state) → apply → make snapshots/(number + 1).json where there is none
           made            the commit is in
           there already   somebody else was first, or our own answer was lost: fold what is there, plan again
```

A commit that loses begins again with the state it lost to, so that a plan sees every batch that is in. As each loss is
another's success, somebody always gets on.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from rayline.core.errors import StorageError
from rayline.lake.place import Place
from rayline.lake.snapshot import (
    Change,
    Kind,
    State,
    Summary,
    apply,
    base_of,
    change_from_json,
    check_format,
    state_from_json,
    to_json,
)

FOLDER = "snapshots"
GUARD_S = 24 * 3600.0
"""Nothing younger is ever removed from a table's folder, but for data files of snapshots that were given up: it may
belong to a commit under way, or be needed by a process that has not looked for a while."""
TURNS = 5
READERS = 16
"""Snapshots read at a time from object storage."""

_MOVING = "{} lacks snapshots that its newest one builds on. Restore them from a copy."


class Log:
    """Keeps the newest state it has seen, and reads only what came after it. For one thread."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._state: State | None = None
        self._seen = 0.0

    def _known(self) -> State | None:
        """The state seen last; not for so long that the next snapshot may be expired, and its number look free."""
        return self._state if time.time() - self._seen < GUARD_S / 2 else None

    def _keep(self, state: State) -> State:
        self._state, self._seen = state, time.time()
        return state

    def begin(self, state: State, change: Change) -> bool:
        """Make the first snapshot; `False` where there is one already."""
        made = self.place.create(name_of(0), orjson.dumps(to_json(state, change, uuid.uuid4().hex)))
        if made:
            self._keep(state)
        return made

    def latest(self) -> State:
        """The newest state.

        Raises:
            StorageError: there is none, or it cannot be read.
        """
        state = self._known() or self._load()
        while self.place.exists(name_of(state.number + 1)):
            state = self._fold(state, self._read([state.number + 1]))
        return self._keep(state)

    def seen(self) -> State:
        """The newest state that is known here, without a look at the place where there is one."""
        return self._known() or self.latest()

    def at(self, number: int) -> State:
        """The state at a snapshot that is not older than the newest state's `oldest`."""
        numbers = list(range(base_of(number), number + 1))
        first, *others = self._read(numbers)
        return self._fold(state_from_json(first), others)

    def commit(self, plan: Callable[[State], Change | None]) -> tuple[State, bool]:
        """Do what `plan` makes of the newest state; where that is `None`, nothing. The state then, and whether.

        `plan` is called again with a newer state when another process was first.
        """
        state = self._known() or self.latest()
        while True:
            change = plan(state)
            if change is None:
                # what is to be done may depend on what another process has done since
                newest = self.latest()
                if newest.number == state.number:
                    return state, False
                state = newest
                continue
            commit = uuid.uuid4().hex
            after = apply(state, change, state.number + 1, _after(state.last.time))
            if self.place.create(name_of(after.number), orjson.dumps(to_json(after, change, commit))):
                return self._keep(after), True
            winner = self._read([after.number])[0]
            state = self._keep(self._fold(state, [winner]))
            if winner["commit"] == commit:  # made, but the store's answer was lost and its client asked again
                return state, True
            state = self.latest()

    def newest(self) -> tuple[Kind, Summary] | None:
        """What the newest snapshot says of itself, from its file alone; `None` where there is none."""
        for _ in range(TURNS):
            numbers = self.numbers()
            if not numbers:
                return None
            try:
                made = self._one(numbers[-1])
            except FileNotFoundError:
                continue
            return made["kind"], Summary(**made["summary"])
        raise StorageError(_MOVING.format(self.place.shown()))

    def numbers(self) -> list[int]:
        """The numbers of the snapshot files there are."""
        found = (re.fullmatch(r"(\d{10})\.json", name) for name in self.place.names(FOLDER))
        return [int(match[1]) for match in found if match]

    def changes(self, numbers: Sequence[int]) -> list[Change]:
        """What these snapshots changed."""
        return [change_from_json(made) for made in self._read(numbers)]

    def _load(self) -> State:
        for _ in range(TURNS):
            numbers = self.numbers()
            if not numbers:
                raise StorageError(f"{self.place.shown()} has no snapshots. Is it a table of a lake?")
            try:
                return self._keep(self.at(numbers[-1]))
            except FileNotFoundError:  # `expire` took them between the listing and the reading
                continue
        raise StorageError(_MOVING.format(self.place.shown()))

    def _read(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        if self.place.local or len(numbers) == 1:
            return [self._one(number) for number in numbers]
        with ThreadPoolExecutor(READERS) as pool:
            return list(pool.map(self._one, numbers))

    def _one(self, number: int) -> dict[str, Any]:
        where = self.place.shown(name_of(number))
        try:
            made = orjson.loads(self.place.read(name_of(number)))
        except orjson.JSONDecodeError as error:
            raise StorageError(f"{where} is damaged: {error}. Restore it from a copy.") from None
        check_format(made, where)
        return made  # type: ignore[no-any-return]

    def _fold(self, state: State, snapshots: Sequence[dict[str, Any]]) -> State:
        for made in snapshots:
            summary = made["summary"]
            state = apply(state, change_from_json(made), summary["number"], summary["time"])
        return state


def name_of(number: int) -> str:
    return f"{FOLDER}/{number:010}.json"


def now() -> str:
    return as_text(datetime.now(UTC))


def as_text(moment: datetime) -> str:
    """Times as text that sorts as they do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _after(earlier: str) -> str:
    """Now, or just after `earlier` where this machine's clock is behind."""
    return max(now(), as_text(datetime.fromisoformat(earlier) + timedelta(microseconds=1)))
