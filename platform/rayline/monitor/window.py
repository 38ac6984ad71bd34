"""A rolling window of one model version, merged from the deltas its replicas send.

Time is cut into slots, a sixtieth of the window each; a record falls into the slot of its end. What is old leaves a
slot at a time, so memory does not grow with traffic: 60 slots of a few hundred counts a version.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rayline.core.records import WindowRecord
from rayline.profile.bins import Bins, CategoryBins
from rayline.profile.reference import Reference
from rayline.profile.windows import Counts, merge

SLOTS = 60
REPLICAS = 256
"""Senders whose sequence numbers are remembered for each version; the longest silent is forgotten first."""
REORDERED = 64
"""Records of one sender that may arrive out of order; one that comes later still counts as seen."""
MOST_ROWS = 1 << 40


class MismatchError(ValueError):
    """A record that was not counted in the bins of its version's reference."""


@dataclass
class _Sender:
    """The highest sequence number seen, and which of the `REORDERED` numbers below it (bit 0 is the highest)."""

    highest: int = -1
    mask: int = 0

    def is_new(self, sequence: int) -> bool:
        """Whether `sequence` comes for the first time; it is then marked as seen."""
        ahead = sequence - self.highest
        if ahead > 0:
            # shifting by a sequence number from outside would allocate that many bits
            self.mask = ((self.mask << ahead) | 1) & ((1 << REORDERED) - 1) if ahead < REORDERED else 1
            self.highest = sequence
            return True
        if -ahead >= REORDERED or self.mask >> -ahead & 1:
            return False
        self.mask |= 1 << -ahead
        return True


@dataclass
class RollingWindow:
    """Counts of the last `window_s` seconds. `now` is given by the caller, in seconds since the epoch."""

    reference: Reference
    window_s: float
    _slots: dict[int, Counts] = field(default_factory=dict)
    _senders: OrderedDict[str, _Sender] = field(default_factory=OrderedDict)

    def is_repeat(self, record: WindowRecord) -> bool:
        """Whether the sender's record of this number was seen before; marks it as seen."""
        sender = self._senders.pop(record.replica, None) or _Sender()
        self._senders[record.replica] = sender
        if len(self._senders) > REPLICAS:
            self._senders.popitem(last=False)
        return not sender.is_new(record.sequence)

    def check(self, record: WindowRecord) -> None:
        """Refuse what would spoil the counts.

        Raises:
            MismatchError: counts that do not fit the reference's bins, or do not add up to the record's rows.
        """
        if not (0 <= record.rows < MOST_ROWS and record.sequence >= 0 and math.isfinite(record.ended)):
            raise MismatchError(f"rows {record.rows}, sequence {record.sequence}, ended {record.ended}")
        for name, counts in record.features.items():
            bins = self.reference.features.get(name)
            if bins is None:
                raise MismatchError(f"feature {name!r} is not in the reference profile")
            if len(counts) != bins.size or min(counts) < 0 or sum(counts) != record.rows:
                raise MismatchError(f"feature {name!r}: {record.rows} rows in {bins.size} bins expected, got {counts}")
        known = answers(self.reference.predictions)
        for answer, rows in record.predictions.items():
            if answer not in known or not 0 <= rows <= record.rows:
                raise MismatchError(f"prediction {answer!r}: {rows} of {record.rows} rows")

    def add(self, record: WindowRecord, now: float) -> bool:
        """Count a checked record; False when it ended before the window began."""
        place = self._place(min(record.ended, now))
        if place <= self._place(now) - SLOTS:
            return False
        self._expire(now)
        counts: Counts = {"rows": record.rows, "features": record.features, "predictions": record.predictions}
        held = self._slots.get(place)
        self._slots[place] = counts if held is None else merge([held, counts])
        return True

    def total(self, now: float) -> Counts:
        """Everything in the window."""
        self._expire(now)
        nothing: Counts = {
            "rows": 0,
            "features": {name: [0] * bins.size for name, bins in self.reference.features.items()},
            "predictions": {},
        }
        return merge([nothing, *self._slots.values()])

    def to_json(self) -> dict[str, Any]:
        return {
            "slots": {str(place): counts for place, counts in self._slots.items()},
            # masks are text: JSON's readers take no integer above 64 bits
            "senders": {name: [sender.highest, f"{sender.mask:x}"] for name, sender in self._senders.items()},
        }

    def restore(self, value: Mapping[str, Any]) -> None:
        """Take up what `to_json` gave, counted in the same bins."""
        self._slots = {int(place): counts for place, counts in value["slots"].items()}
        for name, (highest, mask) in value["senders"].items():
            self._senders[name] = _Sender(int(highest), int(mask, 16))

    def _place(self, at: float) -> int:
        return int(at * SLOTS // self.window_s)

    def _expire(self, now: float) -> None:
        oldest = self._place(now) - SLOTS
        for place in [place for place in self._slots if place <= oldest]:
            del self._slots[place]


def answers(bins: Bins) -> dict[str, str]:
    """The keys of a record's predictions, each with its bin in words: classes, or numbers of bins."""
    if isinstance(bins, CategoryBins):
        return {value: value for value in bins.values}
    return {str(number): label for number, label in enumerate(bins.labels())}
