"""Rows of a profile as its report names them: by file where there are several."""

from __future__ import annotations

from collections.abc import Sequence

from rayline.prepare.row_names import FILE_SHIFT, row_name


def named_rows(groups: Sequence[Sequence[int]]) -> list[list[str]]:
    """Each group's rows without the word, counted from one; where a row of a later file is among them, all with theirs.

    >>> named_rows([[0, 7], [3]]), named_rows([[0, (2 << 40) + 7]])
    ([['1', '8'], ['4']], [['1 of file 1', '8 of file 3']])
    """
    several = any(row >> FILE_SHIFT for group in groups for row in group)
    return [
        [row_name(row, f"file {(row >> FILE_SHIFT) + 1}" if several else "").removeprefix("row ") for row in group]
        for group in groups
    ]
