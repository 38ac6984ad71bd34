"""`rayline deploy`"""

from __future__ import annotations

from typing import Annotated

import typer

from rayline.cli._options import Address, AsJson


def command(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="NAME, NAME@ALIAS or NAME/VERSION.")],
    alias: Annotated[
        list[str], typer.Option("--alias", help="Alias the version takes at the endpoint. Repeatable.")
    ] = [],
    keep: Annotated[bool, typer.Option("--keep", help="Keep the model's other versions answering too.")] = False,
    address: Address = None,
    json: AsJson = False,
) -> None:
    """Have the running endpoint serve these models. Old versions answer until the new ones are loaded and checked."""
    from rayline.cli.status import show
    from rayline.pipeline.serving import deploy

    show(deploy(models, aliases=alias, keep=keep, address=address), as_json=json)
