"""`rayline`: the commands, and how errors end a process.

Heavy rooms are imported inside the commands, so that `rayline --help` stays under half a second.
"""

from __future__ import annotations

import os
import sys
import traceback

import typer

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
from rayline.core.errors import RaylineError

INTERRUPTED = 130
"""Exit code of Ctrl-C; Typer turns the signal into it by itself."""

app = typer.Typer(
    name="rayline",
    help="From one declarative spec to a monitored, versioned model endpoint, on a laptop or a Ray cluster.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

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


def main() -> None:
    """Entry point of the `rayline` command; exits with the codes of the design (0, 1, 2; 130 for Ctrl-C)."""
    debug = "--debug" in sys.argv or bool(os.environ.get("RAYLINE_DEBUG"))
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    sys.exit(_guarded(arguments, debug))


def _guarded(arguments: list[str], debug: bool) -> int:
    try:
        code = app(arguments, standalone_mode=False)
    except RaylineError as error:
        if debug:
            traceback.print_exc()
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return _interrupted(arguments)
    except Exception as error:  # noqa: BLE001 - the process boundary
        return _unexpected(error, debug)
    return _interrupted(arguments) if code == INTERRUPTED else int(code or 0)


def _interrupted(arguments: list[str]) -> int:
    resumes = bool(arguments) and arguments[0] in ("run", "tune")
    more = "; `--resume` continues." if resumes else "."
    print(f"\nstopped. What was finished is kept{more}", file=sys.stderr)
    return INTERRUPTED


def _unexpected(error: Exception, debug: bool) -> int:
    show = getattr(error, "show", None)  # click's usage errors print themselves and carry their exit code
    if callable(show):
        said = getattr(error, "message", None)
        if isinstance(said, str):  # Typer passes on how pydantic begins what it says of a choice
            error.message = said.removeprefix("Value error, ")  # type: ignore[attr-defined]
        show()
        return int(getattr(error, "exit_code", 2))
    if debug:
        traceback.print_exc()
    else:
        cause = getattr(error, "cause", None)  # what Ray raises for an error of a task tells the task's traceback
        error = cause if isinstance(cause, Exception) else error
        print(
            f"error: {type(error).__name__}: {error}\nThis is a fault of Rayline's; --debug shows where.",
            file=sys.stderr,
        )
    return 1
