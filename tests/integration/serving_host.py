"""A process that joins a Ray cluster and runs `serve.on_ray` for a test: one JSON call a line in, one answer out.

The tests' own process may have joined another Ray already; a process can join one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class CallError(Exception):
    """What the call raised there: `kind` is its class, `exit_code` that of a command."""

    def __init__(self, kind: str, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.kind = kind
        self.exit_code = exit_code


class Host:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def call(self, function: str, *arguments: Any, **options: Any) -> Any:
        """The answer of `rayline.serve.on_ray.FUNCTION`; entries are given as dictionaries."""
        self.begin(function, *arguments, **options)
        return self.answer()

    def begin(self, function: str, *arguments: Any, **options: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([function, arguments, options]) + "\n")
        self._process.stdin.flush()

    def answer(self) -> Any:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                told = json.loads(line)
                if "error" in told:
                    raise CallError(told["kind"], told["error"], told["exit_code"])
                return told["value"]
        raise AssertionError(f"the host ended with {self._process.wait()}")


@contextmanager
def running_host(address: str, environment: Mapping[str, str]) -> Iterator[Host]:
    """A host that has joined the cluster at `address`; what it started is stopped at the end."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__)), address],
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Host(process)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=60)
    finally:
        process.kill()
        process.wait()


def main(address: str) -> None:
    from rayline.cluster.connect import connect
    from rayline.core.errors import RaylineError
    from rayline.serve import on_ray, state
    from rayline.serve.keys import parse

    started = False
    with connect(address):
        try:
            for line in sys.stdin:
                function, arguments, options = json.loads(line)
                try:
                    if "desired" in options:
                        options["desired"] = state.parse(options["desired"])
                    if "keys" in options:
                        options["keys"] = parse(options["keys"], "keys")
                    if function == "deploy":
                        arguments = [[state.Entry(**entry) for entry in arguments[0]]]
                    started = started or function == "start"
                    told = {"value": getattr(on_ray, function)(*arguments, **options)}
                except RaylineError as error:
                    told = {"error": str(error), "kind": type(error).__name__, "exit_code": error.exit_code}
                print(json.dumps(told), flush=True)
        finally:
            if started:
                on_ray.stop()


if __name__ == "__main__":
    main(sys.argv[1])
