"""Folders of a store that keeps objects alone: they are there by what is in them."""

from __future__ import annotations

from rayline.core import files


def test_folders_are_listed_wherever_they_are(uri: str) -> None:
    for name in ("runs/b/1/metrics.json", "runs/a/run.json", "runs/c.json", "runsome/d/x.json", "runs/b/run.json"):
        files.write_bytes(files.join(uri, *name.split("/")), b"{}")
    assert files.list_folders(files.join(uri, "runs")) == ["a", "b"]
    assert files.list_folders(files.join(uri, "runs", "b")) == ["1"]
    assert files.list_folders(files.join(uri, "runs", "a")) == []
    assert files.list_folders(files.join(uri, "none")) == []
    assert files.list_names(files.join(uri, "runs")) == ["c.json"]
    assert "runs" in files.list_folders(uri)
