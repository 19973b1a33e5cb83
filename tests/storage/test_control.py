"""Commands arrive once and in order; anything else in the directory is named and refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgml.storage.commands import inbox as inbox_module
from asgml.storage.commands.inbox import (
    KINDS,
    BadRequest,
    Inbox,
    Request,
    RequestError,
    make_request,
    read_request,
    send,
)
from asgml.storage.commands.request import request_from_json, request_to_json

SENDER = """
import sys
from pathlib import Path
from asgml.storage.commands.inbox import make_request, send
for number in range(int(sys.argv[2])):
    send(Path(sys.argv[1]), make_request("note", note=f"{sys.argv[3]}:{number}"))
"""


def sent(commands: Path, kind: str = "pause", **given_values: Any) -> Request:
    request = make_request(kind, **given_values)
    send(commands, request)
    return request


def test_a_request_arrives_as_it_was_sent(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "commands")
    requests = [
        sent(
            tmp_path / "commands",
            "set",
            knob="boost.alpha",
            value=0.25,
            if_value=0.5,
            at_step=100,
            note="why",
            expires_in=60,
        ),
        sent(tmp_path / "commands", "stop", how="now"),
        sent(tmp_path / "commands", "note", note="grün \x1b[31m [bold]"),
    ]
    assert inbox.poll() == requests
    assert inbox.poll() == []
    assert "@" in requests[0].issuer and abs(requests[0].created - time.time()) < 60


def test_stop_finishes_the_step_unless_told_otherwise() -> None:
    assert make_request("stop").how == "after_step"


def test_a_request_is_removed_when_it_is_done_and_not_before(tmp_path: Path) -> None:
    request = sent(tmp_path)
    inbox = Inbox(tmp_path)
    assert inbox.poll() == [request]
    assert Inbox(tmp_path).poll() == [
        request
    ]  # the trainer was killed before it answered: its successor sees it
    inbox.done(request.id)
    inbox.done(request.id)
    inbox.done("never heard of")
    assert Inbox(tmp_path).poll() == [] and list(tmp_path.iterdir()) == []


def test_two_thousand_commands_from_several_processes(tmp_path: Path) -> None:
    """All arrive, each once, and those of one sender in its order."""
    senders, each = 4, 500
    inbox, seen = Inbox(tmp_path), []
    processes = [
        subprocess.Popen([sys.executable, "-c", SENDER, str(tmp_path), str(each), str(number)])
        for number in range(senders)
    ]
    patience = time.monotonic() + 120
    while len(seen) < senders * each and time.monotonic() < patience:
        for request in inbox.poll():
            assert isinstance(request, Request) and request.note is not None
            seen.append(request.note)
            inbox.done(request.id)
    for process in processes:
        assert process.wait() == 0
    assert inbox.poll() == [] and len(seen) == senders * each
    for sender in range(senders):
        assert [note for note in seen if note.startswith(f"{sender}:")] == [
            f"{sender}:{number}" for number in range(each)
        ]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_the_listing_missed_comes_before_its_senders_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listing a folder is no snapshot: it may see the second file and not the first."""
    first, second = sent(tmp_path), sent(tmp_path, "resume")
    names = sorted(os.listdir(tmp_path))
    listings = iter([{names[1]}, set(names), set(names)])
    monkeypatch.setattr(inbox_module, "_list", lambda folder: next(listings))
    assert Inbox(tmp_path).poll() == [first, second]


def test_a_command_under_the_same_time_stamp_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that comes in the same tick of the file system's clock leaves the time stamp alone."""
    monkeypatch.setattr(inbox_module, "RELIST_SECONDS", 1e9)
    inbox = Inbox(tmp_path)
    stamp = time.time_ns()
    for _ in range(5):
        request = sent(tmp_path)
        os.utime(tmp_path, ns=(stamp, stamp))
        assert inbox.poll() == [request]


def test_a_command_is_seen_although_the_time_stamp_is_of_no_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With coarse or wrong time stamps the directory is listed now and then all the same."""
    monkeypatch.setattr(inbox_module, "RELIST_SECONDS", 0.0)
    inbox = Inbox(tmp_path)
    for _ in range(3):
        request = sent(tmp_path)
        os.utime(tmp_path, (1000.0, 1000.0))
        assert inbox.poll() == [request]


def test_an_idle_poll_only_looks_at_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_module, "RELIST_SECONDS", 1e9)
    inbox = Inbox(tmp_path)
    os.utime(tmp_path, (1000.0, 1000.0))
    inbox.poll()
    monkeypatch.setattr(inbox_module, "_list", lambda folder: pytest.fail("listed"))
    assert inbox.poll() == []


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "commands")
    assert inbox.poll() == []
    request = sent(tmp_path / "commands")
    assert inbox.poll() == [request]


def test_a_file_on_its_way_in_is_not_seen(tmp_path: Path) -> None:
    (tmp_path / ".00000000000000000001-abc.json.partial").write_text("{")
    assert Inbox(tmp_path).poll() == []


def test_names_never_go_back_although_the_clock_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([3_000, 2_000, 2_000, 10**18])
    monkeypatch.setattr(inbox_module, "_last_sent", (0, 0, ""))
    monkeypatch.setattr(time, "time_ns", lambda: next(times))
    names = [inbox_module._next_name() for _ in range(4)]
    assert names == sorted(set(names))


VALID = json.loads(request_to_json(make_request("set", knob="lr", value=0.1)))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no valid JSON"),
        (b"{", "no valid JSON"),
        (b"\xff\xfe", "no valid JSON"),
        (b"[" * 60_000, "no valid JSON"),
        (b'{"value": ' + b"9" * 6000 + b"}", "no valid JSON"),
        (b"[]", "expected a JSON object"),
        (b" " * (64 * 1024 + 1), "larger than 65536 bytes"),
        ({"kind": "reboot"}, "kind is 'reboot', expected one of pause"),
        ({"kind": None}, "kind is None"),
        ({"kind": ["set"]}, "kind is"),
        ({"id": "../../x"}, "id is"),
        ({"id": ""}, "id is"),
        ({"id": "x" * 101}, "id is"),
        ({"id": 5}, "id is 5"),
        ({"value": None}, "needs a knob and a value"),
        ({"knob": None}, "needs a knob and a value"),
        ({"knob": 3}, "knob is 3"),
        ({"value": [1]}, "value is"),
        ({"value": {"a": 1}}, "value is"),
        ({"value": 2**70}, "value is"),
        ({"at_step": -1}, "at_step is -1"),
        ({"at_step": 1.5}, "at_step is 1.5"),
        ({"at_step": True}, "at_step is True"),
        ({"created": "now"}, "created is 'now'"),
        ({"expires": "soon"}, "expires is 'soon'"),
        ({"how": "gently"}, "how is 'gently'"),
        ({"how": ["now"]}, "how is"),
        ({"issuer": None}, "issuer is None"),
        ({"note": 5}, "note is 5"),
        ({"kind": "note"}, "note needs a text"),
        ({"note": "x" * 4001}, "note is 'xxx"),
        ({"gently": True}, "'gently' is no field of a request to this version"),
        ({"kind": "pause", "for_steps": 5}, "for_steps belongs to set, not to pause"),
        ({"kind": "set", "knob": "lr", "value": 1, "for_steps": 0}, "for_steps is 0"),
        ({"kind": "set", "knob": "lr", "value": 1, "for_steps": True}, "for_steps is True"),
        ({"kind": "set", "knob": "lr", "value": 1, "weights": True}, "weights belongs to undo"),
        ({"kind": "undo", "weights": 1}, "weights is 1"),
        ({"kind": "undo", "undoes": 7}, "undoes is 7"),
        (b'{"kind": "pause", "id": "a", "issuer": "me", "created": NaN}', "no valid JSON"),
        (b'{"kind": "pause", "id": "a", "issuer": "me", "created": 1e999}', "created is inf"),
    ],
)
def test_what_is_no_request_is_refused_with_a_reason(
    tmp_path: Path, content: bytes | dict[str, Any], reason: str
) -> None:
    file = tmp_path / "00000000000000000001-abc.json"
    file.write_bytes(
        content if isinstance(content, bytes) else json.dumps({**VALID, **content}).encode()
    )
    inbox = Inbox(tmp_path)
    (bad,) = inbox.poll()
    # what a newer program may ask for is answered under its own id, so that its sender sees it
    newer = "reboot" in reason or "no field" in reason
    assert isinstance(bad, BadRequest) and bad.id == (VALID["id"] if newer else file.name)
    assert reason in bad.reason and "\n" not in bad.reason and len(bad.reason) < 200
    inbox.done(bad.id)
    assert not file.exists()


anything = st.recursive(st.none() | st.text() | st.floats() | st.booleans(), st.lists)
words = st.none() | st.text() | st.floats() | st.integers()


@given(st.binary(max_size=300) | anything.map(lambda value: json.dumps(value).encode()))
def test_no_content_raises_anything_else(content: bytes) -> None:
    with pytest.raises(RequestError):
        request_from_json(content)


@given(st.dictionaries(st.sampled_from(sorted(Request.__dataclass_fields__)), words, max_size=12))
def test_a_record_is_a_valid_request_or_refused(record: dict[str, Any]) -> None:
    try:
        request = request_from_json(json.dumps({**VALID, **record}).encode())
    except RequestError:
        return
    assert request.kind in KINDS
    assert request_from_json(request_to_json(request)) == request


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    commands, secret = tmp_path / "commands", tmp_path / "secret.json"
    secret.write_bytes(request_to_json(make_request("pause")))
    commands.mkdir()
    (commands / "1-a.json").symlink_to(secret)
    (commands / "2-a.json").symlink_to(tmp_path / "nowhere")
    inbox = Inbox(commands)
    found = inbox.poll()
    assert [type(bad) for bad in found] == [BadRequest, BadRequest]
    assert all("symbolic link" in bad.reason for bad in found if isinstance(bad, BadRequest))
    for bad in found:
        inbox.done(bad.id)
    assert secret.exists() and list(commands.iterdir()) == []


def test_a_folder_a_pipe_and_a_link_do_not_block(tmp_path: Path) -> None:
    (tmp_path / "1-folder.json").mkdir()
    os.mkfifo(tmp_path / "2-pipe.json")
    inbox = Inbox(tmp_path)
    found = inbox.poll()
    assert [bad.reason for bad in found if isinstance(bad, BadRequest)] == ["is no plain file"] * 2
    for bad in found:
        inbox.done(bad.id)
    assert inbox.poll() == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a file away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    send(tmp_path, make_request("stop"))
    (file,) = tmp_path.iterdir()
    os.chown(file, 12345, 12345)
    (bad,) = Inbox(tmp_path).poll()
    assert isinstance(bad, BadRequest) and "belongs to user 12345" in bad.reason


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    send(tmp_path, make_request("stop"))
    (file,) = tmp_path.iterdir()
    file.chmod(0)
    (bad,) = Inbox(tmp_path).poll()
    assert isinstance(bad, BadRequest) and "cannot be read" in bad.reason


def test_a_file_that_is_withdrawn_is_passed_over(tmp_path: Path) -> None:
    assert read_request(tmp_path / "gone.json") is None


def test_what_could_not_be_read_back_is_not_made() -> None:
    for given_values in (
        {"kind": "reboot"},
        {"kind": "set", "knob": "lr"},
        {"kind": "set", "knob": "lr", "value": float("nan")},
    ):
        with pytest.raises(RequestError):
            make_request(given_values.pop("kind"), **given_values)  # type: ignore[arg-type]


def test_a_request_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Path, "rename", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(OSError, match="No space"):
        send(tmp_path, make_request("pause"))
    assert list(tmp_path.iterdir()) == []
