from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from serving_parts import Doubling, Endpoint


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Endpoint]:
    """A replica that serves nothing yet."""
    endpoint = Endpoint(tmp_path)
    yield endpoint
    endpoint.replica.close()


@pytest.fixture
def endpoint(bare: Endpoint) -> Endpoint:
    """A replica that serves version 3 of `adult` (its champion) and 4."""
    bare.packages = {"/pkg/3": Doubling(), "/pkg/4": Doubling(factor=0.02)}
    bare.serve({"adult": {"versions": {"3": "/pkg/3", "4": "/pkg/4"}, "aliases": {"champion": "3", "challenger": "4"}}})
    return bare
