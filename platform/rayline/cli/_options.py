"""Options that several commands share, each described once."""

from __future__ import annotations

from typing import Annotated

import typer

SpecPath = Annotated[str, typer.Argument(metavar="SPEC", help="The spec, a YAML file.")]
Sets = Annotated[
    list[str], typer.Option("--set", metavar="KEY=VALUE", help="Override a key, e.g. --set train.epochs=3. Repeatable.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else.")]
Address = Annotated[
    str | None,
    typer.Option(
        "--address", metavar="HOST:PORT", help="A running Ray cluster. Default: RAY_ADDRESS, else Ray is started here."
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue what a kill or Ctrl-C interrupted.")]
ModelRef = Annotated[str, typer.Argument(metavar="MODEL", help="NAME@ALIAS, NAME/VERSION, or NAME for its champion.")]
