"""Ray's token authentication, always set explicitly: Ray's own default differs between `ray.init` and `ray start`.

The token is what `ray get-auth-token` prints: `RAY_AUTH_TOKEN`, the file `RAY_AUTH_TOKEN_PATH`, or
`~/.ray/auth_token`, in this order. Whoever has it can run any code on the cluster.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

MODE = "RAY_AUTH_MODE"
TOKEN = "RAY_AUTH_TOKEN"
TOKEN_PATH = "RAY_AUTH_TOKEN_PATH"


def token() -> str | None:
    """The token this process has, or None."""
    if os.environ.get(TOKEN):
        return os.environ[TOKEN]
    try:
        return token_file().read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def token_file() -> Path:
    """Where the token lives when it is not in the environment."""
    return Path(os.environ.get(TOKEN_PATH) or Path.home() / ".ray" / "auth_token")


def prepare_new() -> None:
    """Before this process starts a Ray: ask for a token, and have one."""
    if os.environ.setdefault(MODE, "token") == "token" and token() is None:
        _make()
    _reread()


def prepare_existing() -> None:
    """Before this process joins a Ray: use the token if there is one (a cluster without tokens ignores it)."""
    if token() is not None:
        os.environ.setdefault(MODE, "token")
    _reread()


def _reread() -> None:
    # Ray read both when it was imported, and Ray's own `init` does this where it changes them
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


def _make() -> None:
    made = secrets.token_hex(32)
    path = token_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(made)
    except FileExistsError:  # another process was faster, and its token is the one to use
        pass
    except OSError:  # a home that cannot be written: this process and its children alone have the token
        os.environ[TOKEN] = made
