"""What a person sees while a run goes on and when it ends."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

import orjson
from rich.cells import cell_len
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from rayline.core.errors import RaylineError
from rayline.core.shown import visible
from rayline.pipeline.events import Silent, Watcher
from rayline.pipeline.result import RunResult


def console() -> Console:
    return Console(highlight=False, soft_wrap=True)


LEAST = 12
"""Columns of the terminal that a column of text keeps at least, where it needs them."""


def make_table(*headings: str, numbers: Collection[str] = (), **more: Any) -> Table:
    """A table whose texts break into lines where the terminal is narrow, and whose `numbers` never do."""
    table = Table(show_edge=False, pad_edge=False, title_justify="left", **more)
    for heading in headings:
        is_number = heading in numbers
        table.add_column(heading, justify="right" if is_number else "left", no_wrap=is_number, overflow="fold")
    return table


def print_table(out: Console, table: Table) -> None:
    """Print it with every digit of its numbers, were it wider than the terminal."""
    least = -3
    for column in table.columns:
        texts = [cell.plain if isinstance(cell, Text) else str(cell) for cell in (column.header, *column.cells)]
        words = [word for text in texts for word in ([text] if column.no_wrap else text.split())]
        longest = max(map(cell_len, words), default=1)
        column.min_width = longest if column.no_wrap else min(longest, LEAST)
        least += column.min_width + 3  # and what parts it from the next
    table.width = least if least > out.width else None
    out.print(table)


def print_json(value: Any) -> None:
    """One JSON object on standard output."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY).decode() + "\n")


@contextmanager
def watcher(*, quiet: bool) -> Iterator[Watcher]:
    """A watcher for the terminal; a silent one for `--json`."""
    if quiet:
        yield Silent()
        return
    terminal = Terminal(console())
    try:
        yield terminal
    finally:
        terminal.close()


class Terminal:
    """Stages as lines, training as one live line; without a terminal, one line an epoch."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._live: Live | None = None

    def begin(self, stage: str) -> None:
        if self._out.is_terminal:
            self._show(Text(f"  … {stage}", style="dim"))

    def end(self, stage: str, seconds: float, summary: str) -> None:
        self.close()
        line = Text.assemble(("  ✓ ", "green"), (f"{stage:<10}", "bold"), (f"{seconds:6.1f} s  ", "dim"), summary)
        self._out.print(line)

    def note(self, text: str) -> None:
        self.close()
        self._out.print(Text("    " + visible(text), style="dim"))

    def progress(self, line: str, *, milestone: bool = False) -> None:
        if self._out.is_terminal:
            self._show(Text("    " + line, style="cyan"))
        elif milestone:
            self._out.print(Text("    " + line))

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _show(self, text: Text) -> None:
        if self._live is None:
            self._live = Live(text, console=self._out, transient=True, auto_refresh=False)
            self._live.start()
        self._live.update(text, refresh=True)


@dataclass
class Done:
    result: RunResult | None = None


@contextmanager
def finish(*, as_json: bool) -> Iterator[Done]:
    """Show the result a block leaves; have the endpoint that follows the model's aliases follow them."""
    from rayline.pipeline.endpoint import running
    from rayline.pipeline.result import FailedGatesError

    done = Done()
    try:
        yield done
    except FailedGatesError as error:
        if as_json:
            print_json(error.result.to_json())
        raise
    assert done.result is not None
    show_result(done.result, as_json=as_json)
    if running() is not None:
        _follow(done.result.model, sys.stderr if as_json else sys.stdout)


def _follow(model: str, out: TextIO) -> None:
    from rayline.pipeline.serving import follow

    try:
        for line in follow(model):
            print(line, file=out)
    except RaylineError as error:  # the run is done, whatever the endpoint makes of it
        print(f"warning: the endpoint answers as before: {error}\nTry again: rayline deploy {model}", file=sys.stderr)


def show_result(result: RunResult, *, as_json: bool, next_steps: bool = True) -> None:
    """The end of a run: the metrics with their intervals, where things are, what to try next."""
    if as_json:
        print_json(result.to_json())
        return
    out = console()
    if result.leaderboard:
        print_table(out, leaderboard_table(result))
    interval = f"{result.confidence:.0%} interval"
    table = make_table("metric", "value", interval, numbers=("value", interval), title=f"{result.model} · test rows")
    table.columns[2].style = "dim"
    for name, metric in result.metrics.items():
        if metric["value"] is None:
            table.add_row(name, "undefined", "")
            continue
        low, high = metric.get("low"), metric.get("high")
        table.add_row(name, f"{metric['value']:.4f}", f"{low:.4f} to {high:.4f}" if low is not None else "")
    out.print()
    print_table(out, table)
    out.print()
    out.print(
        Text.assemble("registered ", (f"{result.model} version {result.version}", "bold"), f"  {result.aliases_text()}")
    )
    if result.succession:
        out.print(f"           {result.succession}")
    out.print(f"package    {result.package}")
    out.print(f"report     {result.report}")
    if next_steps:
        out.print(f"next       rayline serve {result.model}   ·   rayline predict {result.model} FILE -o OUT.csv")


def leaderboard_table(result: RunResult, most: int = 10) -> Table:
    """The best trials of a search, with their intervals."""
    score = result.search_metric or "score"
    table = make_table("#", score, "interval", "settings", numbers=("#", score, "interval"), title="search")
    table.columns[2].style = "dim"
    for entry in result.leaderboard[:most]:
        low, high = entry["low"], entry["high"]
        span = f"{low:.4f} to {high:.4f}" if low is not None else "one fold"
        settings = ", ".join(f"{k.split('.', 1)[-1]}={_short(v)}" for k, v in entry["params"].items())
        table.add_row(str(entry["rank"]), f"{entry['mean']:.4f}", span, settings)
    return table


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
