"""`rayline`: how a process begins and ends.

Light to import: Ctrl-C is answered by `main` from here on, while the commands are still being imported too.
"""

from __future__ import annotations

import atexit
import errno
import os
import signal
import sys
from typing import Any

INTERRUPTED = 130
"""Exit code of Ctrl-C; Typer turns the signal into it by itself."""
TERMINATED = 128 + signal.SIGTERM
"""Exit code after SIGTERM, as a shell has it for a process that SIGTERM killed."""
FULL = (errno.ENOSPC, errno.EDQUOT)
"""A disk, or what one may keep on it, is full: nobody's fault that could be mended here."""


def main() -> None:
    """Entry point of the `rayline` command; exits with the codes of the design: 0, 1, 2; 130 after Ctrl-C, 143 after
    SIGTERM.
    """
    debug = "--debug" in sys.argv or bool(os.environ.get("RAYLINE_DEBUG"))
    arguments = [a for a in sys.argv[1:] if a != "--debug"]
    code = _guarded(arguments, debug)
    atexit.register(_end_at_once)
    if code in (INTERRUPTED, TERMINATED):
        _say_no_more()
    sys.exit(code)


def _end_at_once() -> None:
    # Ctrl-C while the interpreter ends would print a traceback of whatever it is at
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _say_no_more() -> None:
    # a library that was stopped while it was imported fails where it tidies up, and tells of that with tracebacks
    sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def _guarded(arguments: list[str], debug: bool) -> int:
    """Run a command; its exit code."""
    try:
        code = _run(arguments)
    except KeyboardInterrupt:
        return _interrupted(arguments)
    except SystemExit as stop:  # what Ray, once it is joined, makes of SIGTERM
        if stop.code != signal.SIGTERM:
            raise
        _interrupted(arguments)
        return TERMINATED
    except Exception as error:  # noqa: BLE001 - the process boundary
        return _failed(error, arguments, debug)
    return _interrupted(arguments) if code == INTERRUPTED else int(code or 0)


def _run(arguments: list[str]) -> Any:
    from rayline.cli.app import app

    return app(arguments, standalone_mode=False)


def _interrupted(arguments: list[str]) -> int:
    resumes = bool(arguments) and arguments[0] in ("run", "tune")
    more = "; `--resume` continues." if resumes else "."
    print(f"\nstopped. What was finished is kept{more}", file=sys.stderr)
    return INTERRUPTED


def _failed(error: Exception, arguments: list[str], debug: bool) -> int:
    import typer

    from rayline.core.errors import RaylineError
    from rayline.core.shown import visible

    if isinstance(error, typer.Abort):
        return _interrupted(arguments)
    if isinstance(error, RaylineError):
        if debug:
            _show_traceback(error)
        print(f"error: {visible(str(error))}", file=sys.stderr)
        return error.exit_code
    show = getattr(error, "show", None)  # click's usage errors print themselves and carry their exit code
    if callable(show):
        said = getattr(error, "message", None)
        if isinstance(said, str):  # Typer passes on how pydantic begins what it says of a choice
            error.message = said.removeprefix("Value error, ")  # type: ignore[attr-defined]
        show()
        return int(getattr(error, "exit_code", 2))
    return _fault(error, debug)


def _fault(error: Exception, debug: bool) -> int:
    if debug:
        _show_traceback(error)
        return 1
    cause = getattr(error, "cause", None)  # what Ray raises for an error of a task tells the task's traceback
    error = cause if isinstance(cause, Exception) else error
    if isinstance(error, OSError) and error.errno in FULL:
        where = error.filename or "the output or a temporary file"
        print(f"error: cannot write {where}: {error.strerror}. Free some space and run it again.", file=sys.stderr)
        return 1
    print(
        f"error: {type(error).__name__}: {error}\nThis is a fault of Rayline's; --debug shows where.", file=sys.stderr
    )
    return 1


def _show_traceback(error: Exception) -> None:
    import traceback

    traceback.print_exception(error)
