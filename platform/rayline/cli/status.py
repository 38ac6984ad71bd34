"""`rayline status`"""

from __future__ import annotations

from typing import Any

from rayline.cli._options import Address, AsJson


def command(address: Address = None, json: AsJson = False) -> None:
    """Show what the running endpoint serves: models, versions, aliases, replicas."""
    from rayline.pipeline.serving import status

    show(status(address), as_json=json)


def show(status: dict[str, Any], *, as_json: bool) -> None:
    """The endpoint's status, for people or as JSON."""
    from rayline.cli._show import console, make_table, print_json, print_table

    if as_json:
        print_json(status)
        return
    out = console()
    out.print(f"{status['url'] or 'no endpoint'}   {status['application']}   {status['message']}".rstrip())
    table = make_table("model", "version", "aliases", "replicas", "state", numbers=("version", "replicas"))
    for name, model in status["models"].items():
        for version, about in model["versions"].items():
            aliases = " ".join(f"@{alias}" for alias, points in model["aliases"].items() if points == version)
            failed = "; ".join(sorted(set(about["failures"].values())))
            state = failed or ("answering" if version == model["answering"] else "loaded")
            table.add_row(name, version, aliases, str(about["replicas"]), state)
    print_table(out, table)
