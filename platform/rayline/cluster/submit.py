"""Run a spec or a job script on a running cluster, with its log on this terminal and its exit code at the end."""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import requests
from ray.dashboard.modules.job.pydantic_models import JobDetails
from ray.exceptions import AuthenticationError
from ray.job_submission import JobStatus, JobSubmissionClient

from rayline.cluster import dashboard
from rayline.cluster.parcel import SPEC_SUFFIXES, Parcel
from rayline.core.errors import ClusterError, InputError, RunError

POLL_S = 2.0
LOST_AFTER_S = 60.0
"""How long a cluster may stay silent while a job runs before it counts as lost."""
PASSED_ON = ("MLFLOW_TRACKING_URI",)
"""Variables of this process that a job gets too. Secrets stay here: a job's environment is shown on the dashboard."""
UNANSWERED = (RuntimeError, ConnectionError, requests.RequestException)
"""What Ray's client raises for a request that failed, its own or the network's."""


def _to_terminal(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


@dataclass(frozen=True)
class Submitted:
    """A job that was sent, and how it ended."""

    job: str
    dashboard: str
    status: str
    """SUCCEEDED, FAILED or STOPPED; PENDING when it was not waited for."""
    exit_code: int
    """The job's own: 0, 1 or 2 as for the command that it ran."""
    message: str
    """Why it failed, in a line; else empty."""


def submit(
    what: str,
    arguments: Sequence[str] = (),
    *,
    address: str | None = None,
    sets: Iterable[str] = (),
    environment: Mapping[str, str] | None = None,
    wait: bool = True,
    write: Callable[[str], object] = _to_terminal,
) -> Submitted:
    """Send a spec (`.yaml`; it runs as `rayline run` there) or a job script (`.py`) and follow it to its end.

    This process's Rayline goes with it, and local files that the spec or the arguments name, up to 100 MiB.
    Ctrl-C stops the job.

    Args:
        arguments: given to the command after `what`.
        address: the dashboard's URL, `HOST:PORT`, or `auto`; default: `RAY_API_SERVER_ADDRESS`, `RAY_ADDRESS`, `auto`.
        sets: overrides of the spec, `KEY.KEY=VALUE`.
        environment: more variables for the job; everybody who may open the dashboard can read them.
        wait: follow the job; else return when the cluster has it.
        write: takes the job's log, piece by piece.

    Raises:
        InputError: the spec, a file or the address cannot be used; nothing was started (exit code 2).
        RunError: the cluster was lost on the way, or could not start the job (exit code 1).
    """
    with tempfile.TemporaryDirectory(prefix="rayline-job-") as folder:
        parcel = Parcel(Path(folder))
        entrypoint = _entrypoint(parcel, what, arguments, sets)
        url = dashboard.url_of(address)
        with _talking(url, ClusterError):
            client = _client(url)
            job = client.submit_job(
                entrypoint=entrypoint,
                runtime_env={
                    "working_dir": str(parcel.work),
                    "py_modules": [str(parcel.modules)],
                    "env_vars": _environment(environment or {}),
                },
                metadata={"rayline": Path(what).name},
            )
    write(f"job {job} on {url}\n")
    if not wait:
        return Submitted(job, url, JobStatus.PENDING.value, 0, "")
    try:
        details = asyncio.run(_follow(client, url, job, write))
    except KeyboardInterrupt:
        _stop(client, url, job, write)
        raise
    return _ended(details, job, url)


def _entrypoint(parcel: Parcel, what: str, arguments: Sequence[str], sets: Iterable[str]) -> str:
    if what.endswith(SPEC_SUFFIXES):
        command = ["-m", "rayline.cli", "run", parcel.add_spec(what, sets), *arguments]
    elif what.endswith(".py"):
        if list(sets):
            raise InputError("--set overrides a spec's keys; a job script takes its own arguments, after `--`.")
        command = [parcel.add_script(what), *(parcel.add_argument(argument) for argument in arguments)]
    else:
        raise InputError(f"{what!r} is neither a spec (.yaml) nor a job script (.py).")
    # a job's working directory is a cache that Ray empties: what a run leaves on the head belongs to its user
    return f'RAYLINE_HOME="${{RAYLINE_HOME:-$HOME/.rayline}}" exec python {shlex.join(command)}'


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in PASSED_ON if os.environ.get(name)}
    return {"PYTHONUNBUFFERED": "1", **kept, **given}


class _Client(JobSubmissionClient):  # type: ignore[misc]
    """Ray's client, whose requests would wait for ever for a machine that has gone."""

    def _do_request(self, method: str, endpoint: str, **options: Any) -> Any:
        return super()._do_request(method, endpoint, **{"timeout": (5.0, LOST_AFTER_S), **options})


def _client(url: str) -> JobSubmissionClient:
    for chatty in ("dashboard.modules.dashboard_sdk", "dashboard.modules.job.sdk", "_private.runtime_env.packaging"):
        logging.getLogger(f"ray.{chatty}").setLevel(logging.WARNING)
    # both variables would win over the address that is passed
    hidden = {name: os.environ.pop(name) for name in ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS") if name in os.environ}
    try:
        return _Client(url)
    finally:
        os.environ.update(hidden)


@contextmanager
def _talking(url: str, kind: type[ClusterError] | type[RunError]) -> Iterator[None]:
    try:
        yield
    except (
        AuthenticationError,
        RuntimeError,
        ConnectionError,
        requests.RequestException,
        aiohttp.ClientError,
    ) as error:
        raise kind(f"the cluster at {url} did not do as asked: {error}") from error


async def _follow(client: JobSubmissionClient, url: str, job: str, write: Callable[[str], object]) -> JobDetails:
    """Stream the log until it ends, then wait for the job's own end."""
    try:
        pieces = aiter(client.tail_job_logs(job))
        coming = asyncio.ensure_future(anext(pieces, None))
        while True:
            arrived, _ = await asyncio.wait({coming}, timeout=POLL_S)
            if not arrived and (await _details(client, url, job)).status.is_terminal():
                # the log's own end comes a moment after the job's, unless the connection is dead
                arrived, _ = await asyncio.wait({coming}, timeout=POLL_S)
                if not arrived:
                    coming.cancel()
                    break
            if arrived:
                piece = coming.result()
                if piece is None:
                    break
                write(piece)
                coming = asyncio.ensure_future(anext(pieces, None))
    except (RuntimeError, aiohttp.ClientError) as error:
        write(f"(the log stopped coming: {error}; waiting for the job)\n")
    while not (details := await _details(client, url, job)).status.is_terminal():
        await asyncio.sleep(POLL_S)
    return details


async def _details(client: JobSubmissionClient, url: str, job: str) -> JobDetails:
    silent_since = None
    while True:
        try:
            return await asyncio.to_thread(client.get_job_info, job)
        except UNANSWERED as error:
            silent_since = silent_since or time.monotonic()
            if time.monotonic() - silent_since > LOST_AFTER_S:
                raise RunError(
                    f"the cluster at {url} was lost: no answer for {LOST_AFTER_S:g} s while job {job} ran ({error})."
                ) from error
            await asyncio.sleep(POLL_S)


def _stop(client: JobSubmissionClient, url: str, job: str, write: Callable[[str], object]) -> None:
    write(f"\nstopping job {job} …\n")
    with _talking(url, RunError):
        client.stop_job(job)
        until = time.monotonic() + 15
        while time.monotonic() < until:
            if client.get_job_status(job).is_terminal():
                write(f"job {job} has stopped\n")
                return
            time.sleep(0.5)
    write(f"job {job} was asked to stop and has not yet; see `ray job status {job} --address {url}`\n")


def _ended(details: JobDetails, job: str, url: str) -> Submitted:
    code = details.driver_exit_code
    reason = (details.message or "").partition("\n")[0]  # what follows is the log once more
    if details.status is JobStatus.SUCCEEDED:
        return Submitted(job, url, details.status.value, 0, "")
    if details.status is JobStatus.FAILED and code is None:
        raise RunError(f"job {job} could not be run: {details.message}")
    return Submitted(job, url, details.status.value, code if code in (1, 2) else 1, reason)
