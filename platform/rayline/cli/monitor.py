"""`rayline monitor` and `rayline monitor export`"""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Annotated

import typer

app = typer.Typer(
    help="Watch live inputs for drift; write what Prometheus and Grafana need.", invoke_without_command=True
)


@app.callback()
def command(
    context: typer.Context,
    host: Annotated[
        str, typer.Option("--host", help="Beyond loopback, RAYLINE_MONITOR_KEY is required.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="0: a free one, whose windows no restart keeps.")
    ] = 8010,
    follow_parent: Annotated[bool, typer.Option("--follow-parent", hidden=True)] = False,
    fleeting: Annotated[bool, typer.Option("--fleeting", hidden=True)] = False,
) -> None:
    """Run the monitor in the foreground: replicas post windows, Prometheus scrapes /metrics, people read /drift."""
    if context.invoked_subcommand is not None:
        return
    from rayline.monitor.service import run_forever

    if follow_parent:
        _stop_with(os.getppid())

    def tell(url: str) -> None:
        print(f"monitor {url}   /metrics for Prometheus   /drift for people", flush=True)

    run_forever(host, port, keeps=not fleeting, on_start=tell)


def _stop_with(parent: int) -> None:
    """End this process soon after `parent`, however that ended: `rayline serve` may be killed."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


@app.command()
def export(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Made if it is not there; its files are replaced.")],
    ray_metrics: Annotated[
        str | None, typer.Option("--ray-metrics", help="Ray's discovery file (.json), or HOST:PORT,… of its agents.")
    ] = None,
    monitor: Annotated[str, typer.Option("--monitor", help="HOST:PORT of the monitor.")] = "127.0.0.1:8010",
    prometheus: Annotated[
        str, typer.Option("--prometheus", help="URL at which Grafana finds it.")
    ] = "http://127.0.0.1:9090",
) -> None:
    """Write prometheus.yml, alert rules with their tests, and Grafana's provisioning folder."""
    from rayline.monitor.export import RAY_DISCOVERY
    from rayline.monitor.export import export as write

    done = write(folder, ray_metrics=ray_metrics or RAY_DISCOVERY, monitor=monitor, prometheus_url=prometheus)
    print(f"wrote {len(done.paths)} files to {done.folder}. Next:")
    for line in done.commands:
        print(f"  {line}")
