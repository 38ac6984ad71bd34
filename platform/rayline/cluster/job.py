"""The end of a job script: what went wrong in a line, and the exit code that says whose fault it was."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from rayline.core.errors import RaylineError


def finish(main: Callable[[], object]) -> NoReturn:
    """Run `main` and leave the process: 0 done, 1 the run failed, 2 the input or the surroundings are wrong."""
    try:
        main()
    except RaylineError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    sys.exit(0)
