"""`rayline doctor`"""

from __future__ import annotations

from typing import Annotated

import typer

from rayline.cli._options import Address, AsJson


def command(
    address: Address = None,
    storage: Annotated[str | None, typer.Option("--storage", help="A URI every machine must write and read.")] = None,
    json: AsJson = False,
) -> None:
    """Check versions, authentication, storage, CPUs, upload size and ports, and say what to do about each."""
    from dataclasses import asdict

    from rich.markup import escape

    from rayline.cli._show import console, print_json
    from rayline.cluster.checks import Verdict
    from rayline.cluster.doctor import run_checks

    checks = run_checks(address, storage)
    failed = any(check.verdict is Verdict.FAIL for check in checks)
    if json:
        print_json({"ok": not failed, "checks": [asdict(check) for check in checks]})
    else:
        marks = {Verdict.OK: "[green]✓[/]", Verdict.WARN: "[yellow]![/]", Verdict.FAIL: "[red]✗[/]"}
        out = console()
        width = max(len(check.name) for check in checks)
        for check in checks:
            out.print(f"{marks[check.verdict]} [bold]{check.name:<{width}}[/] {escape(check.detail)}")
            if check.advice:
                out.print(f"  {'':<{width}} [dim]{escape(check.advice)}[/]")
    if failed:
        raise typer.Exit(2)
