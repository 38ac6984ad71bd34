"""Checkpoints: the whole state of a training between two steps, as one safetensors file at any URI.

    FOLDER/FINGERPRINT/step-000000134.safetensors      the last two are kept

The fingerprint covers settings, data, network and first weights: a changed spec begins anew instead of resuming.
Nothing is pickled: what is no tensor is JSON in the file's header.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from rayline.core import files
from rayline.core.prepared import Rows
from rayline.models.network import Network
from rayline.spec.sections import Train
from rayline.train.weights import digest

KEPT = 2
"""Checkpoints that stay: the older one serves where the newer cannot be read."""
ELSEWHERE = ("workers", "max_failures", "checkpoint_every")
"""Settings that change where and how safely a training runs, not what it computes."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """State after `step` steps of the whole training."""

    step: int
    state: dict[str, Any]
    tensors: dict[str, Tensor]


def fingerprint(
    network: Network, train: Rows, validation: Rows | None, settings: Train, made: Rows | None = None, also: str = ""
) -> str:
    """What a training is: 32 hexadecimal digits, equal where it would compute the same weights.

    `made` are rows made up for training, `also` what is declared of how rows are balanced and augmented.
    """
    found = hashlib.sha256()
    chosen = settings.model_dump(mode="json", exclude=set(ELSEWHERE))
    found.update(orjson.dumps(chosen, option=orjson.OPT_SORT_KEYS))
    found.update(f"{network!r} {digest(network.state_dict())}{also}".encode())
    for rows in (train, validation, made):
        for array in () if rows is None else (*rows.inputs[:2], rows.target, *rows.inputs.tensors):
            found.update(f"{array.shape} {array.dtype} ".encode())
            found.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return found.hexdigest()[:32]


def read(uri: str) -> Checkpoint:
    """The checkpoint at `uri`.

    Raises:
        FileNotFoundError: there is none.
        SafetensorError: the file is not whole.
    """
    data = files.read_bytes(uri)
    tensors = load(data)
    header = orjson.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    saved = orjson.loads(header["__metadata__"]["checkpoint"])
    return Checkpoint(saved["step"], saved["state"], tensors)


class Store:
    """The checkpoints of one training."""

    def __init__(self, folder: str, print_: str) -> None:
        self.folder = files.join(folder, print_)

    def write(self, checkpoint: Checkpoint) -> None:
        """Add a checkpoint, whole or not at all, and drop those that are no longer kept."""
        header = {"checkpoint": orjson.dumps({"step": checkpoint.step, "state": checkpoint.state}).decode()}
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
        files.write_bytes(self.uri(checkpoint.step), save(tensors, header))
        for step in self.steps()[:-KEPT]:
            filesystem, path = files.locate(self.uri(step))
            filesystem.delete_file(path)

    def steps(self) -> list[int]:
        """The steps there are checkpoints of, ascending."""
        names = files.list_names(self.folder)
        return [int(n.removeprefix("step-").removesuffix(".safetensors")) for n in names if n.startswith("step-")]

    def latest(self) -> Checkpoint | None:
        """The newest checkpoint that can be read, `None` where there is none."""
        for step in reversed(self.steps()):
            try:
                return read(self.uri(step))
            except SafetensorError as error:
                log.warning("checkpoint %s cannot be read (%s); trying the one before", self.uri(step), error)
        return None

    def uri(self, step: int) -> str:
        """Where the checkpoint of `step` is kept."""
        return files.join(self.folder, f"step-{step:09d}.safetensors")


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`tensors` with names below `prefix`."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of `prefixed`: those below `prefix`, without it."""
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}
