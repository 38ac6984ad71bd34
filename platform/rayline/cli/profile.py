"""`rayline profile`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rayline.cli._options import Address, AsJson
from rayline.core.redact import redact


def command(
    data: Annotated[str, typer.Argument(metavar="DATA", help="A file, folder, glob, URL or sklearn:NAME.")],
    html: Annotated[str | None, typer.Option("--html", metavar="FILE", help="Write a page with plots.")] = None,
    private: Annotated[list[str], typer.Option("--private", help="A column to keep out. Repeatable.")] = [],
    address: Address = None,
    json: AsJson = False,
) -> None:
    """Describe every column in one pass: types, missing, distributions, correlations."""
    from rayline.cli._show import console, print_json
    from rayline.core import files
    from rayline.pipeline.understand import profile_data
    from rayline.report import profile_page, profile_text

    if html is not None:
        files.prove_writable(html)
    profile = profile_data(data, private=private, address=address)
    if html is not None:
        files.write_bytes(html, profile_page.render(profile).encode())
    if json:
        print_json(profile.to_json())
        return
    profile_text.show(profile, console())
    if html is not None:
        print(f"page: {redact(html) if '://' in html else Path(html).resolve()}")
