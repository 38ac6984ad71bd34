"""`rayline report`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rayline.cli._options import ModelRef
from rayline.core.redact import redact


def command(
    model: ModelRef,
    output: Annotated[str | None, typer.Option("-o", "--output", help="Copy the page to this file.")] = None,
) -> None:
    """Find the report of a registered model: one self-contained HTML page."""
    from rayline.core import files
    from rayline.pipeline.publishing import report_uri

    if output is not None:
        files.prove_writable(output)
    uri = report_uri(model)
    if output is None:
        print(uri)
        return
    files.write_bytes(output, files.read_bytes(uri))
    print(redact(output) if "://" in output else Path(output).absolute())
