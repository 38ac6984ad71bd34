"""Credentials left out of URIs, for whatever people, logs or packages get to see."""

from __future__ import annotations

import re
from typing import Any

# a secret key of S3 may hold a slash that nobody escaped, while a port is digits alone; bounded, and `?` starts anew,
# because requests put texts of their choice into messages: no text may take more than time in line with its length
_USERINFO = re.compile(r"(?<=://)(?:[^/?#\s]*|[^/?#\s:@\[]{1,200}:(?!\d+(?:[/?#]|$))[^\s@]{0,200})@")
_PARAMETER = re.compile(
    r"([?&][^?=&#\s]*(?:secret|token|password|signature|credential|api_?key|sig)=)(?!\$\{\w+\}(?:[&#\s]|$))[^&#\s]+",
    re.I,
)
# the name of a secret in the environment is none, and a spec without it would not run again
_NAMED = re.compile(r"[^:@/]{0,200}:\$\{\w{1,200}\}@")


def redact(text: str) -> str:
    """`text` with `***` for what stands before the `@` of a URI in it, and for signatures and tokens in its query.

    Secrets that are only named, `${NAME}`, stay.

    >>> redact("s3://KEY:SECRET@bucket/path?region=eu"), redact("https://host/a.csv?sig=abc&v=1"), redact("a@b")
    ('s3://***@bucket/path?region=eu', 'https://host/a.csv?sig=***&v=1', 'a@b')
    """
    return _PARAMETER.sub(r"\1***", _USERINFO.sub(lambda m: m[0] if _NAMED.fullmatch(m[0]) else "***@", text))


def redact_all(value: Any) -> Any:
    """A JSON-able `value` with every text in it redacted; keys stay as they are."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: redact_all(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [redact_all(inner) for inner in value]
    return value
