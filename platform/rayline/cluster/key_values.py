"""The cluster's own key-value store: small notes that every process of a cluster sees, gone with its head.

All of Rayline that writes there does it through this.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ray.exceptions import RpcError
from ray.experimental import internal_kv  # what every process of a cluster can write, and outlives it

from rayline.core.errors import ClusterError

NAMESPACE = "rayline"


class KeyValues:
    """Bytes by name, under one namespace of the cluster this process has joined; travels to tasks.

    A call takes less than a millisecond. Each is whole: of several processes that `put` without overwriting, one finds
    that there was none.

    Raises:
        ClusterError: of every call: the head of the cluster does not answer.
    """

    def __init__(self, namespace: str = NAMESPACE) -> None:
        self._namespace = namespace

    def put(self, key: str, value: bytes, *, overwrite: bool = True) -> bool:
        """Keep `value` unless there is one and `overwrite` is false; whether there was one."""
        with _reached():
            return bool(internal_kv._internal_kv_put(key, value, overwrite=overwrite, namespace=self._namespace))

    def get(self, key: str) -> bytes | None:
        with _reached():
            value: bytes | None = internal_kv._internal_kv_get(key, namespace=self._namespace)
        return value

    def delete(self, key: str) -> None:
        with _reached():
            internal_kv._internal_kv_del(key, namespace=self._namespace)

    def delete_all(self, prefix: str) -> None:
        """Delete every key that begins so."""
        with _reached():
            internal_kv._internal_kv_del(prefix, del_by_prefix=True, namespace=self._namespace)

    def keys(self, prefix: str) -> list[str]:
        with _reached():
            return [key.decode() for key in internal_kv._internal_kv_list(prefix, namespace=self._namespace)]


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except RpcError as error:
        raise ClusterError(
            f"the head of the Ray cluster does not answer: {error}. See whether it runs: ray status."
        ) from error
