"""Randomness that anybody can repeat: seeds derived by name, and a hash that no library update changes.

`hash_keys` is splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014)
over the key's 64 bits, or over the first 8 bytes of a blake2b digest for keys that are not integers.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import polars as pl

UInt64Array = npt.NDArray[np.uint64]


def derive(seed: int, *names: str | int) -> int:
    """A 63-bit seed for one purpose (`derive(0, "split")`), independent of all others from the same `seed`."""
    text = "/".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def splitmix64(values: UInt64Array, seed: int) -> UInt64Array:
    """Mix 64-bit `values` [n] under `seed`; uniform over the whole range."""
    z = values ^ np.uint64(derive(seed, "splitmix64"))
    z = z + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def hash_keys(keys: pl.Series, seed: int) -> UInt64Array:
    """A seeded uint64 for each key [n]. The same key gives the same hash in any fragment, on any machine."""
    if keys.dtype.is_integer():
        # the low 64 bits: ids from 2**63 on are no Int64, and smaller ones are the same bits in any type
        bits = keys.cast(pl.UInt64, wrap_numerical=True)
        return splitmix64(bits.to_numpy(), seed)
    distinct = keys.cast(pl.String).unique(maintain_order=True)
    digests = {
        key: int.from_bytes(hashlib.blake2b((key or "").encode(), digest_size=8).digest(), "big")
        for key in distinct.to_list()
    }
    folded = np.fromiter((digests[key] for key in keys.cast(pl.String).to_list()), dtype=np.uint64, count=len(keys))
    return splitmix64(folded, seed)


def uniform(hashes: UInt64Array) -> npt.NDArray[np.float64]:
    """Hashes [n] as floats in [0, 1)."""
    return (hashes >> np.uint64(11)).astype(np.float64) * 2.0**-53
