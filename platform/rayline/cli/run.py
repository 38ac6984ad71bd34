"""`rayline run`"""

from __future__ import annotations

from rayline.cli._options import Address, AsJson, Resume, Sets, SpecPath


def command(
    spec: SpecPath, sets: Sets = [], resume: Resume = False, address: Address = None, json: AsJson = False
) -> None:
    """Train a model from a spec: collect, profile, split, prepare, train, judge, register."""
    from rayline.cli._show import show_result, watcher
    from rayline.pipeline.run import run

    with watcher(quiet=json) as watch:
        result = run(spec, sets=sets, resume=resume, address=address, watcher=watch)
    show_result(result, as_json=json)
