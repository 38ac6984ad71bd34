"""The cluster's own key-value store: small notes that every process of a cluster sees, gone with its head."""

from __future__ import annotations

from ray.experimental import internal_kv


class KeyValues:
    """Bytes by name, under one namespace of the cluster this process has joined."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace

    def put(self, key: str, value: bytes, *, overwrite: bool = True) -> bool:
        """Keep `value` unless there is one and `overwrite` is false; whether there was one."""
        return bool(internal_kv._internal_kv_put(key, value, overwrite=overwrite, namespace=self._namespace))

    def get(self, key: str) -> bytes | None:
        value: bytes | None = internal_kv._internal_kv_get(key, namespace=self._namespace)
        return value

    def delete(self, key: str) -> None:
        internal_kv._internal_kv_del(key, namespace=self._namespace)

    def keys(self, prefix: str) -> list[str]:
        return [key.decode() for key in internal_kv._internal_kv_list(prefix, namespace=self._namespace)]
