from __future__ import annotations

import errno
import multiprocessing
import os
import pickle
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rayline.core import files
from rayline.core.errors import DataError, StorageError
from rayline.core.redact import redact, redact_all


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    target = str(tmp_path / "deep" / "a.bin")
    files.write_bytes(target, b"one")
    files.write_bytes(target, b"two")
    assert files.read_bytes(target) == b"two"
    assert files.list_names(str(tmp_path / "deep")) == ["a.bin"]


def _write_forever(target: str) -> None:
    turn = 0
    while True:
        files.write_bytes(target, bytes([turn % 251]) * 2_000_000)
        turn += 1


def test_a_kill_in_the_middle_of_writing_leaves_a_whole_file(tmp_path: Path) -> None:
    target = str(tmp_path / "a.bin")
    writer = multiprocessing.get_context("fork").Process(target=_write_forever, args=(target,))
    writer.start()
    deadline = time.monotonic() + 10
    while not os.path.exists(target) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert writer.pid is not None
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    data = files.read_bytes(target)
    assert len(data) == 2_000_000
    assert len(set(data)) == 1


def test_writing_where_one_may_not_says_so(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    with pytest.raises(StorageError, match="cannot write"):
        files.write_bytes(str(blocker / "x"), b"")


def test_unknown_scheme_is_named() -> None:
    with pytest.raises(StorageError, match="nosuch"):
        files.locate("nosuch://bucket/key")


def test_join_keeps_the_query_last() -> None:
    assert files.join("s3://b/p?endpoint_override=h:1", "x", "y") == "s3://b/p/x/y?endpoint_override=h:1"
    assert files.join("/a/b/", "c") == "/a/b/c"


def test_equal_json_is_equal_bytes(tmp_path: Path) -> None:
    one, two = str(tmp_path / "1"), str(tmp_path / "2")
    files.write_json(one, {"b": 1, "a": [1.5, None]})
    files.write_json(two, {"a": [1.5, None], "b": 1})
    assert files.read_bytes(one) == files.read_bytes(two)
    assert files.read_json(one) == {"a": [1.5, None], "b": 1}


def test_every_function_tells_what_it_cannot_do_and_where(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    below, folder = str(blocker / "x"), tmp_path / "kept"
    for doing, call in (
        ("list", lambda: files.list_names(str(blocker))),
        ("list", lambda: files.list_folders(str(blocker))),
        ("copy", lambda: files.copy_folder(str(tmp_path / "nothing"), str(folder))),
        ("copy", lambda: files.copy_folder(str(tmp_path), below)),
    ):
        with pytest.raises(StorageError, match=f"cannot {doing}"):
            call()
    assert files.list_names(str(tmp_path / "nothing")) == files.list_folders(str(tmp_path / "nothing")) == []
    files.delete_folder(str(tmp_path / "nothing"))


class _Refusing(BaseHTTPRequestHandler):
    def _refuse(self) -> None:
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _refuse  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


def test_a_store_that_refuses_is_an_error_of_ours_without_its_secret(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"127.0.0.1:{server.server_address[1]}"
    uri = f"s3://KEYID:S3CRET@bucket/a?scheme=http&endpoint_override={host}&region=us-east-1"
    try:
        for call in (
            lambda: files.exists(uri),
            lambda: files.list_names(uri),
            lambda: files.list_folders(uri),
            lambda: files.delete_folder(uri),
            lambda: files.read_bytes(uri),
            lambda: files.write_bytes(uri, b"x"),
            lambda: files.copy_folder(str(tmp_path), uri),
            lambda: files.copy_folder(uri, str(tmp_path)),
        ):
            with pytest.raises(StorageError) as caught:
                call()
            assert "S3CRET" not in str(caught.value)
            assert "KEYID" not in str(caught.value)
            assert "s3://***@bucket/a" in str(caught.value)
    finally:
        server.shutdown()
        server.server_close()


def test_no_error_shows_a_secret_even_from_another_process() -> None:
    error = pickle.loads(pickle.dumps(DataError("cannot read s3://K:S@b/p")))
    assert str(error) == repr(error)[11:-2] == "cannot read s3://***@b/p"


@pytest.mark.parametrize("piece", ["?", "://a:b", "?sig", "://", "&secret"])
def test_redacting_a_long_text_is_quick(piece: str) -> None:
    began = time.perf_counter()
    redact(piece * 50_000)
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://K:S@b/p", "s3://***@b/p"),
        ("s3://K:S/with+slash@b/p", "s3://***@b/p"),
        ("s3://token@b", "s3://***@b"),
        ("https://u:p@h/x.csv?sig=abc&v=1", "https://***@h/x.csv?sig=***&v=1"),
        (
            "https://b.s3.amazonaws.com/x?X-Amz-Signature=ab&X-Amz-Date=1",
            "https://b.s3.amazonaws.com/x?X-Amz-Signature=***&X-Amz-Date=1",
        ),
        ("http://h:8080/a@b", "http://h:8080/a@b"),
        ("s3://bucket/me@work.csv", "s3://bucket/me@work.csv"),
        ("/home/me@work/a.csv", "/home/me@work/a.csv"),
        ("a.csv, s3://K:S@b/p", "a.csv, s3://***@b/p"),
    ],
)
def test_secrets_of_uris_are_not_shown_and_nothing_else_is_lost(text: str, shown: str) -> None:
    assert redact(text) == shown
    assert redact(shown) == shown
    assert redact_all({"a": [text, 1, None]}) == {"a": [shown, 1, None]}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_with_what_helps(tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("rayline.core.files.os.fsync", full)
    with pytest.raises(StorageError) as caught:
        files.write_bytes(str(tmp_path / "a"), b"1")
    assert str(caught.value).endswith(f"a: {os.strerror(number)}. Free some space, or choose another folder.")
    assert list(tmp_path.iterdir()) == []
