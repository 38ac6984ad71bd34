"""Storage that every machine of a cluster reaches, and the proof of it."""

from __future__ import annotations

import uuid

from rayline.cluster.everywhere import on_every_node
from rayline.cluster.resources import Node, Resources, resources
from rayline.core import files
from rayline.core.errors import StorageError

PROOF_TIMEOUT_S = 60.0


def prove(uri: str, found: Resources | None = None, timeout_s: float = PROOF_TIMEOUT_S) -> None:
    """Have every machine write a small file below `uri`, then read what each of them wrote; it leaves nothing behind.

    Raises:
        StorageError: a machine cannot write or read there, or does not see what another wrote (a local path that
            is not shared).
    """
    found = found or resources()
    folder = files.join(uri, f".rayline-proof-{uuid.uuid4().hex[:12]}")
    try:
        for step in (_write, _read):
            problems = on_every_node(step, found, folder, [node.id for node in found.nodes], timeout_s=timeout_s)
            if any(problems.values()):
                raise StorageError(_complaint(uri, problems))
    finally:
        on_every_node(_remove, found, folder, timeout_s=timeout_s)


def _complaint(uri: str, problems: dict[Node, str]) -> str:
    lines = "".join(f"\n  {node.address}: {problem}" for node, problem in problems.items() if problem)
    return (
        f"not every machine of the cluster can use the storage {uri}:{lines}\nSet storage: in the spec to a URI "
        "that each of them reads and writes (s3://BUCKET/PATH, or a folder of a file system they share), and check "
        "their credentials."
    )


def _write(node: str, folder: str, _ids: list[str]) -> str:
    try:
        files.write_bytes(files.join(folder, node), node.encode())
    except StorageError as error:
        return str(error)
    return ""


def _read(_node: str, folder: str, ids: list[str]) -> str:
    for other in ids:
        try:
            if files.read_bytes(files.join(folder, other)) != other.encode():
                return f"it reads other bytes than {other[:8]} wrote"
        except FileNotFoundError:
            return f"it does not see what machine {other[:8]} wrote; the folder is not shared"
        except StorageError as error:
            return str(error)
    return ""


def _remove(_node: str, folder: str) -> str:
    filesystem, path = files.locate(folder)
    try:
        filesystem.delete_dir(path)
    except OSError as error:  # another machine was faster, or nothing was written
        return str(error)
    return ""
