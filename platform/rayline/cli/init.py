"""`rayline init`"""

from __future__ import annotations

from typing import Annotated

import typer

from rayline.core.errors import InputError
from rayline.core.redact import redact


def command(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="A file, folder, glob, URL, sklearn:NAME, or {name: csv, path: …} as in a spec."
        ),
    ],
    target: Annotated[str, typer.Option("--target", help="The column to predict.")],
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the model; default: the output's name, else the data's.")
    ] = None,
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="Write here rather than to the terminal.")
    ] = None,
) -> None:
    """Look at the data and write a commented spec for it."""
    from rayline.core import files
    from rayline.pipeline.resolve import model_name, write_spec

    if output is None:
        print(write_spec(data, target, name), end="")
        return
    files.prove_writable(output)
    if files.exists(output):
        raise InputError(f"{output} exists already; it is left as it is. Give another name with -o.")
    files.write_bytes(output, write_spec(data, target, name or model_name(output)).encode())
    print(f"wrote {redact(output)}. Next: rayline run {redact(output)}")
