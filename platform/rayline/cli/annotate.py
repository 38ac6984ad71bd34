"""`rayline annotate export | import | join`"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rayline.cli._options import AsJson
from rayline.core.shown import counted

if TYPE_CHECKING:
    from rayline.pipeline.annotated import Imported
    from rayline.prepare.annotation import Agreement

app = typer.Typer(help="Labels by people: rows out, labels and agreement in, both joined.", no_args_is_help=True)

SHOWN = 10
"""Keys listed on the terminal; `--json` lists all."""

Prefix = Annotated[
    str, typer.Option("--url-prefix", metavar="URL", help="Of images and sounds, e.g. '/data/local-files/?d=signs/'.")
]
Suspects = Annotated[
    str | None, typer.Option("--suspects", metavar="TARGET", help="Only rows whose label in this column looks wrong.")
]
Classes = Annotated[
    list[str],
    typer.Option("--classes", metavar="NAME", help="To choose from in Label Studio; default: those there. Repeatable."),
]
Data = Annotated[str, typer.Argument(metavar="DATA", help="A file, folder, glob, URL or sklearn:NAME.")]


@app.command()
def export(
    data: Data,
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Where the rows to be labelled go.")],
    key: Annotated[
        str, typer.Option("--key", metavar="COLUMN", help="The column that names a row; default: its position.")
    ] = "row",
    only_missing: Annotated[
        str | None, typer.Option("--only-missing", metavar="TARGET", help="Only rows that lack this column.")
    ] = None,
    suspects: Suspects = None,
    sample: Annotated[
        int | None,
        typer.Option("--sample", metavar="N", min=1, help="Only so many rows, drawn by the seed; the worst suspects."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the draw.")] = 0,
    form: Annotated[
        Literal["csv", "label-studio"], typer.Option("--format", help="A table to fill in, or Label Studio's JSON.")
    ] = "csv",
    columns: Annotated[
        list[str], typer.Option("--columns", metavar="COLUMN", help="What annotators see; default: all. Repeatable.")
    ] = [],
    private: Annotated[
        list[str], typer.Option("--private", metavar="COLUMN", help="A column that never leaves. Repeatable.")
    ] = [],
    label: Annotated[
        str, typer.Option("--label", metavar="NAME", help="The empty column of a CSV file, or Label Studio's control.")
    ] = "label",
    classes: Classes = [],
    url_prefix: Prefix = "",
    json: AsJson = False,
) -> None:
    """Write rows for people to label: a CSV file, or tasks and a labelling configuration for Label Studio."""
    from rayline.cli._show import print_json
    from rayline.pipeline import annotate as room

    done = room.export(
        data, output, key=key, only_missing=only_missing, sample=sample, seed=seed, form=form, columns=columns,
        private=private, label=label, url_prefix=url_prefix, suspects=suspects, classes=classes,
    )  # fmt: skip
    if json:
        print_json({"output": output, **asdict(done)})
        return
    print(f"wrote {output}: {done.rows:,} of {counted(done.every)}, columns {', '.join(done.columns)}")
    if done.left_out:
        print(f"not written: {', '.join(done.left_out)}")
    if done.config is not None:
        print(f"wrote {done.config}: the labelling configuration (Settings, Labeling Interface, Code)")
    named = "" if label == "label" else f" --label {label}"
    print(f"next    rayline annotate import LABELS -o LABELS.parquet --key {key}{named}")
    if suspects is not None:
        join_them = f"rayline annotate join {data} LABELS.parquet -o OUT.parquet --key {key} --target {suspects}"
        print(f"        {join_them} --replace")


@app.command(name="import")
def import_(
    labels: Annotated[
        list[str], typer.Argument(metavar="LABELS…", help="CSV, another table, or Label Studio's JSON export.")
    ],
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="FILE", help="One label a row, with its agreement: .parquet, .csv.")
    ],
    key: Annotated[str, typer.Option("--key", metavar="COLUMN", help="The column that names a row.")] = "row",
    label: Annotated[
        str | None, typer.Option("--label", metavar="NAME", help="The column or control with the label.")
    ] = None,
    annotator: Annotated[
        str, typer.Option("--annotator", metavar="COLUMN", help="Who gave it; without one, the file's name.")
    ] = "annotator",
    adjudicator: Annotated[
        str | None, typer.Option("--adjudicator", metavar="NAME", help="Whose label stands wherever there is one.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Read labels, say how far annotators agree, and write the label with most votes of each row."""
    from rayline.cli._show import print_json
    from rayline.pipeline import annotated as room

    done = room.import_labels(labels, output, key=key, label=label, annotator=annotator, adjudicator=adjudicator)
    if json:
        print_json(_as_json(output, done))
        return
    _show_agreement(done.agreement)
    resolved = done.resolved
    _show_keys("not agreed", resolved.disagreements)
    _show_keys("tied, left out", resolved.ties)
    if done.empty:
        print(f"empty   {done.empty:,} annotations hold no label")
    print(f"wrote {output}: {counted(resolved.labels.height, 'label')}")
    print(f"next    rayline annotate join DATA {output} -o OUT.parquet --key {key} --target NAME")


@app.command()
def join(
    data: Data,
    labels: Annotated[str, typer.Argument(metavar="LABELS", help="What `annotate import` wrote.")],
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Rows with labels: .parquet, .csv.")],
    target: Annotated[str, typer.Option("--target", metavar="NAME", help="The column for the labels.")],
    key: Annotated[str, typer.Option("--key", metavar="COLUMN", help="The column that names a row.")] = "row",
    only_labelled: Annotated[bool, typer.Option("--only-labelled", help="Leave rows without a label out.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Let labels take the place of other values that are there.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Join labels to the rows they are of, by key, one to one."""
    from rayline.cli._show import print_json
    from rayline.pipeline import annotated as room

    done = room.join(data, labels, output, key=key, target=target, only_labelled=only_labelled, replace=replace)
    if json:
        print_json({"output": output, **asdict(done)})
        return
    print(f"wrote {output}: {counted(done.rows)}, {done.labelled:,} with {target}")
    _show_keys("labels of no row", done.unmatched)
    _show_keys(f"not met in {target} before", done.new)


def _show_agreement(found: Agreement) -> None:
    print(f"{counted(found.rows)}, {found.shared:,} with two labels or more")
    print("annotators: " + ", ".join(f"{name} ({count:,})" for name, count in found.annotators.items()))
    if not found.shared:
        print("no row has two labels: nothing is known of agreement")
        return
    figures = {
        "percent agreement": found.percent,
        "Cohen's kappa": found.cohen,
        "Fleiss' kappa": found.fleiss,
        "Krippendorff's alpha": found.krippendorff,
    }
    for name, value in figures.items():
        if value is not None:
            print(f"  {name:<21}{value:.3f}")
    for one in found.classes:
        alpha = "" if one.alpha is None else f", alpha {one.alpha:.3f}"
        agreed = "never on a row with two labels" if one.agreement is None else f"agreement {one.agreement:.3f}"
        print(f"  {one.label:<21}{agreed}{alpha} ({one.given:,} times)")
    for (one_, other), kappa in found.pairs.items():
        if kappa is not None:
            print(f"  {one_} and {other}: kappa {kappa:.3f}")


def _show_keys(what: str, keys: list[str]) -> None:
    from rayline.core.errors import listing

    if keys:
        print(f"{what}: {len(keys):,} ({listing(keys, SHOWN)})")


def _as_json(output: str, done: Imported) -> dict[str, object]:
    pairs = [{"annotators": list(pair), "cohen": kappa} for pair, kappa in done.agreement.pairs.items()]
    return {
        "output": output,
        "agreement": asdict(done.agreement) | {"pairs": pairs},
        "labels": done.resolved.labels.height,
        "ties": done.resolved.ties,
        "disagreements": done.resolved.disagreements,
        "empty": done.empty,
    }
