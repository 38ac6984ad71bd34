"""Number formats: bfloat16 autocast where the device has it in hardware, float32 elsewhere."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

from rayline.core.errors import InputError

Precision = Literal["float32", "bfloat16"]


def resolve(setting: Literal["auto", "float32", "bfloat16"], device: torch.device) -> Precision:
    """The format `setting` means on `device`.

    Raises:
        InputError: bfloat16 asked for on a GPU that only emulates it.
    """
    native = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    if setting == "auto":
        return "bfloat16" if native else "float32"
    if setting == "bfloat16" and device.type == "cuda" and not native:
        raise InputError(
            f"train.precision 'bfloat16': {torch.cuda.get_device_name(device)} has no bfloat16 hardware. "
            "Use float32 or auto."
        )
    return setting


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[None]:
    """The context of a forward pass; weights, gradients and losses stay float32."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)
