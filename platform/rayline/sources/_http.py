"""Pages of an HTTP server that now and then fails: asked again after a while, not too often, not for ever."""

from __future__ import annotations

import email.utils
import math
import random
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson
import urllib3
from urllib3.exceptions import HTTPError

from rayline.core.errors import DataError
from rayline.sources import _secrets

AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that another try may change."""
MOST_WAIT_S = 60.0
"""The longest pause before another try, unless the server asks for more."""
MOST_SHOWN = 200
CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class Limits:
    """How patient to be."""

    timeout_s: float
    """For the connection, and for the whole of one answer."""
    tries: int
    backoff_s: float
    """Pause before the second try; doubled for each further one, with jitter."""
    per_second: float | None
    """Requests a second at most, further tries too."""
    total_s: float
    total_bytes: int


@dataclass(frozen=True)
class Answer:
    """A page: its bytes, what links it has, and where it came from."""

    data: bytes
    headers: Mapping[str, str]
    status: int


class Client:
    """Asks one server for pages, one after the other."""

    def __init__(self, name: str, headers: Mapping[str, str], limits: Limits, secrets: tuple[str, ...]) -> None:
        self.name = name
        self.limits = limits
        self.secrets = secrets
        self.headers = {"Accept": "application/json", "User-Agent": "rayline", **headers}
        self._until = time.monotonic() + limits.total_s
        self._bytes_left = limits.total_bytes
        self._next = 0.0
        self._pools: dict[tuple[str, str | None], urllib3.PoolManager] = {}
        """By scheme and host: a connection serves page after page."""
        # a redirect to another host takes no header along that may hold a secret
        self._redirects = urllib3.Retry(
            total=None, connect=0, read=0, status=0, other=0, redirect=5,
            raise_on_status=False, raise_on_redirect=True, remove_headers_on_redirect=list(headers),
        )  # fmt: skip

    def get(self, url: str, *, ends_at_404: bool = False) -> Answer:
        """The answer to a GET, after as many tries as it takes.

        Raises:
            DataError: the server cannot be reached, keeps failing, refuses, or takes too long; the URL is named.
        """
        said = ""
        for attempt in range(self.limits.tries):
            self._pause()
            least = 0.0
            try:
                answer = self._ask(url)
            except (HTTPError, OSError) as error:
                said = _reason(error)
            else:
                if answer.status == 200 or (ends_at_404 and answer.status == 404):
                    return answer
                said = f"it answered {answer.status}{_explained(answer.data)}"
                if answer.status not in AGAIN:
                    raise self.error(url, f"{said}.{_advice(answer.status)}")
                least = _retry_after(answer.headers.get("Retry-After"))
            if attempt + 1 < self.limits.tries:
                self._wait(url, attempt, least, said)
        host = urlsplit(url)
        raise self.error(
            url, f"{said}, {self.limits.tries} times. Check that {host.hostname}:{_port(url)} can be reached from here."
        )

    def close(self) -> None:
        """Close what connections there are."""
        for connections in self._pools.values():
            connections.clear()
        self._pools.clear()

    def error(self, url: str, message: str) -> DataError:
        """The error for a page, with no secret in it."""
        return DataError(_secrets.scrub(f"{self.name}: {message} Page: {url}", self.secrets))

    def _pause(self) -> None:
        """Keep to the rate."""
        if self.limits.per_second is not None:
            time.sleep(max(0.0, self._next - time.monotonic()))
            self._next = time.monotonic() + 1 / self.limits.per_second

    def _wait(self, url: str, attempt: int, least: float, said: str) -> None:
        longest = min(MOST_WAIT_S, self.limits.backoff_s * 2**attempt)
        # between half and all of it, so that many clients do not come back at once
        pause = max(least, random.uniform(longest / 2, longest))
        if time.monotonic() + pause > self._until:
            raise self.error(url, f"{said}; another try in {pause:.0f} s would pass total_s: {self.limits.total_s:g}.")
        time.sleep(pause)

    def _ask(self, url: str) -> Answer:
        left = self._until - time.monotonic()
        if left <= 0:
            raise self.error(url, f"not asked, for total_s: {self.limits.total_s:g} have passed. Give more.")
        until = time.monotonic() + min(self.limits.timeout_s, left)
        host = urlsplit(url).scheme, urlsplit(url).hostname
        connections = self._pools.get(host) or self._pools.setdefault(host, pool(url))
        response = connections.request(
            "GET", url, headers=self.headers, retries=self._redirects, preload_content=False,
            timeout=urllib3.Timeout(connect=self.limits.timeout_s, read=self.limits.timeout_s),
        )  # fmt: skip
        parts = []
        try:
            while part := response.read1(CHUNK_BYTES):
                parts.append(part)
                self._bytes_left -= len(part)
                if self._bytes_left < 0:
                    raise self.error(
                        url, f"more than max_bytes: {self.limits.total_bytes} in all. Give more, or ask for less."
                    )
                if time.monotonic() > until:  # a server may send a byte a second
                    raise TimeoutError
        finally:
            response.close()  # of one that was read to its end the connection is kept
        answer = Answer(b"".join(parts), response.headers, response.status)
        if response.status == 200 and not {"content-length", "transfer-encoding"} & {k.lower() for k in answer.headers}:
            _prove_whole(answer.data)
        return answer


def _prove_whole(data: bytes) -> None:
    """An answer that ends with the connection does not say whether it is all; what is no JSON is told as such later."""
    if data.lstrip() and not data.lstrip().startswith((b"{", b"[")):
        return
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        raise urllib3.exceptions.ProtocolError("cut") from None


def pool(url: str) -> urllib3.PoolManager:
    """Connections, through the proxy that the environment names, as other programs do."""
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and not urllib.request.proxy_bypass(parts.hostname or ""):
        return urllib3.ProxyManager(proxy)
    return urllib3.PoolManager()


def _reason(error: Exception) -> str:
    """What went wrong below HTTP, in few words."""
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        chain.append(cause)
        reason = getattr(cause, "reason", None)
        cause = reason if isinstance(reason, BaseException) else cause.__cause__ or cause.__context__
    for kinds, said in _REASONS:
        if any(isinstance(each, kinds) for each in chain):
            return said
    return f"it failed ({type(error).__name__})"


# in this order: to urllib3 a connection that was refused is one that timed out, too
_REASONS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((urllib3.exceptions.NameResolutionError,), "its name is not known"),
    ((ConnectionRefusedError,), "the connection was refused"),
    ((urllib3.exceptions.SSLError,), "its certificate is not accepted"),
    ((TimeoutError, urllib3.exceptions.TimeoutError), "it took longer than timeout_s"),
    ((urllib3.exceptions.ProtocolError, ConnectionError), "the connection was cut"),
    ((urllib3.exceptions.MaxRetryError,), "it was redirected more than 5 times"),
)


def _explained(data: bytes) -> str:
    """What an answer says of itself, where it is JSON with a word for it."""
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError:
        return ""
    for key in ("detail", "message", "error", "error_description") if isinstance(body, dict) else ():
        if isinstance(body.get(key), str):
            return f" ({body[key][:MOST_SHOWN]})"
    return ""


def _advice(status: int) -> str:
    if status in (401, 403):
        return " Check the secret that headers or params name."
    return " Check url and params." if status < 500 else ""


def _retry_after(value: str | None) -> float:
    """Seconds that a server asks us to wait: a number, or a date."""
    if not value:
        return 0.0
    try:
        seconds = float(value)
        return max(0.0, seconds) if math.isfinite(seconds) else 0.0
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return 0.0


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)
