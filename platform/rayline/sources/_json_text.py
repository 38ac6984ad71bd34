"""JSON lines as text: an object a line, and what is wrong with the first line that holds none."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import orjson

from rayline.core.errors import DataError
from rayline.sources import _files, _pieces
from rayline.sources._json_lines import form
from rayline.sources._source import Fragment


def objects(fragment: Fragment, size_bytes: int | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """The line and object of each line of a fragment that holds something, of its first `size_bytes` where given.

    Raises:
        DataError: a line that is not one JSON object, named; or a file that cannot be read.
    """
    read = 0
    try:
        with _pieces.open_bytes(fragment) as stream, io.BufferedReader(stream) as lines:
            for number, line in enumerate(lines, start=_pieces.first_line(fragment)):
                text = line.removeprefix(_pieces.BOM).strip()
                if text:
                    yield number, _object(text, fragment, number)
                read += len(line)
                if size_bytes is not None and read >= size_bytes:
                    return
    except OSError as error:
        raise _files.unreadable(fragment.path, error) from None


def _object(text: bytes, fragment: Fragment, number: int) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        found = _as_python_writes_it(text, fragment, number, error)
    if not isinstance(found, dict):
        whole = " A file that is one array becomes JSON lines by: jq -c '.[]'." if isinstance(found, list) else ""
        raise DataError(
            f"{fragment.label} line {number} holds {form(found)}, not an object. JSON lines hold one object a line, "
            f"its keys the columns.{whole}"
        )
    return found


def _as_python_writes_it(text: bytes, fragment: Fragment, number: int, error: orjson.JSONDecodeError) -> Any:
    """What a line holds that is no strict JSON, but for the NaN and Infinity that Python itself writes.

    Raises:
        DataError: it is no JSON for another reason, which is told.
    """
    where = f"{fragment.label} line {number}"
    try:
        found = json.loads(text)
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeDecodeError as fault:
        raise DataError(
            f"{where} is not UTF-8 text, as JSON lines are, at its byte {fault.start + 1} (0x{text[fault.start]:02x}). "
            "Convert the file, such as by: iconv -f latin1 -t utf8"
        ) from None
    except UnicodeEncodeError:
        raise DataError(
            f"{where} holds half of a character: a \\ud800 to \\udfff without the other that belongs to it, as texts "
            "have that were cut. Take it out."
        ) from None
    except ValueError:
        place = f" at character {error.colno}" if error.colno > 1 else ""
        cures = {
            b"{": " Objects of several lines become lines by: jq -c .",
            b"[": " An array becomes lines by: jq -c '.[]'",
        }
        raise DataError(
            f"{where} is not JSON: {error.msg}{place}. JSON lines hold one whole object a line.{cures.get(text, '')}"
        ) from None
    return found
