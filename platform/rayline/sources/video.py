"""Videos as images: every so many frames, or some evenly spaced ones of each video, a row a frame.

Columns are `path`, `label` (or the manifest's own), `frame` (its place in the video, from 0), `second` (its time) and
`image`, the encoded bytes. Rows of one video are alike: split by group, on `path`; a split that has frames of one video
on both sides is leakage. `path`, `frame` and `second` are set aside unless `data.features` types them. Videos of the
lake are read by `{name: video, path: lake:TABLE}`: `lake:TABLE` alone gives whole videos as bytes, which no step
prepares. Needs the extra `video`. Reference: https://pyav.basswood-io.com
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field, model_validator

from rayline.core.columns import FeatureType
from rayline.core.errors import DataError, SpecError
from rayline.sources import _files
from rayline.sources._listing import check_digest, digest_of
from rayline.sources._media import (
    BrokenFileError,
    FilesFragment,
    MediaConfig,
    MediaSource,
    refused,
    stream_bytes,
)
from rayline.sources._source import Fragment, Shared, Source

EVERY = 25


class Config(MediaConfig):
    suffixes = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg")
    column = "image"
    holds = "video"

    every: int | None = Field(default=None, ge=1)
    """Every so many frames is a row, from the first on; `null`: 25, unless `count` is given."""
    count: int | None = Field(default=None, ge=1)
    """Or: so many frames of each video, evenly spaced (all of a shorter one)."""
    side: int | None = Field(default=None, ge=8)
    """Longest side of the images in pixels; larger frames are shrunk."""
    format: Literal["jpeg", "png"] = "jpeg"
    """How frames are encoded: small, or exact."""

    @model_validator(mode="after")
    def _one_way(self) -> Config:
        if self.count is not None and self.every is not None:
            raise ValueError("give every or count, not both")
        return self

    @property
    def roles(self) -> dict[str, FeatureType]:
        return super().roles | dict.fromkeys(("frame", "second"), FeatureType.ID)

    def value(self, data: bytes) -> bytes:
        raise NotImplementedError("a video is many rows")

    def build(self) -> Source:
        return VideoSource(self)


class VideoSource(MediaSource):
    """One fragment a video."""

    config: Config

    @property
    def shared(self) -> Shared:
        return Shared("frames of one video are alike", ("data.split: {name: group, by: path}",))

    def spans(self, fragment: Fragment, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return np.full((len(places), 2), (fragment.file, fragment.file + 1), np.int64)

    def _find(self) -> list[Fragment]:
        every = self._listed()
        return [
            FilesFragment(
                place,
                every.rows.column("path")[place].as_py(),
                uri=every.uri,
                file=place,
                size_bytes=size,
                files=(path,),
                rows=stream_bytes(every.rows.slice(place, 1)),
                digests=tuple(every.digests[place : place + 1]),
            )
            for place, (path, size) in enumerate(zip(every.paths, every.sizes, strict=True))
        ]

    def _decide(self) -> pa.Schema:
        first = self.fragments()[0]
        assert isinstance(first, FilesFragment)
        schema = first.table().schema
        for name, kind in (("frame", pa.int64()), ("second", pa.float64()), ("image", pa.binary())):
            if name in schema.names:
                raise DataError(f"{self.name}: column {name!r} would be there twice. Rename it.")
            schema = schema.append(pa.field(name, kind))
        return schema

    def _read(self, fragment: Fragment, names: list[str]) -> pa.Table:  # noqa: ARG002
        assert isinstance(fragment, FilesFragment)
        av = _av()
        for digest in fragment.digests:
            check_digest(digest_of(fragment.uri, fragment.files[0]), digest, fragment.label, self.name)
        try:
            frames = list(self._frames(av, fragment))
        except BrokenFileError as error:
            if self.config.on_broken == "refuse":
                raise refused(fragment.label, self.name, str(error)) from None
            self.notes[fragment.index] = f"{self.name}: a broken file was left out: {fragment.label}."
            frames = []
        rows = fragment.table().take(pa.array([0] * len(frames), pa.int64()))
        columns = {"frame": pa.int64(), "second": pa.float64(), "image": pa.binary()}
        for place, (name, kind) in enumerate(columns.items()):
            rows = rows.append_column(name, pa.array([frame[place] for frame in frames], kind))
        return rows

    def _frames(self, av: Any, fragment: FilesFragment) -> Iterator[tuple[int, float | None, bytes]]:
        """Place, time and encoded image of the frames that are asked for.

        Raises:
            BrokenFileError: no video, or one that cannot be decoded to its end.
        """
        try:
            with _files.open_file(fragment.uri, fragment.files[0]) as handle, av.open(handle) as video:
                if not video.streams.video:
                    raise BrokenFileError("holds no video")
                wanted = self._wanted(video)
                video.seek(0)
                seen = 0
                for frame in video.decode(video=0):
                    if wanted(seen):
                        yield seen, frame.time, self._encoded(frame)
                    seen += 1
        except (av.FFmpegError, pa.ArrowInvalid) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise BrokenFileError(f"is no video, or a broken one: {why}") from None
        if not seen:
            raise BrokenFileError("holds no frame")

    def _wanted(self, video: Any) -> Any:
        if self.config.count is None:
            every = self.config.every or EVERY
            return lambda place: place % every == 0
        frames = sum(
            1 for packet in video.demux(video=0) if packet.size
        )  # headers tell a number that is not always true
        count = min(self.config.count, max(frames, 1))
        places = {(2 * part + 1) * frames // (2 * count) for part in range(count)}  # the middle of each equal part
        return places.__contains__

    def _encoded(self, frame: Any) -> bytes:
        image = frame.to_image()
        if self.config.side is not None:
            image.thumbnail((self.config.side, self.config.side))
        packed = io.BytesIO()
        image.save(packed, self.config.format.upper(), **({"quality": 95} if self.config.format == "jpeg" else {}))
        return packed.getvalue()


def _av() -> Any:
    try:
        import av
    except ImportError:
        raise SpecError("reading videos needs an extra: pip install 'rayline[video]'.") from None
    return av
