"""`rayline profile`"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rayline.cli._options import Address, AsJson
from rayline.core.redact import redact

if TYPE_CHECKING:
    from rayline.profile.profile import Profile
    from rayline.profile.types import Decision

Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA", help="A file, folder, glob, URL, sklearn:NAME, or {name: csv, path: …} as in a spec."
    ),
]
Target = Annotated[
    str | None,
    typer.Option("--target", metavar="COLUMN", help="What is predicted: what goes with it, and wrong labels."),
]
Sensitive = Annotated[
    list[str], typer.Option("--sensitive", metavar="COLUMN", help="A column whose groups are compared. Repeatable.")
]
Population = Annotated[
    Path | None,
    typer.Option(
        "--population",
        metavar="FILE",
        help="YAML or JSON, whom the model is for: {sex: {Female: 0.51, …}, age: {up to 17: 0.2, 18 to 64: 0.6, "
        '…}, "sex, age": {"Female, over 64": 0.1, …}}.',
    ),
]
Html = Annotated[str | None, typer.Option("--html", metavar="FILE", help="Write a page with plots.")]
Private = Annotated[list[str], typer.Option("--private", help="A column to keep out. Repeatable.")]
Suggest = Annotated[
    bool, typer.Option("--suggest", help="Print what good data like this may be expected to hold, as data.expect.")
]


def command(
    data: Data,
    target: Target = None,
    sensitive: Sensitive = [],
    population: Population = None,
    html: Html = None,
    private: Private = [],
    suggest: Suggest = False,
    address: Address = None,
    json: AsJson = False,
) -> None:
    """Describe every column in one pass: types, missing, distributions, outliers, what goes together, repeated rows."""
    from rayline.core import files
    from rayline.core.errors import SpecError
    from rayline.pipeline.given import given_source
    from rayline.pipeline.understand import understand

    if json and suggest:
        raise SpecError("--suggest prints YAML and --json prints JSON: give one of them.")
    shares = {} if population is None else _shares(population)
    if html is not None:
        files.prove_writable(html)
    source = given_source(data)
    profile, decisions = understand(
        source, private=private, target=target, sensitive=sensitive, population=[*shares], address=address
    )
    if suggest:
        _print_expectations(profile, decisions, target)
    if suggest and html is None:
        return
    found = {"decisions": decisions, **_found(profile, decisions, target, sensitive, shares)}
    if html is not None:
        _write_page(html, _title(source), profile, found)
    if json:
        _print_json(profile, found)
    elif not suggest:
        _show(profile, found, html)


def _found(
    profile: Profile,
    decisions: dict[str, Decision],
    target: str | None,
    sensitive: list[str],
    shares: dict[str, dict[Any, float]],
) -> dict[str, Any]:
    """What columns tell of the target, of groups, and of labels that look wrong, as pages and alerts take it."""
    from rayline.profile.association import associations
    from rayline.profile.coverage import coverage
    from rayline.profile.population import columns_of
    from rayline.profile.suspects import suspects

    grouped = [name for key in shares for name in columns_of(key, profile.columns)]
    groups = [*dict.fromkeys([*sensitive, *grouped])]
    return {
        "target": target,
        "associated": [] if target is None else associations(profile, target, decisions=decisions),
        "covered": coverage(profile, groups, population=shares, target=target) if groups else [],
        "suspected": None if target is None else suspects(profile, target, decisions=decisions),
    }


def _title(source: Any) -> str:
    place = source if isinstance(source, str) else str(source.get("path", ""))
    return Path(place).name if place and "://" not in place else "Profile"


def _write_page(html: str, title: str, profile: Profile, found: dict[str, Any]) -> None:
    from rayline.core import files
    from rayline.report import profile_page

    files.write_bytes(html, profile_page.render(profile, title=title, **found).encode())


def _print_json(profile: Profile, found: dict[str, Any]) -> None:
    from rayline.cli._show import print_json
    from rayline.report.alerts import alerts

    told = [one.to_json() for one in alerts(profile, **found)]
    shown = {key: value for key, value in found.items() if key != "decisions"}
    print_json({**profile.to_json(), **shown, "alerts": told})


def _show(profile: Profile, found: dict[str, Any], html: str | None) -> None:
    from rayline.cli._show import console
    from rayline.report import profile_text

    profile_text.show(profile, console(), **found)
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


def _print_expectations(profile: Profile, decisions: dict[str, Decision], target: str | None) -> None:
    from rayline.profile.suggest import suggest
    from rayline.spec.yaml_text import write_yaml

    expect = suggest(profile, target=target, decisions=decisions)
    sys.stdout.write(write_yaml({"data": {"expect": expect}}, width=120))
