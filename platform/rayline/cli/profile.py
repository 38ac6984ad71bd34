"""`rayline profile`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rayline.cli._options import Address, AsJson
from rayline.core.redact import redact


def command(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA", help="A file, folder, glob, URL, sklearn:NAME, or {name: csv, path: …} as in a spec."
        ),
    ],
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="COLUMN", help="What is predicted: what goes with it, and wrong labels."),
    ] = None,
    sensitive: Annotated[
        list[str], typer.Option("--sensitive", metavar="COLUMN", help="A column whose groups are compared. Repeatable.")
    ] = [],
    population: Annotated[
        Path | None,
        typer.Option(
            "--population",
            metavar="FILE",
            help="YAML or JSON, whom the model is for: {sex: {Female: 0.51, …}, age: {up to 17: 0.2, 18 to 64: 0.6, "
            '…}, "sex, age": {"Female, over 64": 0.1, …}}.',
        ),
    ] = None,
    html: Annotated[str | None, typer.Option("--html", metavar="FILE", help="Write a page with plots.")] = None,
    private: Annotated[list[str], typer.Option("--private", help="A column to keep out. Repeatable.")] = [],
    suggest: Annotated[
        bool, typer.Option("--suggest", help="Print what good data like this may be expected to hold, as data.expect.")
    ] = False,
    address: Address = None,
    json: AsJson = False,
) -> None:
    """Describe every column in one pass: types, missing, distributions, outliers, what goes together, repeated rows."""
    from rayline.cli._show import console, print_json
    from rayline.core import files
    from rayline.core.errors import SpecError
    from rayline.pipeline.resolve import given_source
    from rayline.pipeline.understand import understand
    from rayline.profile.association import associations
    from rayline.profile.coverage import coverage
    from rayline.profile.population import columns_of
    from rayline.profile.suggest import suggest as suggested
    from rayline.profile.suspects import suspects
    from rayline.report import profile_page, profile_text
    from rayline.report.alerts import alerts

    if json and suggest:
        raise SpecError("--suggest prints YAML and --json prints JSON: give one of them.")
    shares = {} if population is None else _shares(population)
    if html is not None:
        files.prove_writable(html)
    source = given_source(data)
    profile, decisions = understand(
        source, private=private, target=target, sensitive=sensitive, population=[*shares], address=address
    )
    grouped = [name for key in shares for name in columns_of(key, profile.columns)]
    groups = [*dict.fromkeys([*sensitive, *grouped])]
    if suggest:
        _print_expectations(suggested(profile, target=target, decisions=decisions))
        if html is None:
            return
    associated = [] if target is None else associations(profile, target, decisions=decisions)
    covered = coverage(profile, groups, population=shares, target=target) if groups else []
    suspected = None if target is None else suspects(profile, target, decisions=decisions)
    found: dict[str, Any] = {"target": target, "associated": associated, "covered": covered, "suspected": suspected}
    if html is not None:
        place = data if isinstance(source, str) else str(source.get("path", "://"))
        title = Path(place).name if "://" not in place else "Profile"
        page = profile_page.render(profile, title=title, decisions=decisions, **found)
        files.write_bytes(html, page.encode())
    if suggest:
        return
    if json:
        told = [one.to_json() for one in alerts(profile, decisions=decisions, **found)]
        print_json({**profile.to_json(), **found, "alerts": told})
        return
    profile_text.show(profile, console(), decisions=decisions, **found)
    if html is not None:
        print(f"page: {redact(html) if '://' in html else Path(html).resolve()}")


def _shares(file: Path) -> dict[str, dict[Any, float]]:
    """The declared population of a YAML or JSON file."""
    from rayline.core.errors import SpecError
    from rayline.profile.population import check_shares
    from rayline.spec.yaml_text import read_yaml

    try:
        found = read_yaml(file.read_bytes(), f"--population {file}")
    except OSError as error:
        raise SpecError(f"--population {file}: {error.strerror or error}. Name a YAML or JSON file.") from None
    if not isinstance(found, dict) or not all(isinstance(shares, dict) for shares in found.values()):
        raise SpecError(
            f"--population {file}: give the share of each value by column, {{sex: {{Female: 0.51, Male: 0.49}}}}."
        )
    shares = {str(key): said for key, said in found.items()}
    for key, said in shares.items():
        check_shares(key, said)
    return shares


def _print_expectations(expect: dict[str, Any]) -> None:
    import sys

    from rayline.spec.yaml_text import write_yaml

    sys.stdout.write(write_yaml({"data": {"expect": expect}}, width=120))
