"""A stream of CSV in the blocks that Arrow's reader asks for, none of which ends between a carriage return and what
follows it.

Of a block that does, Arrow takes the line feed at the beginning of the next for the rest of a line's end, and drops it:
within quotes it is part of a value.
"""

from __future__ import annotations

from threading import Lock

import pyarrow as pa

CR = 13


class Blocks:
    """What is read of `stream`, by a thread of Arrow's that may go on for a while where parsing has failed."""

    closed = False

    def __init__(self, stream: pa.NativeFile) -> None:
        self._stream = stream
        self._reading = Lock()
        self._ended = False

    def read_buffer(self, size: int) -> pa.Buffer:
        """The next `size` bytes, or a few more; empty at the end."""
        with self._reading:
            if self._ended:
                return pa.py_buffer(b"")
            block = self._stream.read_buffer(size)
            if not block.size or block[block.size - 1] != CR:
                return block
            longer = bytearray(block)
            while longer[-1] == CR and (more := self._stream.read(1)):
                longer += more
            return pa.py_buffer(bytes(longer))

    def read(self, size: int) -> bytes:
        """As `read_buffer`."""
        return self.read_buffer(size).to_pybytes()  # type: ignore[no-any-return]

    def first(self, size: int) -> bytes:
        """The first `size` bytes, a few more, or all there are."""
        parts: list[bytes] = []
        left = size
        while left > 0 and (part := self.read(left)):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def close(self) -> None:
        """Nothing more is read, once this has returned; the stream is for whoever made it to close."""
        with self._reading:
            self._ended = True
