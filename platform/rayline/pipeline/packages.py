"""What people call a model, turned into the URI of its package."""

from __future__ import annotations

import os

from rayline.core import files
from rayline.core.errors import NotFoundError
from rayline.registry.manifest import MANIFEST
from rayline.registry.models import Registry


def package_uri(model: str) -> str:
    """The package behind `NAME@ALIAS`, `NAME/VERSION`, `NAME`, or a package folder's own path or URI.

    Raises:
        NotFoundError: no such model, version or alias, or a folder that is no package.
    """
    if "://" in model or files.exists(files.join(model, MANIFEST)):
        return model
    if os.path.isabs(model) or model.startswith((".", "~")):
        raise NotFoundError(f"{model} is no package: there is no {MANIFEST}. Give a package's folder, or NAME/VERSION.")
    return Registry().resolve(model).uri
