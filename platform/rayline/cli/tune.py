"""`rayline tune`"""

from __future__ import annotations

from rayline.cli._options import Address, AsJson, Resume, Sets, SpecPath


def command(
    spec: SpecPath, sets: Sets = [], resume: Resume = False, address: Address = None, json: AsJson = False
) -> None:
    """Search the spec's `tune.space` with cross-validation, then train, judge and register the best."""
    from rayline.cli._show import finish, watcher
    from rayline.pipeline.search import search

    with finish(as_json=json) as done, watcher(quiet=json) as watch:
        done.result = search(spec, sets=sets, resume=resume, address=address, watcher=watch)
