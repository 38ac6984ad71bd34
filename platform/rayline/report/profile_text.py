"""The profile for a terminal: one line a column, then what is odd."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rayline.core.shown import visible
from rayline.profile.association import Association
from rayline.profile.coverage import Coverage
from rayline.profile.profile import ColumnProfile, Profile
from rayline.profile.suspects import Suspects
from rayline.profile.types import Decision, infer
from rayline.report.alerts import alerts
from rayline.report.cards import Card, cards, shown_columns
from rayline.report.inner_facts import inner_facts
from rayline.report.notation import amount, number, percent, short

_BLOCKS = "▁▂▃▄▅▆▇█"
_STYLES = {"bad": "red", "warn": "yellow", "": "dim"}
_MARKS = {"bad": "✗", "warn": "!", "": "·"}


def show(
    profile: Profile,
    console: Console,
    *,
    target: str | None = None,
    associated: Sequence[Association] = (),
    covered: Sequence[Coverage] = (),
    suspected: Suspects | None = None,
    decisions: Mapping[str, Decision] | None = None,
    most_columns: int = 250,
    most_alerts: int = 25,
) -> None:
    """Print the profile; its private columns are only counted, and of many columns the first are shown.

    Arguments are those of `profile_page.render`.
    """
    columns = shown_columns(profile)
    longest = max((len(column.name) for column in columns), default=0)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0), expand=True)
    table.add_column("column", overflow="ellipsis", width=min(28, max(6, longest)), no_wrap=True)
    table.add_column("type", style="dim", width=8, no_wrap=True)
    table.add_column("missing", justify="right", width=7, no_wrap=True)
    table.add_column("distinct", justify="right", min_width=9, no_wrap=True)
    table.add_column("values", overflow="ellipsis", ratio=1, no_wrap=True)
    decisions = decisions or infer(profile)
    types = {name: (str(one.type), one.reason) for name, one in decisions.items()}
    drawn = {card.name: card for card in cards(profile, types, {}, target=target, most=most_columns)}
    for column in [column for column in columns if column.name in drawn]:
        missing = percent(column.missing / profile.rows) if column.missing else ""
        distinct = f"{'~' if column.truncated else ''}{amount(column.distinct)}"
        # Text, not str: names from data may look like rich's markup
        values = Text(_values(column, drawn[column.name]))
        table.add_row(Text(short(column.name, 200)), drawn[column.name].type, missing, distinct, values)
    hidden = f" ({len(profile.private)} private, not shown)" if profile.private else ""
    console.print(Text(f"{amount(profile.rows)} rows, {amount(len(columns))} columns{hidden}", style="bold"))
    console.print(table)
    if len(columns) > len(drawn):
        console.print(Text(f"and {amount(len(columns) - len(drawn))} more columns: --json lists them", style="dim"))
    _show_associated(console, target, associated)
    for one in covered:
        show_groups(console, one)
    found = alerts(
        profile, target=target, associated=associated, covered=covered, suspected=suspected, decisions=decisions
    )
    if found:
        console.print()
    for alert in found[:most_alerts]:
        for line in textwrap.wrap(visible(f"{_MARKS[alert.tone]} {alert.text}"), console.width, subsequent_indent="  "):
            console.print(Text(line, style=_STYLES[alert.tone]))
        if alert.line:
            console.print(Text(visible(f"    {alert.line}"), style="cyan"))
    if len(found) > most_alerts:
        console.print(
            Text(
                f"· and {amount(len(found) - most_alerts)} more: --html FILE shows all, --json lists them", style="dim"
            )
        )


def _show_associated(console: Console, target: str | None, associated: Sequence[Association], most: int = 12) -> None:
    if not associated:
        return
    console.print()
    console.print(Text(f"what goes with {short(target, 200)}", style="bold"))
    longest = min(28, max(len(one.column) for one in associated[:most]))
    for one in associated[:most]:
        bar = "█" * max(1, round(20 * abs(one.value)))
        value = f"{one.value:5.2f}".replace("-", "−")
        told = f"{one.measure}, tells {percent(one.information)} of it"
        console.print(Text(f"{short(one.column, 28):<{longest}}  {bar:<20} {value}  {told}"))


def show_groups(console: Console, covered: Coverage) -> None:
    """A table of the groups of one column, or of several together."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0), title_justify="left")
    declared = any(group.population is not None for group in covered.groups)
    for head in (covered.name, "rows", "share", *(["population"] if declared else []), covered.rate_of or ""):
        table.add_column(Text(short(head, 200)), justify="left" if head == covered.name else "right")
    for group in covered.groups[:12]:
        wanted = ["" if group.population is None else percent(group.population)] if declared else []
        told = percent if "share" in (covered.rate_of or "") else number
        rate = "" if group.rate is None else told(group.rate)
        table.add_row(Text(short(group.value, 40)), amount(group.rows), percent(group.share), *wanted, rate)
    console.print()
    console.print(table)
    if covered.sampled:
        console.print(Text("rows are estimated from the sample", style="dim"))


def _values(column: ColumnProfile, card: Card) -> str:
    if not column.count:
        return ""
    if column.kind in ("binary", "sequence"):
        return ", ".join(f"{name} {value}" for name, value in inner_facts(column))
    if card.bars:
        spark = "".join(_BLOCKS[min(7, int(8 * height))] if height else " " for height, _ in card.bars)
        facts = dict(card.facts)
        median = f"  median {facts['median']}" if "median" in facts else ""
        return f"{spark}  {card.ends[0]} to {card.ends[1]}{median}"
    return ", ".join(f"{short(value, 20)} {share}" for value, _, share in card.tops)
