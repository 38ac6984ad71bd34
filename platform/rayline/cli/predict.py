"""`rayline predict`"""

from __future__ import annotations

from typing import Annotated

import typer

from rayline.cli._options import Address, ModelRef
from rayline.core.shown import counted


def command(
    model: ModelRef,
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="A file, folder, glob, URL, sklearn:NAME or '{name: KIND, …}'.")
    ],
    output: Annotated[str, typer.Option("-o", "--output", help="OUT.csv, OUT.parquet, or a folder of Parquet files.")],
    address: Address = None,
) -> None:
    """Score every row of DATA on Ray Data and write it with its predictions.

    Features that training made of earlier rows (history) are made of DATA's: give it the rows before, too.
    """
    from rayline.pipeline.batch import predict

    rows = predict(model, data, output, address=address, tell=lambda text: typer.echo(text, err=True))
    print(f"{counted(rows)} scored: {output}")
