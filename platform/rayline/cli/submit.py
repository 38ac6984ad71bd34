"""`rayline submit`"""

from __future__ import annotations

from typing import Annotated

import typer

from rayline.cli._options import Sets


def command(
    what: Annotated[
        str, typer.Argument(metavar="SPEC|JOB.py", help="A spec (runs as `rayline run`) or a script of jobs/.")
    ],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[-- ARGUMENT...]", help="For the command there.")
    ] = None,
    sets: Sets = [],
    address: Annotated[
        str | None,
        typer.Option("--address", metavar="URL", help="The cluster's dashboard. Default: RAY_ADDRESS, auto."),
    ] = None,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Return when the cluster has the job.")] = False,
) -> None:
    """Run a spec or a job on a running Ray cluster, with its log here; Ctrl-C stops the job."""
    from rayline.cluster.submit import submit

    done = submit(what, arguments or [], address=address, sets=sets, wait=not no_wait)
    if done.message:
        typer.echo(done.message, err=True)
    raise typer.Exit(done.exit_code)
