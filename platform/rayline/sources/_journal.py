"""Messages on disk before their broker is told that they came, each with its number, in the order in which they came.

    FOLDER/000000000000.log   messages 0 to 899, the first file's name being its first message's number
    FOLDER/000000000900.log   those from 900 on; the last file grows

What `append` returned from is on the disk. A write that a kill cut short is no message, and its broker sends it again.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import FileIO
from itertools import pairwise
from pathlib import Path

from rayline.core.errors import DataError, StorageError
from rayline.core.shown import counted

SEGMENT_BYTES = 16 << 20
"""A file that is larger gets no further message."""
_FRAME = struct.Struct("<II")  # bytes that follow, and their CRC-32
_HEAD = struct.Struct("<qHH")  # microseconds since 1970, the broker's number, bytes of the topic


@dataclass(frozen=True)
class Message:
    """One message as it came."""

    topic: str
    payload: bytes
    received_us: int
    """Microseconds since 1970, UTC."""
    mid: int
    """The broker's number for it, 0 where it wants no answer."""

    @property
    def digest(self) -> int:
        """Tells a message that was sent again from another of the same number."""
        return zlib.crc32(self.topic.encode() + b"\0" + self.payload)


class Journal:
    """Messages from `first` to before `next`; for one process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: FileIO | None = None
        self._cursor: tuple[int, Path | None, int] = (0, None, 0)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            segments = self._segments()
            self.first = segments[0][0] if segments else 0
            self.next = self.first
            for place, (number, path) in enumerate(segments):
                if number != self.next:
                    raise DataError(
                        f"{path.parent} lacks messages {self.next:,} to {number - 1:,}. Restore it, or delete it."
                    )
                self.next += self._count(path, last=place == len(segments) - 1)
        except OSError as error:
            raise self._unwritable(error) from None

    def append(self, messages: Sequence[Message]) -> None:
        """Put messages behind those there are, on the disk.

        Raises:
            StorageError: the disk is full, or cannot be written; nothing of them counts.
        """
        packed = b"".join(map(_pack, messages))
        try:
            file = self._tail()
            before = file.seek(0, os.SEEK_END)
            try:
                left = memoryview(packed)
                while left:
                    left = left[file.write(left) :]
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), before)
                raise
        except OSError as error:
            raise self._unwritable(error) from None
        self.next += len(messages)

    def read(self, number: int, most: int) -> list[Message]:
        """At most `most` messages from `number` on; quick where the last reading ended at `number`."""
        assert self.first <= number <= self.next
        found: list[Message] = []
        segments = self._segments()
        ends = [first for first, _ in segments[1:]] + [self.next]
        for (first, path), after in zip(segments, ends, strict=True):
            here = number + len(found)
            if first <= here < after and len(found) < most:
                # where the reading before ended in this file, it begins there
                at, place = (here, self._cursor[2]) if self._cursor[:2] == (here, path) else (first, 0)
                for size, body in _frames(path, place):
                    if at == after or len(found) == most:
                        break
                    if at >= here:
                        found.append(_unpack(body))
                    at, place = at + 1, place + size
                self._cursor = (at, path, place)
        return found

    def all(self, number: int) -> Iterator[Message]:
        """Every message from `number` on."""
        while number < self.next:
            found = self.read(number, 10_000)
            yield from found
            number += len(found)

    def drop(self, number: int) -> None:
        """Forget messages before `number`, as far as whole files hold no others; the next is not numbered lower."""
        try:
            segments = self._segments()
            if number >= self.next:
                self._close()
                begun = self.folder / f"{number:012d}.log"
                if number == self.next:  # an empty file tells where the numbers stand
                    begun.touch()
                for _, path in segments:
                    if path != begun:
                        path.unlink()
                begun.touch()
                self.first = self.next = number
                return
            for (_, path), (after, _) in pairwise(segments):
                if after <= number:
                    path.unlink()
                    self.first = after
        except OSError as error:
            raise self._unwritable(error) from None

    def close(self) -> None:
        """Close the file that is written to."""
        self._close()

    def _segments(self) -> list[tuple[int, Path]]:
        return sorted((int(path.stem), path) for path in self.folder.glob("*.log"))

    def _tail(self) -> FileIO:
        if self._file is not None and self._file.tell() > SEGMENT_BYTES:
            self._close()
        if self._file is None:
            segments = self._segments()
            if segments and segments[-1][1].stat().st_size <= SEGMENT_BYTES:
                path = segments[-1][1]
            else:
                path = self.folder / f"{self.next:012d}.log"
            self._file = path.open("ab", buffering=0)  # a buffer would write later what a full disk has refused
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return self._file

    def _count(self, path: Path, *, last: bool) -> int:
        """Messages in a file; what a kill cut short at the end of the last one is cut off."""
        count = whole = 0
        for size, _ in _frames(path):
            count, whole = count + 1, whole + size
        if whole < path.stat().st_size:
            if not last:
                raise DataError(
                    f"{path} is damaged after {counted(count, 'message')}. Restore it, or delete {path.parent}."
                )
            os.truncate(path, whole)
        return count

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None

    def _unwritable(self, error: OSError) -> StorageError:
        return StorageError(
            f"cannot write {self.folder}: {error.strerror or error}. Free some space, or set RAYLINE_HOME to a folder "
            "you may write to."
        )


def _pack(message: Message) -> bytes:
    topic = message.topic.encode()
    body = _HEAD.pack(message.received_us, message.mid, len(topic)) + topic + message.payload
    return _FRAME.pack(len(body), zlib.crc32(body)) + body


def _unpack(body: bytes) -> Message:
    received_us, mid, length = _HEAD.unpack_from(body)
    payload = _HEAD.size + length
    return Message(body[_HEAD.size : payload].decode(), body[payload:], received_us, mid)


def _frames(path: Path, place: int = 0) -> Iterator[tuple[int, bytes]]:
    """Size and body of each whole message of a file, from `place` bytes on."""
    with path.open("rb") as file:
        file.seek(place)
        while len(frame := file.read(_FRAME.size)) == _FRAME.size:
            size, digest = _FRAME.unpack(frame)
            body = file.read(size)
            if len(body) < size or zlib.crc32(body) != digest:
                return
            yield _FRAME.size + size, body
