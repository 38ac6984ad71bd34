"""Paged web APIs, asked over HTTP from a server that misbehaves on purpose."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import cut_proxy
import polars as pl
import pyarrow as pa
import pytest

from rayline.core import catalog
from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.core.redact import redact_all
from rayline.sources import _records
from rayline.sources._http import Answer, Client
from rayline.sources._pages import next_link
from rayline.sources.web import Config

ORDERS = [{"id": i, "price": i / 4, "place": {"city": f"c{i}"}} for i in range(25)]
TOKEN = "s3cr3t/&token"


class Server(ThreadingHTTPServer):
    """Pages of ORDERS at /cursor, /offset, /page and /link; `before` answers first where it wants to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[str] = []
        self.times: list[float] = []
        self.headers: list[dict[str, str]] = []
        self.before: Callable[[Handler, int], bool] = lambda handler, place: False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that are cut are meant."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        server.asked.append(self.path)
        server.times.append(time.monotonic())
        server.headers.append(dict(self.headers))
        if server.before(self, len(server.asked)):
            return
        path, query = urlsplit(self.path).path, dict(parse_qsl(urlsplit(self.path).query))
        match path:
            case "/cursor":
                first = int(query.get("after", 0))
                more = {"next": first + 10} if first + 10 < len(ORDERS) else {"next": None}
                self.send(200, {"data": {"items": ORDERS[first : first + 10]}, "meta": more})
            case "/offset":  # fewer than asked for, as servers do
                first, most = int(query["offset"]), min(int(query["limit"]), 7)
                self.send(200, ORDERS[first : first + most])
            case "/page":
                page = int(query["page"])
                self.send(*((200, ORDERS[page * 10 - 10 : page * 10]) if page <= 3 else (404, {"detail": "no page"})))
            case "/link":
                first = int(query.get("first", 0))
                link = f'</link?first=0>; rel="first", </link?first={first + 10}>; rel="next"'
                self.send(200, ORDERS[first : first + 10], Link=link if first < 20 else '</link>; rel="first"')
            case "/linked":
                self.send(200, {"items": ORDERS[:3], "next": query.get("to")})
            case "/loop":
                self.send(200, {"items": ORDERS[:3], "next": "/loop"})
            case "/same" | "/stamped":
                self.send(200, ORDERS[:3] if path == "/same" else {"at": time.time(), "items": ORDERS[:3]})
            case "/one":
                self.send(200, json.loads(query["body"]))
            case "/text":
                self.send(200, b"<html>private</html>")
            case "/moved":
                self.send(302, b"", Location=query["to"])
            case _:
                self.send(404, {"error": "no such thing"})

    def send(self, status: int, body: Any, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", TOKEN)


def rows(config: Config) -> pl.DataFrame:
    source = config.build()
    return pl.concat([pl.from_arrow(source.read(f)) for f in source.fragments()])  # type: ignore[misc]


def refused(**options: Any) -> str:
    with pytest.raises(DataError) as caught:
        Config(**{"tries": 1, **options}).build().schema()
    assert TOKEN not in str(caught.value)
    return str(caught.value)


PAGINGS = {
    "cursor": {"records": "data.items", "paging": {"kind": "cursor", "path": "meta.next", "parameter": "after"}},
    "offset": {"paging": {"kind": "offset", "size": 10}},
    "page": {"paging": "page"},
    "link": {"paging": "link"},
}


@pytest.mark.parametrize("kind", sorted(PAGINGS))
def test_all_pages_are_read_in_order(server: Server, kind: str) -> None:
    config = Config(url=f"{server.url}/{kind}", **PAGINGS[kind])  # type: ignore[arg-type]
    source = config.build()
    assert source.schema() == pa.schema({"id": pa.int64(), "price": pa.float64(), "place.city": pa.string()})
    assert rows(config).rows() == [(i, i / 4, f"c{i}", i) for i in range(25)]


def test_the_rows_are_fetched_once_and_kept(server: Server, rayline_home: Path) -> None:
    source = Config(url=f"{server.url}/cursor", **PAGINGS["cursor"]).build()  # type: ignore[arg-type]
    assert server.asked == []
    first = [source.read(fragment) for fragment in source.fragments()]
    assert len(server.asked) == 3
    assert [source.read(fragment) for fragment in source.fragments()] == first
    assert len(server.asked) == 3
    kept = [path for path in rayline_home.rglob("*") if path.is_file() and path.name != ".lock"]
    assert [path.suffix for path in kept] == [".arrow"]
    assert source.kept.path == str(kept[0])  # type: ignore[attr-defined]
    again = Config(url=f"{server.url}/cursor", **PAGINGS["cursor"])  # type: ignore[arg-type]
    assert rows(again).height == 25
    assert len(server.asked) == 6
    assert len(list(rayline_home.rglob("*.arrow"))) == 1  # the same rows, the same file


def test_a_connection_serves_page_after_page(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page took a connection of its own, with a handshake where it is encrypted."""
    monkeypatch.setattr(Handler, "protocol_version", "HTTP/1.1")
    accepted = []
    monkeypatch.setattr(server, "verify_request", lambda *_: accepted.append(True) or True)
    config = Config(url=f"{server.url}/cursor", **PAGINGS["cursor"])  # type: ignore[arg-type]
    assert rows(config).height == 25
    assert (len(server.asked), len(accepted)) == (3, 1)


def test_a_name_brings_the_same_rows_back(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = Config(url=f"{server.url}/link", paging="link", read="monday", keep=str(tmp_path / "kept"))  # type: ignore[arg-type]
    first = rows(config)
    monkeypatch.setattr("test_web.ORDERS", ORDERS[:5])
    assert rows(config).equals(first)
    assert len(server.asked) == 3
    assert rows(config.model_copy(update={"read": "tuesday"})).height == 5


def test_long_answers_are_kept_in_pieces(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_records, "BATCH_ROWS", 10)
    source = Config(url=f"{server.url}/link", paging="link").build()  # type: ignore[arg-type]
    assert [source.read(fragment, []).column(ROW).to_pylist()[0] for fragment in source.fragments()] == [0, 10, 20]


def test_types_hold_what_all_pages_say(server: Server) -> None:
    records = [
        {"n": 1, "m": 1, "l": [1, 2], "t": ["a"], "day": "2024-01-01", "o": {"deep": {"er": True}}},
        {"n": 0.5, "m": "x", "l": [0.5, None], "t": [], "day": None, "late": 2**70, "o": {}},
        {"n": None, "m": False, "l": None, "t": None},
    ]
    config = Config(url=f"{server.url}/one", params={"body": json.dumps(records)}, types={"day": "date"})
    found = rows(config)
    assert dict(zip(found.columns, map(str, found.dtypes), strict=True)) == {
        "day": "Date", "n": "Float64", "m": "String", "l": "List(Float64)", "t": "String", "o.deep.er": "Boolean",
        "late": "Float64", ROW: "Int64",
    }  # fmt: skip
    assert found["m"].to_list() == ["1", "x", "false"]
    assert found["l"].to_list() == [[1.0, 2.0], [0.5, None], None]
    assert found["t"].to_list() == ['["a"]', "[]", None]
    assert found["late"].to_list() == [None, 2.0**70, None]
    assert "cannot be read as date32" in refused(url=f"{server.url}/one", params={"body": '[{"day":"x"}]'}, types={"day": "date"})  # fmt: skip  # noqa: E501


def test_rows_are_capped(server: Server) -> None:
    assert rows(Config(url=f"{server.url}/link", paging="link", max_rows=12)).height == 12  # type: ignore[arg-type]
    assert len(server.asked) == 2
    assert "more than max_bytes: 1000 in all" in refused(url=f"{server.url}/link", paging="link", max_bytes=1000)


# a server that fails


def test_pages_are_asked_for_again(server: Server) -> None:
    def before(handler: Handler, place: int) -> bool:
        match place:
            case 1:
                handler.send(503, {"detail": "soon"})
            case 2:
                handler.send(429, {}, Retry_After="1")
            case 4:  # says more than it sends
                handler.send_response(200)
                handler.send_header("Content-Length", "5000")
                handler.end_headers()
                handler.wfile.write(b'[{"id": 7')
            case 5:
                handler.connection.close()
            case 7:  # ends without having said how much there is
                handler.send_response(200)
                handler.end_headers()
                handler.wfile.write(b'[{"id": 7')
            case 8:
                handler.send(429, {}, Retry_After=formatdate(time.time() + 2, usegmt=True))
            case _:
                return False
        handler.close_connection = True
        return True

    server.before = before
    found = rows(Config(url=f"{server.url}/link", paging="link", backoff_s=0.01))  # type: ignore[arg-type]
    assert found["id"].to_list() == list(range(25))
    assert [urlsplit(path).query for path in server.asked] == ["", "", "", *["first=10"] * 3, *["first=20"] * 3]
    pauses = [after - before for before, after in zip(server.times, server.times[1:], strict=False)]
    assert pauses[1] >= 1.0
    assert pauses[7] >= 0.9  # a date has whole seconds


def test_packed_pages_in_chunks_are_read_and_missed_when_cut(server: Server) -> None:
    def before(handler: Handler, place: int) -> bool:
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.send_header("Content-Encoding", "gzip")
        handler.end_headers()
        data = gzip.compress(json.dumps(ORDERS).encode())
        for first in range(0, len(data), 50):
            chunk = data[first : first + 50]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            if place == 1:
                break
        else:
            handler.wfile.write(b"0\r\n\r\n")
        handler.close_connection = True
        return True

    server.before = before
    assert rows(Config(url=f"{server.url}/any", backoff_s=0.01))["id"].to_list() == list(range(25))
    assert len(server.asked) == 2


def test_pauses_grow(server: Server) -> None:
    server.before = lambda handler, place: handler.send(500, {}) or True  # type: ignore[func-returns-value]
    message = refused(url=f"{server.url}/link", tries=5, backoff_s=0.05)
    assert f"{server.url}/link: it answered 500, 5 times. Check that 127.0.0.1:{server.server_port} can" in message
    pauses = [after - before for before, after in zip(server.times, server.times[1:], strict=False)]
    for place, pause in enumerate(pauses):
        assert 0.025 * 2**place <= pause <= 0.05 * 2**place + 0.2


def test_requests_keep_to_a_rate(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = Client._ask
    times = []  # when they are sent: a busy machine serves the first one late

    def told(self: Client, url: str) -> Answer:
        times.append(time.monotonic())
        return ask(self, url)

    monkeypatch.setattr(Client, "_ask", told)
    rows(Config(url=f"{server.url}/offset", paging={"kind": "offset", "size": 7}, per_second=20))  # type: ignore[arg-type]
    assert len(server.times) == 5
    assert times[-1] - times[0] >= 4 / 20


def test_a_server_that_is_slow_or_not_there(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def drip(handler: Handler, place: int) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b"[")
            handler.wfile.flush()
            time.sleep(0.05)
        return True

    server.before = lambda handler, place: time.sleep(1.5) or False  # type: ignore[func-returns-value]
    started = time.monotonic()
    assert "it took longer than timeout_s, 1 times" in refused(url=f"{server.url}/link", timeout_s=0.3)
    server.before = drip
    assert "it took longer than timeout_s, 1 times" in refused(url=f"{server.url}/link", timeout_s=0.3)
    port = cut_proxy.free_port()
    message = refused(url=f"http://127.0.0.1:{port}/a", tries=2, backoff_s=0.01)
    assert "the connection was refused, 2 times" in message
    assert f"Check that 127.0.0.1:{port} can be reached" in message

    def unknown(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)  # some resolvers take long to say so
    assert "its name is not known" in refused(url="http://no-such-host.invalid/a")
    assert time.monotonic() - started < 5


def test_the_whole_is_bounded_in_time(server: Server) -> None:
    server.before = lambda handler, place: handler.send(429, {}, Retry_After="3600") or True  # type: ignore[func-returns-value]
    started = time.monotonic()
    message = refused(url=f"{server.url}/link", tries=6, total_s=30)
    assert "it answered 429; another try in 3600 s would pass total_s: 30" in message
    assert time.monotonic() - started < 5


def test_a_server_that_dies_half_way_leaves_nothing(server: Server, rayline_home: Path) -> None:
    server.before = lambda handler, place: place > 2 and (handler.connection.close() or True)  # type: ignore[func-returns-value]
    message = refused(url=f"{server.url}/link", paging="link", tries=2, backoff_s=0.01)
    assert f"{server.url}/link: the connection was cut, 2 times" in message
    assert message.endswith(f"Page: {server.url}/link?first=20")
    assert [path.name for path in rayline_home.rglob("*") if path.is_file()] == [".lock"]
    server.before = lambda handler, place: False
    assert rows(Config(url=f"{server.url}/link", paging="link")).height == 25  # type: ignore[arg-type]


# pages that are not what they should be


def test_pages_that_cannot_be_rows(server: Server) -> None:
    message = refused(url=f"{server.url}/text", params={"api_key": "${API_TOKEN}"})
    assert f"{server.url}/text: it is no JSON (at character 0 of 20 bytes, application/json)" in message
    assert message.endswith(f"Page: {server.url}/text?api_key=***")
    assert "private" not in message
    one = f"{server.url}/one"
    message = refused(url=f"{server.url}/cursor")
    assert "there is no list itself. It has data, meta. Name the list's place: records: data.items." in message
    assert "no list at records: 'dta'. It has data, meta. Did you mean 'data'?" in refused(url=f"{server.url}/cursor", records="dta")  # fmt: skip  # noqa: E501
    assert "no list at records: 'data'. It has data, meta. Name" in refused(url=f"{server.url}/cursor", records="data")
    assert "record 2 is a number, where an object is a row" in refused(url=one, params={"body": "[{}, 7]"})
    assert "record 1 has two values for column 'a.b'" in refused(
        url=one, params={"body": '[{"a.b": 1, "a": {"b": 2}}]'}
    )
    assert "has no rows: its first page's list is empty" in refused(url=one, params={"body": "[]"})
    message = refused(url=f"{server.url}/nowhere", tries=5)
    assert "it answered 404 (no such thing). Check url and params." in message
    assert len(server.asked) == 8


def test_pages_that_do_not_end(server: Server) -> None:
    linked = {"records": "items", "paging": {"kind": "link", "path": "next"}}
    assert "it leads back to itself" in refused(url=f"{server.url}/linked", params={"to": "/loop"}, **linked)
    for path, records in (("same", ""), ("stamped", "items")):
        message = refused(url=f"{server.url}/{path}", records=records, paging="page", total_s=5)
        assert "it has the rows of the page before: the server knows no parameter 'page', or sends its last" in message


def test_a_page_that_is_none_and_does_not_say_how_long_it_is(server: Server) -> None:
    """It was asked for again and again, as one that was cut."""

    def before(handler: Handler, place: int) -> bool:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"<html>private</html>")
        handler.close_connection = True
        return True

    server.before = before
    assert "it is no JSON (at character 0 of 20 bytes" in refused(url=server.url, tries=3, backoff_s=0.01)
    assert len(server.asked) == 1


@pytest.mark.parametrize("said", ["\u00b2", "soon", "nan", "-5", "0.2"])
def test_pauses_that_servers_ask_for_in_odd_words(server: Server, said: str) -> None:
    def before(handler: Handler, place: int) -> bool:
        if place == 1:
            handler.send(429, {}, Retry_After=said)
        return place == 1

    server.before = before
    assert rows(Config(url=f"{server.url}/link", paging="link", backoff_s=0.01)).height == 25  # type: ignore[arg-type]
    assert (server.times[1] - server.times[0] >= 0.2) == (said == "0.2")


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ('<https://h/a?b=1>; rel="next"', "https://h/a?b=1"),
        ("</a,b;c>; rel=next", "/a,b;c"),
        ('</1>; rel="prev", </2>; title="x"; rel="last next"', "/2"),
        ('</1>; rel="nextish"', None),
        ('</1>; rel="last"; title="rel=next"', None),
        ("", None),
    ],
)
def test_link_headers(header: str, target: str | None) -> None:
    assert next_link({"Link": header}) == target


# secrets


def test_secrets_come_from_the_environment_alone(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = Config(
        url=f"{server.url}/link?sig=${{API_TOKEN}}", paging="link", headers={"Authorization": "Bearer ${API_TOKEN}"},
        params={"key": "${API_TOKEN}", "all": True, "most": 5}, max_rows=5,
    )  # type: ignore[arg-type]  # fmt: skip
    assert rows(config).height == 5
    assert server.headers[0]["Authorization"] == f"Bearer {TOKEN}"
    assert dict(parse_qsl(urlsplit(server.asked[0]).query)) == {"sig": TOKEN, "key": TOKEN, "all": "true", "most": "5"}
    shown = redact_all(catalog.describe(config))
    assert "API_TOKEN" in shown["url"]
    assert catalog.resolve("source", {**shown, "name": "web"}) == config
    monkeypatch.delenv("API_TOKEN")
    assert "needs the environment variable API_TOKEN" in refused(url=server.url, headers={"X-Api-Key": "${API_TOKEN}"})


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"Authorization": "Bearer hunter2"}},
        {"headers": {"X-Api-Key": "hunter2"}},
        {"headers": {"Cookie": "session=hunter2"}},
        {"params": {"access_token": "hunter2"}},
        {"url": "https://me:hunter2@host/a"},
        {"url": "https://host/a?api_key=hunter2"},
    ],
)
def test_literal_secrets_are_refused_and_not_shown(options: dict[str, Any]) -> None:
    with pytest.raises(SpecError) as caught:
        catalog.resolve("source", {"name": "web", "url": "https://host/a", **options}, "data.source")
    assert "Put it into the environment" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_secrets_are_not_sent_to_another_server(server: Server) -> None:
    other = Server()
    threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    headers = {"X-Api-Key": "${API_TOKEN}"}
    linked = {"records": "items", "paging": {"kind": "link", "path": "next"}, "params": {"to": f"{other.url}/linked"}}
    message = refused(url=f"{server.url}/linked", headers=headers, **linked)
    assert f"its next page is at {other.url}, another server" in message
    assert other.asked == []
    assert rows(Config(url=f"{server.url}/linked", **linked)).height == 6  # type: ignore[arg-type]
    assert rows(Config(url=f"{server.url}/moved", params={"to": f"{other.url}/same"}, headers=headers)).height == 3
    assert "X-Api-Key" in server.headers[-1]
    assert "X-Api-Key" not in other.headers[-1]
    other.shutdown()
    other.server_close()


def test_a_url_that_is_none() -> None:
    with pytest.raises(SpecError, match="url begins with http"):
        catalog.resolve("source", {"name": "web", "url": "ftp://host/a"}, "data.source")
    assert Config.from_text("https://host/api/orders") is None
