"""One small source of each kind that reads files as values, or makes sequences, for the sources' contract."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from PIL import Image

from rayline.core import catalog
from rayline.core.catalog import PluginConfig


def _image(level: int) -> bytes:
    packed = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), level, np.uint8)).save(packed, "PNG")
    return packed.getvalue()


def _sound(level: int) -> bytes:
    packed = io.BytesIO()
    with wave.open(packed, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes([level]) * 200)
    return packed.getvalue()


def _film(level: int) -> bytes:
    packed = io.BytesIO()
    with av.open(packed, "w", format="avi") as file:
        stream = file.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "yuvj420p"
        for step in range(3):
            picture = av.VideoFrame.from_ndarray(np.full((16, 16, 3), level + step, np.uint8), format="rgb24")
            file.mux(stream.encode(picture))
        file.mux(stream.encode())
    return packed.getvalue()


def _folders(suffix: str, make: Callable[[int], bytes], kind: str, **options: object) -> Callable[[Path], PluginConfig]:
    def made(folder: Path) -> PluginConfig:
        for place, label in enumerate(("cat", "dog")):
            (folder / label).mkdir(exist_ok=True)
            for n in range(2):
                (folder / label / f"{n}.{suffix}").write_bytes(make(10 * place + n))
        return catalog.resolve("source", {"name": kind, "path": str(folder), **options})

    return made


def _masked(folder: Path) -> PluginConfig:
    (folder / "masks").mkdir(exist_ok=True)
    rows = []
    for n in range(4):
        (folder / f"{n}.png").write_bytes(_image(n))
        rows.append({"file_name": f"{n}.png", "boxes": [{"x": n}] * n, "mask": f"masks/{n}.png" if n else None})
        (folder / "masks" / f"{n}.png").write_bytes(_image(10 + n))
    (folder / "m.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return catalog.resolve("source", {"name": "images", "path": str(folder / "m.jsonl"), "masks": ["mask"]})


def _sequences(folder: Path) -> PluginConfig:
    for n in range(3):
        (folder / f"run{n}.csv").write_text("left,right\n" + "".join(f"{n},{step}\n" for step in range(n + 1)))
    (folder / "labels.csv").write_text("run,fell,who\n0,yes,a\n1,no,b\n2,yes,b\n")
    options = {"name": "sequences", "path": str(folder / "run*.csv"), "labels": [str(folder / "labels.csv")]}
    return catalog.resolve("source", options)


MAKE: dict[str, Callable[[Path], PluginConfig]] = {
    "images": _folders("png", _image, "images"),
    "images with masks": _masked,
    "audio": _folders("wav", _sound, "audio"),
    "texts": _folders("txt", lambda level: b"words " * level, "texts"),
    "video": _folders("avi", _film, "video", every=2),
    "sequences": _sequences,
}
