"""What several commands of `rayline lake` take."""

from __future__ import annotations

from typing import Annotated

import typer

Name = Annotated[str, typer.Argument(metavar="NAME", help="The table.")]
Root = Annotated[
    str | None,
    typer.Option(
        "--lake", metavar="URI", help="A folder, s3://… or gs://…; default: RAYLINE_LAKE, else RAYLINE_HOME/lake."
    ),
]
