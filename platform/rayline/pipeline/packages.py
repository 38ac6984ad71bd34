"""What people call a model, turned into the URI of its package."""

from __future__ import annotations

from rayline.core import files
from rayline.registry.manifest import MANIFEST
from rayline.registry.models import Registry


def package_uri(model: str) -> str:
    """The package behind `NAME@ALIAS`, `NAME/VERSION`, `NAME`, or a package folder's own path or URI.

    Raises:
        NotFoundError: no such model, version or alias.
    """
    if "://" in model or files.exists(files.join(model, MANIFEST)):
        return model
    return Registry().resolve(model).uri
