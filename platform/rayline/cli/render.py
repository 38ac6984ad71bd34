"""`rayline render`"""

from __future__ import annotations

from rayline.cli._options import Sets, SpecPath


def command(spec: SpecPath, sets: Sets = []) -> None:
    """Print the spec with every default spelled out and what is inferred from the data: task, positive class, types."""
    from rayline.pipeline.resolve import render_resolved

    text, decisions = render_resolved(spec, sets)
    print(text, end="")
    for line in decisions:
        print(f"# {line}")
