"""`rayline serve`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rayline.cli._options import Address
from rayline.core.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from rayline.pipeline.endpoint import Endpoint


def command(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL]...", help="NAME, NAME@ALIAS or NAME/VERSION to serve at once."),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", help="Address to bind; beyond loopback, API keys are required.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8000,
    replicas: Annotated[
        str, typer.Option("--replicas", metavar="N|MIN:MAX", help="Fixed, or autoscaled between two.")
    ] = "1",
    keys: Annotated[
        str | None, typer.Option("--keys", metavar="FILE", help="API keys; default: RAYLINE_API_KEYS.")
    ] = None,
    monitor_port: Annotated[
        int, typer.Option("--monitor-port", min=0, max=65535, help="Of the monitor beside it; 0: a free one.")
    ] = 8010,
    no_monitor: Annotated[bool, typer.Option("--no-monitor", help="Start no monitor.")] = False,
    address: Address = None,
) -> None:
    """Serve models over HTTP and stay in the foreground until Ctrl-C; Ray and the drift monitor start with it."""
    import signal
    import threading

    from rayline.cli._show import console
    from rayline.pipeline.serving import serving
    from rayline.serve.keys import read

    stopping = threading.Event()
    with serving(
        models or [],
        host=host,
        port=port,
        replicas=_replicas(replicas),
        keys=read(keys),
        monitor_port=None if no_monitor else monitor_port,
        address=address,
    ) as endpoint:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopping.set())
        out = console()
        _tell(out, endpoint)
        stopping.wait()
        out.print("stopping …")


def _tell(out: Console, endpoint: Endpoint) -> None:
    """Where everything is, once it answers."""
    from rayline.serve import on_ray

    out.print(f"[bold green]serving[/] {endpoint.url}   Ctrl-C stops")
    for name, model in on_ray.status()["models"].items():
        failed = [version for version, about in model["versions"].items() if about["failures"]]
        lacking = f"   not loaded: {', '.join(failed)}" if failed else ""
        out.print(f"  {endpoint.url}/models/{name}   version {', '.join(model['versions'])}{lacking}")
    if endpoint.monitor:
        out.print(f"  monitor    {endpoint.monitor}/metrics   drift: {endpoint.monitor}/drift")
    if endpoint.dashboard:
        out.print(f"  dashboard  http://{endpoint.dashboard}")
    out.print("  deploy     rayline deploy NAME@champion      metrics: rayline monitor export DIR")


def _replicas(text: str) -> int | tuple[int, int]:
    least, mark, most = text.partition(":")
    try:
        numbers = (int(least), int(most)) if mark else (int(least), int(least))
    except ValueError:
        numbers = (0, 0)
    if not 1 <= numbers[0] <= numbers[1]:
        raise InputError(f"--replicas {text!r}: write a number from 1, or MIN:MAX such as 1:4.")
    return numbers if mark else numbers[0]
