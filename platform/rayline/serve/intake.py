"""From what a request holds to columns that a model takes.

Fields that the model does not read are passed over: a client may send its whole record, and a misspelt field shows
as a missing one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, Protocol

from rayline.core.columns import Signature
from rayline.core.errors import SignatureError, listing, nearest

Columns = dict[str, Sequence[Any]]
"""Column name to its n values, `None` for missing."""


class Validator(Protocol):
    """Checks columns against a signature (`registry.validate.Validator`)."""

    def check(self, columns: Mapping[str, Any]) -> int:
        """The number of rows, or `SignatureError`."""
        ...

    @property
    def warns(self) -> bool:
        """Whether anything is declared that a row may break and be answered."""
        ...

    def warnings(self, columns: Mapping[str, Any]) -> Mapping[str, int]:
        """How many rows break each of it, by column."""
        ...


class Intake:
    """What one model version takes."""

    def __init__(self, signature: Signature, validator: Validator) -> None:
        self.names = tuple(column.name for column in signature.inputs)
        self._check = validator.check

    def from_records(self, records: Any) -> tuple[Columns, int]:
        """Columns of a list of n ≥ 1 objects.

        Raises:
            SignatureError: not that, or a field that lacks or holds what the model does not take.
        """
        if type(records) is not list or not records:
            raise SignatureError("'records' must be a list of one object or more, such as [{\"age\": 39}].")
        columns: Columns
        try:
            if len(records) == 1:
                record = records[0]
                columns = {name: (record[name],) for name in self.names}
            else:
                columns = {name: [record[name] for record in records] for name in self.names}
        except (KeyError, TypeError, IndexError):
            self._explain(records)
        return columns, self._check(columns)

    def from_columns(self, given: Columns) -> tuple[Columns, int]:
        """Columns of named inputs, each a list of n ≥ 1 values.

        Raises:
            SignatureError: an input that lacks, is of another length, or holds what the model does not take.
        """
        rows = self._check(given)
        if not rows:
            raise SignatureError("the inputs have no rows; send one or more.")
        return {name: given[name] for name in self.names}, rows

    def _explain(self, records: list[Any]) -> NoReturn:
        for row, record in enumerate(records, start=1):
            if not isinstance(record, dict):
                raise SignatureError(
                    f"row {row:,} of records must be an object, not {type(record).__name__}."
                ) from None
            missing = [name for name in self.names if name not in record]
            if missing:
                hint = nearest(missing[0], set(record) - set(self.names)) if len(missing) == 1 else ""
                raise SignatureError(
                    f"row {row:,} of records lacks {listing(missing)}.{hint} Send null where a value is not known. "
                    f"Fields of this model: {listing(self.names, 100)}.",
                    reason="field",
                ) from None
        raise AssertionError("every record has every field")
