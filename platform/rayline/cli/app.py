"""The commands of `rayline`.

Heavy rooms are imported inside the commands, so that `rayline --help` stays under half a second.
"""

from __future__ import annotations

from typing import Annotated

import typer

import rayline
from rayline.cli import (
    annotate,
    deploy,
    doctor,
    init,
    lake,
    models,
    monitor,
    predict,
    prepare,
    profile,
    quickstart,
    render,
    report,
    run,
    schema,
    serve,
    status,
    submit,
    tune,
    undeploy,
)

app = typer.Typer(
    name="rayline",
    help="From one declarative spec to a monitored, versioned model endpoint, on a laptop or a Ray cluster.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        print(f"rayline {rayline.__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    pass


for command in (
    quickstart,
    init,
    render,
    schema,
    doctor,
    profile,
    prepare,
    run,
    tune,
    predict,
    report,
    serve,
    deploy,
    undeploy,
    status,
    submit,
):
    app.command(name=command.__name__.rsplit(".", 1)[-1])(command.command)
app.add_typer(models.app, name="models")
app.add_typer(lake.app, name="lake")
app.add_typer(annotate.app, name="annotate")
app.add_typer(monitor.app, name="monitor")
