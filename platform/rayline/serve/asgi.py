"""The endpoint as a plain ASGI application: routes, keys, bodies, errors, what is observed.

No framework stands in the way of a request: on the measured path it costs more than the model.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from rayline.core.errors import MethodNotAllowedError, RaylineError, SignatureError, UnauthorizedError
from rayline.serve import openinference, pages, records
from rayline.serve.dataplane import Dataplane
from rayline.serve.exchange import (
    HTML,
    ClientGoneError,
    Receive,
    Reply,
    Scope,
    Send,
    json_reply,
    read_body,
    request_id,
    send_reply,
)
from rayline.serve.observe import Request
from rayline.serve.openapi import document
from rayline.serve.routes import Action, Route, resolve
from rayline.serve.table import Served, Table

log = logging.getLogger("rayline.serve")

LARGE_BODY_BYTES = 256 << 10
"""Bodies from this size on are read into columns in a thread: on the loop, everybody would wait for it."""
_RETRY = ((b"retry-after", b"1"),)
_REASONS = {400: "malformed", 401: "key", 403: "key", 404: "version", 405: "method", 413: "too_large"}
"""Why a request was refused that never came as far as a signature, which tells its own reasons."""
_BASIC = ((b"www-authenticate", b'Basic realm="rayline"'),)
_BEARER = ((b"www-authenticate", b"Bearer"),)


class App:
    """Answers HTTP for a data plane."""

    def __init__(self, plane: Dataplane) -> None:
        self._plane = plane
        self._known: tuple[Table, dict[str, tuple[Route, Served | None]]] = (plane.table, {})
        """Where the paths of one table lead; only those that lead somewhere, hence a bounded number."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:  # a websocket: refused before it is accepted
            await send({"type": "websocket.close", "code": 1003})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        call = Call(scope["method"], scope["path"], request_id(headers))
        try:
            reply = await self._answer(call, headers, receive)
        except RaylineError as error:
            reply = _refusal(call, error)
        except ClientGoneError:
            return
        except Exception:  # the boundary of the process: one request must not end another
            log.exception("request %s to %s failed", call.id, call.path)
            call.error = "internal error"
            reply = json_reply({"error": f"an internal error; the log of the replica tells more under {call.id}."}, 500)
        await send_reply(send, reply)
        if call.quiet:
            return
        ended = time.perf_counter() - started
        client = scope.get("client")
        self._plane.note(
            Request(
                time.time(),
                ended,
                call.method,
                call.path,
                reply.status,
                call.route.model.name if call.route and call.route.model else None,
                call.served.version if call.served else None,
                call.rows,
                call.id,
                client[0] if client else "",
                call.key,
                call.error,
                call.reason,
            ),
            call.served,
        )

    async def _answer(self, call: Call, headers: dict[bytes, bytes], receive: Receive) -> Reply:
        plane = self._plane
        table = plane.table
        if self._known[0] is not table:
            self._known = (table, {})
        known = self._known[1].get(call.path)
        if known is None:
            known = self._resolve(call, headers, table)
        call.route, call.served = route, served = known
        if plane.guard and route.scope is not None:
            call.key = plane.guard.check(headers, route.scope)
        if call.method not in route.methods:
            raise MethodNotAllowedError(f"{call.path} takes {' or '.join(route.methods)}, not {call.method}.")
        if route.action is Action.PREDICT:
            assert served is not None
            return await self._predict(call, served, headers, receive)
        if route.action is Action.INFER:
            assert served is not None
            return await self._infer(call, served, headers, receive)
        return self._look(call, route, table)

    def _resolve(self, call: Call, headers: dict[bytes, bytes], table: Table) -> tuple[Route, Served | None]:
        try:
            call.route = route = resolve(table, call.path)
            served = route.model.find(route.version) if route.model else None
        except RaylineError:
            if self._plane.guard:  # what is not here is told to those who may know what is
                self._plane.guard.check(headers, "read")
            raise
        self._known[1][call.path] = (route, served)
        return route, served

    async def _predict(self, call: Call, served: Served, headers: dict[bytes, bytes], receive: Receive) -> Reply:
        body = await read_body(receive, headers, self._plane.settings.max_body_bytes)
        columns, call.rows = await self._decoded(records.decode, served, body)
        answers = await served.batcher.submit(columns, call.rows)
        if len(body) < LARGE_BODY_BYTES:
            return Reply(records.encode(served, answers, call.id))
        return Reply(await self._aside(records.encode, served, answers, call.id))

    async def _infer(self, call: Call, served: Served, headers: dict[bytes, bytes], receive: Receive) -> Reply:
        body = await read_body(receive, headers, self._plane.settings.max_body_bytes)
        columns, call.rows, asked = await self._decoded(openinference.decode, served, body)
        answers = await served.batcher.submit(columns, call.rows)
        if len(body) < LARGE_BODY_BYTES:
            return Reply(openinference.encode(served, answers, asked))
        return Reply(await self._aside(openinference.encode, served, answers, asked))

    async def _decoded(self, decode: Any, served: Served, body: bytes) -> Any:
        if len(body) < LARGE_BODY_BYTES:
            return decode(served, body)
        return await self._aside(decode, served, body)

    async def _aside(self, function: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._plane.executor, function, *arguments)

    def _look(self, call: Call, route: Route, table: Table) -> Reply:
        match route.action:
            case Action.LIVE:
                call.quiet = True
                return json_reply({"live": True})
            case Action.READY:
                call.quiet = True
                return json_reply({"ready": table.ready}, 200 if table.ready else 503)
            case Action.SERVER:
                return json_reply(openinference.server_metadata(self._plane.release))
            case Action.INDEX:
                return json_reply(openinference.repository_index(table))
            case Action.ALL_STATS:
                every = [served for model in table.models.values() for served in model.versions.values()]
                return json_reply(self._stats(every))
            case Action.OPENAPI:
                return json_reply(document(table, self._plane.release))
            case Action.HOME:
                return Reply(pages.home(table), kind=HTML)
        served = call.served
        assert route.model is not None
        assert served is not None
        match route.action:
            case Action.METADATA:
                return json_reply(openinference.model_metadata(route.model, served))
            case Action.MODEL_READY:
                return json_reply({"name": served.model, "version": served.version, "ready": True})
            case Action.STATS:
                return json_reply(self._stats([served]))
        return Reply(pages.model(route.model, served, str(call.path).rstrip("/")), kind=HTML)

    def _stats(self, served: list[Served]) -> dict[str, Any]:
        return {"replica": self._plane.replica, "model_stats": [openinference.statistics(one) for one in served]}

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                await asyncio.to_thread(self._plane.close)
                await send({"type": "lifespan.shutdown.complete"})
                return


class Call:
    """What is known of a request while it is answered."""

    __slots__ = ("error", "id", "key", "method", "path", "quiet", "reason", "route", "rows", "served")

    def __init__(self, method: str, path: str, request: str) -> None:
        self.method = method
        self.path = path
        self.id = request
        self.route: Route | None = None
        self.served: Served | None = None
        self.rows = 0
        self.key: str | None = None
        self.error: str | None = None
        self.reason: str | None = None
        self.quiet = False


def _refusal(call: Call, error: RaylineError) -> Reply:
    call.error = type(error).__name__
    if error.status < 500:
        call.reason = error.reason if isinstance(error, SignatureError) else _REASONS.get(error.status, "request")
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if error.status == 503:
        headers = _RETRY
    elif isinstance(error, MethodNotAllowedError) and call.route is not None:
        headers = ((b"allow", ", ".join(call.route.methods).encode()),)
    elif isinstance(error, UnauthorizedError):
        people = call.path == "/" or (call.path.startswith("/models/") and not call.path.endswith("/predict"))
        headers = _BASIC if people else _BEARER
    return json_reply({"error": str(error)}, error.status, headers)
