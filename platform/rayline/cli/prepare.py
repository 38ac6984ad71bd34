"""`rayline prepare`"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from rayline.cli._options import Address, AsJson, Sets, SpecPath


def command(
    spec: SpecPath,
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="DIR", help="Write what a model would read here.")
    ] = None,
    form: Annotated[
        Literal["arrow", "parquet"], typer.Option("--format", help="Shards for training, or a column an input.")
    ] = "arrow",
    explain: Annotated[
        bool, typer.Option("--explain", help="Print what was done to each column, and what was learnt.")
    ] = False,
    show_augment: Annotated[
        str | None,
        typer.Option(
            "--show-augment",
            metavar="FILE",
            help="Write a page of training rows before and after augmentation and balancing.",
        ),
    ] = None,
    sets: Sets = [],
    address: Address = None,
    json: AsJson = False,
) -> None:
    """Clean, split and prepare a spec's data, and say what was done to each column; nothing is trained."""
    from rayline.cli._show import console, print_json, watcher
    from rayline.pipeline.preparing import prepare
    from rayline.report.prepare_text import WIDTH
    from rayline.report.prepare_text import explain as explain_lines
    from rayline.report.prepare_words import undone_words
    from rayline.report.profile_text import show_groups

    with watcher(quiet=json) as watch:
        look = None
        if show_augment is not None:
            from rayline.pipeline.augment_samples import page_writer  # torch takes two seconds

            look = page_writer(show_augment)
        result = prepare(spec, output, form=form, look=look, sets=sets, address=address, watcher=watch)
    if json:
        print_json(result.to_json())
        return
    out = console()
    if explain or output is None:
        out.print()
        told = explain_lines(
            rows=result.rows, recipe=result.recipe, learnt=result.learnt, aside=result.aside, training=result.training,
            width=min(WIDTH, out.width) if out.is_terminal else WIDTH,
        )  # fmt: skip
        for line in told:
            out.print(line, markup=False)
        if result.groups:
            out.print("\nTraining rows by data.sensitive, which nothing learns of", markup=False)
        for covered in result.groups:
            show_groups(out, covered)
    if show_augment is not None:
        out.print()
        out.print(f"wrote {show_augment}: training rows before and after augmentation and balancing")
    if output is not None:
        out.print()
        out.print(f"wrote {output}: train, validation, test, prepare.json, layout.json")
        undone = undone_words(result.training)
        if undone is not None:
            out.print(undone, markup=False)
