"""The package of a model: everything an endpoint needs to answer as training would have.

    model.safetensors                  weights
    prepare.json, prepare.safetensors  fitted preparation
    spec.yaml                          the spec, every default spelled out
    signature.json                     columns, types and ranges a request must keep to
    profile/                           what training data looked like; reference.json for drift
    metrics.json, card.md              how well it does, in numbers and in words
    golden.arrow                       rows with the answers they had; replayed before traffic
    environment.txt                    versions it was made with
    manifest.json                      sha256 and size of every file, and the digest of the whole

Nothing in it is ever unpickled. Columns declared private leave no row's values in it, but what a request must be
prepared and checked with: of a private number, what its steps learnt (fill, clipping limits, offset and factor of
scaling, which with `constant`, `quantile`, `minmax` or `median` may be values of single rows) in prepare.safetensors;
of a private category, keyed digests of its texts in prepare.json; what `data.expect` declares of either, in
signature.json and spec.yaml; and whatever the weights have learnt by heart. Profile, reference, golden rows and card
know their names, types and counts of missing values, no more.
"""

from __future__ import annotations

import os
import platform
import shutil
import uuid
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from rayline.core import files
from rayline.core.columns import Signature
from rayline.core.errors import PackageError, StorageError
from rayline.core.home import ensure_home
from rayline.profile.reference import Reference
from rayline.registry import golden as goldens
from rayline.registry import manifest
from rayline.registry.manifest import verify

if TYPE_CHECKING:
    from rayline.models.network import Network
    from rayline.prepare.preparation import Preparation
    from rayline.profile.profile import Profile

__all__ = ["fetch", "keep", "verify", "write"]

WEIGHTS = "model.safetensors"
SPEC = "spec.yaml"
SIGNATURE = "signature.json"
PROFILE = "profile"
METRICS = "metrics.json"
CARD = "card.md"
ENVIRONMENT = "environment.txt"

# what an answer depends on; a resolver would want more, a reader less
_DISTRIBUTIONS = (
    "rayline",
    "ray",
    "torch",
    "numpy",
    "polars",
    "pyarrow",
    "pandas",
    "scikit-learn",
    "safetensors",
    "pydantic",
)


def write(
    folder: str,
    *,
    network: Network,
    preparation: Preparation,
    spec_yaml: str,
    signature: Signature,
    profile: Profile,
    reference: Reference,
    metrics: Mapping[str, Any],
    golden: pl.DataFrame,
    card: str,
    extras: Mapping[str, Any] | None = None,
) -> str:
    """Write a whole package to the local `folder` (replaced if there is one) and return its digest.

    Args:
        folder: appears when the package is complete, never before.
        network: trained; its weights are kept, its architecture is `model` of the spec.
        preparation: as fitted on the training rows.
        spec_yaml: `spec.render` of the spec, inferred values filled in.
        signature: what a request must hold.
        profile: of the training rows.
        reference: what live windows are compared with.
        metrics: JSON-able; `metrics.json` as it is.
        golden: raw test rows; the first 32 are kept, without the columns the signature calls private.
        card: the model card, Markdown.
        extras: further JSON documents by file name, such as `split.json`.

    Raises:
        StorageError: the folder cannot be written.
    """

    from safetensors.torch import save

    final = Path(folder).absolute()
    making = final.with_name(f".{final.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        (making / PROFILE).mkdir(parents=True)
        place = str(making)
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
        files.write_bytes(str(making / WEIGHTS), save(weights))
        preparation.save(place)
        profile.save(str(making / PROFILE))
        reference.save(str(making / PROFILE))
        files.write_json(str(making / SIGNATURE), signature.model_dump(mode="json"))
        files.write_json(str(making / METRICS), metrics)
        for name, text in ((SPEC, spec_yaml), (CARD, card), (ENVIRONMENT, _environment())):
            files.write_bytes(str(making / name), text.encode())
        for name, value in (extras or {}).items():
            files.write_json(str(making / name), value)
        rows = goldens.choose(golden, signature)
        goldens.write(place, rows, goldens.answer(rows, signature, preparation, network))
        digest = manifest.seal(place).digest
        if final.exists():
            shutil.rmtree(final)
        making.rename(final)
    except OSError as error:
        raise StorageError(f"cannot write the package {final}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return digest


def fetch(uri: str) -> str:
    """A verified local folder of the package at `uri`: itself if it is local, else a copy under `RAYLINE_HOME`.

    Copies are kept by digest, and made only of the files that the manifest names.

    Raises:
        PackageError: it is not the package that was sealed; the message names the files.
        StorageError: the place cannot be read, or the cache not written.
    """
    if files.locate(uri)[0].type_name == "local":
        folder = files.locate(uri)[1]
        verify(folder)
        return folder
    sealed = manifest.read(uri)

    def copy(folder: str) -> str:
        for path in sealed.files:
            target = Path(folder, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                target.write_bytes(files.read_bytes(files.join(uri, path)))
            except FileNotFoundError:
                continue  # verification names all that lack at once
        files.write_json(str(Path(folder, manifest.MANIFEST)), sealed.to_json())
        return folder

    return keep(sealed.digest, copy)


def keep(digest: str, fill: Callable[[str], str]) -> str:
    """The package of this `digest` in the local cache; where it is not, `fill(folder)` gets it and says where it lies.

    Processes may do so at once: each fills a folder of its own, and the first to finish names it.
    """
    cache = ensure_home() / "packages"
    final = cache / digest
    if _is_whole(final, digest):
        return str(final)
    making = cache / f".{digest[:12]}.{uuid.uuid4().hex[:8]}.tmp"
    damaged = making.with_suffix(".damaged")
    try:
        making.mkdir(parents=True)
        filled = fill(str(making))
        if verify(filled) != digest:
            raise PackageError(f"{filled} is whole, but not the package of digest {digest}. Publish it again.")
        if final.exists() and not _is_whole(final, digest):
            final.rename(damaged)
        try:
            os.rename(filled, final)
        except OSError:
            if not _is_whole(final, digest):  # else another process was first
                raise
    except OSError as error:
        raise StorageError(
            f"cannot keep a package under {cache}: {error.strerror or error}. Set RAYLINE_HOME."
        ) from error
    finally:
        for left in (making, damaged):
            shutil.rmtree(left, ignore_errors=True)
    return str(final)


def _is_whole(folder: Path, digest: str) -> bool:
    if not folder.is_dir():
        return False
    try:
        return verify(str(folder)) == digest
    except PackageError:
        return False


def _environment() -> str:
    lines = [f"# {platform.platform()}", f"python=={platform.python_version()}"]
    for name in _DISTRIBUTIONS:
        try:
            lines.append(f"{name}=={metadata.version(name)}")
        except metadata.PackageNotFoundError:  # Rayline itself, shipped to a cluster as a folder
            lines.append(f"# {name} is not installed as a distribution")
    return "\n".join(lines) + "\n"
