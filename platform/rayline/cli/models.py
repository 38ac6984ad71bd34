"""`rayline models list | show | promote | archive | verify`"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rayline.cli._options import AsJson, ModelRef
from rayline.core.errors import InputError, RaylineError, RunError

if TYPE_CHECKING:
    from rayline.registry.models import Entry

app = typer.Typer(help="Registered models: versions, aliases, packages.", no_args_is_help=True)

Version = Annotated[str, typer.Argument(metavar="NAME/VERSION", help="One version, such as adult/3.")]


@app.command("list")
def list_(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Only this model's versions.")] = None,
    archived: Annotated[bool, typer.Option("--archived", help="Show archived versions too.")] = False,
    json: AsJson = False,
) -> None:
    """List versions, newest first, with their aliases and test metrics."""
    from rayline.cli._show import console, make_table, print_json, print_table
    from rayline.registry.models import Registry

    entries = Registry().list(name, archived=archived)
    if json:
        print_json({"models": [_json(entry) for entry in entries]})
        return
    if not entries:
        print("no models yet. Train one with: rayline run SPEC")
        return
    table = make_table("model", "version", "aliases", "made", "test metrics", numbers=("version",))
    for entry in entries:
        metrics = "  ".join(f"{key} {value:.4f}" for key, value in list(entry.metrics.items())[:3])
        aliases = " ".join("@" + a for a in entry.aliases) + (" archived" if entry.archived else "")
        table.add_row(entry.name, str(entry.version), aliases, _when(entry.created), metrics)
    print_table(console(), table)


@app.command()
def show(model: ModelRef, json: AsJson = False) -> None:
    """Show one version: its card, metrics, aliases, digest and package."""
    from rich.markdown import Markdown

    from rayline.cli._show import console, print_json
    from rayline.core import files
    from rayline.registry.models import Registry

    entry = Registry().resolve(model)
    if json:
        print_json(_json(entry))
        return
    out = console()
    out.print(f"[bold]{entry.name} version {entry.version}[/]  {' '.join('@' + a for a in entry.aliases)}")
    out.print(f"package  {entry.uri}\ndigest   {entry.digest}\nrun      {entry.run}\n")
    out.print(Markdown(files.read_bytes(files.join(entry.uri, "card.md")).decode()), soft_wrap=False)


@app.command()
def promote(
    version: Version, alias: Annotated[str, typer.Option("--alias", help="champion, challenger, …")] = "champion"
) -> None:
    """Point an alias at a version; running endpoints that follow the alias change over."""
    from rayline.pipeline.serving import follow
    from rayline.registry.models import Registry

    name, number = _split(version)
    entry = Registry().promote(name, number, alias)
    print(f"{entry.name} version {entry.version} is now @{alias}")
    try:
        for line in follow(name):
            print(line)
    except RaylineError as error:
        raise RunError(
            f"@{alias} points at version {entry.version} now, but the endpoint answers as before: {error} Try again: "
            f"rayline deploy {entry.name}/{entry.version} --alias {alias}"
        ) from error


@app.command()
def archive(
    version: Version, force: Annotated[bool, typer.Option("--force", help="Even if it is the champion.")] = False
) -> None:
    """Take a version out of the list; its package stays."""
    from rayline.registry.models import Registry

    name, number = _split(version)
    entry = Registry().archive(name, number, force=force)
    print(f"{entry.name} version {entry.version} is archived; bring it back with: rayline models promote {version}")


@app.command()
def verify(
    model: Annotated[
        str, typer.Argument(metavar="MODEL|PACKAGE", help="NAME@ALIAS, NAME/VERSION, or a package's URI.")
    ],
) -> None:
    """Check every file of a package against its digest, load it, and replay its golden rows."""
    from rayline.pipeline.packages import package_uri
    from rayline.registry import package, predictor

    uri = package_uri(model)
    digest = package.verify(uri)
    predictor.load(uri).check_golden()
    print(f"{uri}: every file as written (sha256 {digest[:16]}…), golden rows answered alike")


def _split(version: str) -> tuple[str, int]:
    name, mark, number = version.rpartition("/")
    if not mark or not number.isdigit():
        raise InputError(f"{version!r} names no version. Write NAME/VERSION, such as adult/3.")
    return name, int(number)


def _json(entry: Entry) -> dict[str, Any]:
    return asdict(entry)


def _when(seconds: float) -> str:
    from datetime import datetime

    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M}"
