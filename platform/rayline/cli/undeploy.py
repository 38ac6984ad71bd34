"""`rayline undeploy`"""

from __future__ import annotations

from typing import Annotated

import typer

from rayline.cli._options import Address, AsJson


def command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="NAME, or one version: NAME/3, NAME@challenger.")],
    address: Address = None,
    json: AsJson = False,
) -> None:
    """Stop serving a model, or one version of it."""
    from rayline.cli.status import show
    from rayline.pipeline.serving import undeploy

    show(undeploy(model, address=address), as_json=json)
