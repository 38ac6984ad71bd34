"""What is said where a text under `data.source` is of no known kind: what is there instead, and what to write."""

from __future__ import annotations

import os
import re
from collections import Counter
from itertools import islice
from typing import Any

from rayline.core import catalog, files
from rayline.core.errors import SpecError, StorageError, listing, nearest, nearest_file
from rayline.core.shown import shown
from rayline.spec.yaml_text import read_yaml

MOST_FILES = 1000
"""Files of a folder that are looked at to say what it holds."""
PREFIXES = ("sklearn", "openml", "hf", "lake")
"""What stands before the colon of sets that are known by name."""

CURES = {
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "workbooks are not read. Save the sheet as CSV (UTF-8)."),
    **dict.fromkeys((".zip", ".tar", ".tgz", ".7z"), "archives are not read. Unpack it and give the folder."),
    **dict.fromkeys(
        (".db", ".sqlite", ".sqlite3"), "if it is of SQLite: {name: sql, url: 'sqlite:///FILE', table: …}."
    ),
    ".json": "if it is an array of objects, make a line of each: jq -c '.[]' FILE.json > FILE.jsonl.",
}


def unknown_source(text: str) -> SpecError:
    """The error for a text that no source plug-in claims."""
    named = _source_of_spec(text)
    if named is not None:
        return SpecError(
            f"{shown(text)} is a spec, and holds no rows. Give the data that it names, {shown(named)}; what becomes of "
            f"it by the spec is told by: rayline prepare {text} --explain"
        )
    return SpecError(
        f"cannot tell what kind of source {shown(text)} is: {_reason(text)} Give a file, folder, glob or URL "
        f"of {', '.join(_suffixes())}; a set such as sklearn:iris; or "
        f"{{name: KIND, …}} with one of {listing(catalog.names('source'), 40)}."
    )


def _source_of_spec(text: str) -> Any:
    """The `data.source` of a spec's file; `None` where it is none."""
    if "://" in text or not text.endswith((".yaml", ".yml")) or not os.path.isfile(text):
        return None
    try:
        document = read_yaml(files.read_bytes(text), text)
    except (SpecError, StorageError):
        return None
    data = document.get("data") if isinstance(document, dict) else None
    return data.get("source") if isinstance(data, dict) else None


def _reason(text: str) -> str:
    if not text.strip():
        return "nothing is given."
    if "://" in text:
        path, mark, query = text.partition("?")
        folder = shown(path.rstrip("/") + "/" + mark + query, 120)
        return f"its name does not say it. If it is a folder, end it with a slash: {folder}; if not, give its kind too."
    prefix = re.match(r"([A-Za-z_]{2,}):(?=[^\\/])", text)
    if prefix:
        near = nearest(prefix[1], PREFIXES)
        return f"there are no sets of {prefix[1]!r}.{near or f' Sets are of {listing(PREFIXES)}.'}"
    path = os.path.abspath(os.path.expanduser(text))
    if set("*?[") & set(text):
        return "the pattern does not end like names of such files."
    if os.path.isdir(path):
        return _folder(path)
    if os.path.exists(path):
        cure = CURES.get(os.path.splitext(path)[1].lower())
        return cure or "the end of its name does not say it. Give its kind too."
    return _not_there(text, path)


def _not_there(text: str, path: str) -> str:
    folder, name = os.path.split(path)
    above = os.path.dirname(text.rstrip("/"))
    here = "" if os.path.isabs(os.path.expanduser(text)) else f"the current folder, {os.getcwd()}"
    if not os.path.isdir(folder):
        return f"there is no folder {above!r}{' in ' * bool(here)}{here}."
    inside = (f"{above!r} of {here}" if above else here) or folder
    names = sorted(n for n in os.listdir(folder) if not n.startswith("."))
    near = nearest_file(name, names)
    return f"there is no such file or folder in {inside}.{near or f' It holds {listing(names, 5)}.' if names else ''}"


def _folder(path: str) -> str:
    files = (name for _, _, names in os.walk(path) for name in names if name[0] not in "._")
    kinds = Counter(os.path.splitext(name)[1].lower() or name for name in islice(files, MOST_FILES))
    if not kinds:
        return "the folder is empty."
    return f"the folder holds {listing([kind for kind, _ in kinds.most_common()], 8)}, and no files of a known kind."


def _suffixes() -> list[str]:
    """How the names of files end that a kind is told by, the first of each kind."""
    every = (getattr(catalog.config_class("source", name), "suffixes", ()) for name in catalog.names("source"))
    return list(dict.fromkeys(suffixes[0] for suffixes in every if suffixes))
