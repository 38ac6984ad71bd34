"""`rayline profile`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rayline.cli._options import Address, AsJson


def command(
    data: Annotated[str, typer.Argument(metavar="DATA", help="A file, folder, glob, URL or sklearn:NAME.")],
    html: Annotated[str | None, typer.Option("--html", metavar="FILE", help="Write a page with plots.")] = None,
    private: Annotated[list[str], typer.Option("--private", help="A column to keep out. Repeatable.")] = [],
    address: Address = None,
    json: AsJson = False,
) -> None:
    """Describe every column in one pass: types, missing, distributions, correlations."""
    from rayline.cli._show import console, print_json
    from rayline.pipeline.understand import profile_data
    from rayline.report import profile_page, profile_text

    profile = profile_data(data, private=private, address=address)
    if html is not None:
        Path(html).write_text(profile_page.render(profile), encoding="utf-8")
    if json:
        print_json(profile.to_json())
        return
    profile_text.show(profile, console())
    if html is not None:
        print(f"page: {Path(html).resolve()}")
