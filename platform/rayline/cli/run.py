"""`rayline run`"""

from __future__ import annotations

from rayline.cli._options import Address, AsJson, Resume, Sets, SpecPath


def command(
    spec: SpecPath, sets: Sets = [], resume: Resume = False, address: Address = None, json: AsJson = False
) -> None:
    """Train a model from a spec: collect, profile, split, prepare, train, judge, register."""
    from rayline.cli._show import finish, watcher
    from rayline.pipeline.run import run

    with finish(as_json=json) as done, watcher(quiet=json) as watch:
        done.result = run(spec, sets=sets, resume=resume, address=address, watcher=watch)
