"""The end of a job script: what went wrong in a line, and the exit code that says whose fault it was."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import NoReturn

from ray._private.runtime_env.constants import RAY_JOB_CONFIG_JSON_ENV_VAR

from rayline.core.errors import RaylineError


def finish(main: Callable[[], object]) -> NoReturn:
    """Run `main` and leave the process: 0 done, 1 the run failed, 2 the input or the surroundings are wrong.

    As a Ray job `RAYLINE_HOME` is `~/.rayline` of the machine it runs on, unless Ray was started with another.
    """
    if RAY_JOB_CONFIG_JSON_ENV_VAR in os.environ:
        # a job's working directory is a cache that Ray empties: what a run leaves belongs to its user
        os.environ.setdefault("RAYLINE_HOME", os.path.expanduser("~/.rayline"))
    try:
        main()
    except RaylineError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)
    sys.exit(0)
