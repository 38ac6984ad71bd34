"""`rayline init`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rayline.core.errors import InputError


def command(
    data: Annotated[str, typer.Argument(metavar="DATA", help="A file, folder, glob, URL or sklearn:NAME.")],
    target: Annotated[str, typer.Option("--target", help="The column to predict.")],
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the model; default: from the data's name.")
    ] = None,
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="Write here rather than to the terminal.")
    ] = None,
) -> None:
    """Look at the data and write a commented spec for it."""
    from rayline.pipeline.resolve import write_spec

    text = write_spec(data, target, name)
    if output is None:
        print(text, end="")
        return
    path = Path(output)
    if path.exists():
        raise InputError(f"{output} exists already; it is left as it is. Give another name with -o.")
    path.write_text(text, encoding="utf-8")
    print(f"wrote {output}. Next: rayline run {output}")
