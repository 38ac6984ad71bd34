"""Sound: a folder with a folder a class, or a manifest of files with labels beside them.

Columns are `path`, `label` (or the manifest's own) and `audio`, the encoded bytes: they are decoded where they are
prepared (`prepare.audio`), WAV as it is, FLAC, Ogg and MP3 with the extra `audio`. Every file's header is looked at
when it is read, so that a broken one is refused by its name; `check: false` saves the look. Reference: Hugging Face's
`audiofolder`.
"""

from __future__ import annotations

import importlib.util
import io

from rayline.sources._media import BrokenFileError, MediaConfig

MARKS = (b"fLaC", b"OggS", b"ID3", b"RIFF")
UNKNOWN_SIZES = (0, 0xFFFFFFFF)
"""What programs that write to a pipe leave as the size of the sound: all that follows is meant."""


class Config(MediaConfig):
    suffixes = (".wav", ".flac", ".ogg", ".mp3")
    column = "audio"
    holds = "audio"

    check: bool = True
    """Whether each file's header is looked at."""

    def value(self, data: bytes) -> bytes:
        if self.check:
            _check(data)
        return data


def _check(data: bytes) -> None:
    if not data:
        raise BrokenFileError("is empty")
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        _check_wav(data)
    elif not (data.startswith(MARKS) or (len(data) > 1 and data[0] == 0xFF and data[1] >= 0xE0)):  # MPEG frames
        raise BrokenFileError(f"is no known kind of sound ({len(data):,} bytes)")
    elif importlib.util.find_spec("soundfile") is not None:
        _check_by_libsndfile(data)


def _check_wav(data: bytes) -> None:
    at, format_seen = 12, False
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        held = len(data) - at - 8
        if name == b"fmt ":
            if size < 16 or size > held or not data[at + 10] or not any(data[at + 12 : at + 16]):
                raise BrokenFileError("has a broken WAV header")
            format_seen = True
        elif name == b"data":
            if not format_seen:
                raise BrokenFileError("has a broken WAV header: no format before the sound")
            if size not in UNKNOWN_SIZES and size > held:
                raise BrokenFileError(f"is cut off: it announces {size:,} bytes of sound and holds {held:,}")
            return
        at += 8 + size + size % 2
    raise BrokenFileError("has a broken WAV header: it announces no sound")


def _check_by_libsndfile(data: bytes) -> None:
    import soundfile  # type: ignore[import-untyped]

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if not file.frames:
                raise BrokenFileError("holds no sound")
    except (soundfile.LibsndfileError, TypeError) as error:
        why = getattr(error, "error_string", "") or "no known kind of sound"
        raise BrokenFileError(f"is a broken sound ({len(data):,} bytes): {why.rstrip('.')}") from None
