"""Secrets are named in a spec, `${NAME}`, and read from the environment where a connection is made.

A spec is printed, kept in packages and sent to trackers; what it names stays out of all of them. A literal secret is
refused before anything is opened, and what the other side answers is shown with the secrets taken out of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import quote, quote_plus, unquote

from rayline.core.errors import DataError, SpecError
from rayline.core.redact import redact

REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|credential|signature|authorization|cookie|api[-_.]?key|access[-_.]?key|"
    r"private[-_.]?key|\bkey$|[-_]key$|^sig$|^auth$|key[-_.]pem|jaas",
    re.IGNORECASE,
)
"""Names of headers, parameters and options whose values are secrets."""
_SCHEME = re.compile(r"^(basic|bearer|token|apikey|digest|negotiate)\s+", re.IGNORECASE)
_USERINFO = re.compile(r"^[a-z][\w+.-]*://([^/?#]*)@", re.IGNORECASE)


def check(name: str, value: str, *, hint: str) -> None:
    """Refuse a literal secret.

    Raises:
        SpecError: `value`, which is not shown, is more than references to the environment.
    """
    if SECRET_NAME.search(name) and REFERENCE.sub("", _SCHEME.sub("", value)).strip(" ;:"):
        raise SpecError(
            f"{name!r} holds a secret, and a spec is printed and kept. Put it into the environment and name it here: "
            f"{hint}"
        )


def check_url(url: str) -> None:
    """Refuse a URL that holds a password before its `@`, or a secret in its query.

    Raises:
        SpecError: as `check`.
    """
    found = _USERINFO.match(url)
    password = found.group(1).partition(":")[2] if found else ""
    shown = redact(url)
    if REFERENCE.sub("", password):
        raise SpecError(
            f"the URL {shown!r} holds a password, and a spec is printed and kept. Put it into the environment and "
            "name it here: ://user:${DB_PASSWORD}@host/…"
        )
    for pair in url.partition("?")[2].partition("#")[0].split("&"):
        name, _, value = pair.partition("=")
        check(unquote(name), value, hint=f"{name}=${{NAME}}")


def fill(text: str, where: str, encode: Callable[[str], str] = str) -> str:
    """`text` with the environment's values, encoded, for its `${NAME}`s.

    Raises:
        DataError: a name the environment of this process does not have.
    """

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if not found:
            raise DataError(
                f"{where} needs the environment variable {match[1]}, which is {'empty' if found == '' else 'not set'} "
                "here. Export it where Rayline is started; on a cluster, on every node before Ray starts."
            )
        return encode(found)

    return REFERENCE.sub(value, text)


def fill_all(options: Mapping[str, str], where: str) -> dict[str, str]:
    """`fill` for every value."""
    return {name: fill(value, where) for name, value in options.items()}


def hidden(texts: Iterable[str]) -> tuple[str, ...]:
    """The values that the references in `texts` have now, in every form a message could show them, longest first."""
    values = {os.environ.get(name, "") for text in texts for name in REFERENCE.findall(text)}
    forms = {form for value in values if value for form in (value, quote(value, safe=""), quote_plus(value))}
    return tuple(sorted(forms, key=lambda form: (-len(form), form)))


def scrub(message: str, secrets: Iterable[str]) -> str:
    """`message` with `***` for each of `secrets`, and for credentials of URIs."""
    for secret in secrets:
        message = message.replace(secret, "***")
    return redact(message)
