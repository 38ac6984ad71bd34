"""Writes what Prometheus and Grafana need to watch an endpoint: one folder, ready to start them with."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files as package_files
from importlib.resources.abc import Traversable
from pathlib import Path

import jinja2

from rayline.core import files
from rayline.core.errors import InputError

RAY_DISCOVERY = "/tmp/ray/prom_metrics_service_discovery.json"
"""Where Ray lists the metrics ports of all its nodes, on the head node; it follows the newest cluster."""
MONITOR = "127.0.0.1:8010"
PROMETHEUS = "http://127.0.0.1:9090"
TEMPLATES = ("prometheus.yml", "rayline.yml")
"""Files with places to fill in; all others are copied as they are."""


@dataclass(frozen=True)
class Exported:
    """What was written, and what to do with it."""

    folder: Path
    paths: tuple[Path, ...]
    commands: tuple[str, ...]
    """Shell commands to try next."""


def export(
    folder: str | os.PathLike[str],
    *,
    ray_metrics: str = RAY_DISCOVERY,
    monitor: str = MONITOR,
    prometheus_url: str = PROMETHEUS,
    scrape_interval_s: float = 15.0,
) -> Exported:
    """Write `prometheus.yml`, `rules/` (with their tests) and `grafana/` into `folder`; files there are replaced.

    Args:
        folder: made where it is not there.
        ray_metrics: Ray's discovery file (a path that ends in `.json`), or `HOST:PORT` of the nodes' metrics
            agents, with commas between them.
        monitor: `HOST:PORT` of `rayline monitor`.
        prometheus_url: where Grafana finds Prometheus.
        scrape_interval_s: seconds between two scrapes, and between two evaluations of the rules.

    Raises:
        InputError: an address that is not `HOST:PORT`, or an interval below a tenth of a second.
        StorageError: the folder cannot be written.
    """
    if scrape_interval_s < 0.1:
        raise InputError(f"a scrape interval of {scrape_interval_s} s is too short; 0.1 s is the least.")
    root = Path(folder).absolute()
    interval_ms = round(scrape_interval_s * 1000)
    discovered = ray_metrics.endswith(".json")
    values = {
        "folder": str(root),
        "dashboards": str(root / "grafana" / "dashboards"),
        "scrape_interval": f"{interval_ms}ms",
        "scrape_timeout": f"{min(interval_ms, 10_000)}ms",
        "ray_discovery": str(Path(ray_metrics).absolute()) if discovered else None,
        "ray_targets": [] if discovered else [_address(item, "ray_metrics") for item in ray_metrics.split(",")],
        "monitor": _address(monitor, "monitor"),
        "prometheus_url": prometheus_url,
    }
    fill = jinja2.Environment(
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    written = []
    for relative, asset in _assets(package_files("rayline.monitor") / "assets"):
        text = asset.read_text(encoding="utf-8")
        if asset.name in TEMPLATES:
            text = fill.from_string(text).render(values)
        files.write_bytes(str(root / relative), text.encode())
        written.append(root / relative)
    return Exported(root, tuple(written), _commands(root))


def _commands(root: Path) -> tuple[str, ...]:
    at = shlex.quote(str(root))
    return (
        f"prometheus --config.file={at}/prometheus.yml --storage.tsdb.path={at}/data",
        f"GF_PATHS_PROVISIONING={at}/grafana/provisioning grafana server --homepath /usr/share/grafana",
        f"promtool test rules {at}/rules/tests/*.yml",
    )


def _address(text: str, what: str) -> str:
    host, _, port = text.strip().rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536 or any(c in host for c in "/\"' "):
        raise InputError(f"{what}: {text!r} is not HOST:PORT, for example {MONITOR}.")
    return text.strip()


def _assets(folder: Traversable, relative: Path = Path()) -> Iterator[tuple[Path, Traversable]]:
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.is_dir():
            yield from _assets(item, relative / item.name)
        else:
            yield relative / item.name, item
