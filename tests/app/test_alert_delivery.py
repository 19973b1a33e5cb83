"""Alerts on their way to a user who is away: webhooks, the hook, the queue."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loopback import Loopback, loopback
from pydantic import ValidationError

from asgml.app.alerts.failure import DeliveryError
from asgml.app.alerts.hook import run_hook
from asgml.app.alerts.message import Message, Source
from asgml.app.alerts.queue import FIRST_PAUSE, LONGEST_PAUSE, Queue
from asgml.app.alerts.sent import Sent, read_sent
from asgml.app.alerts.targets import Target, targets_of
from asgml.app.alerts.webhook import post
from asgml.app.notify_settings import Notify, Webhook
from asgml.storage.alerts.alert import Alert, alerts_of
from asgml.storage.format.events import Event
from asgml.storage.format.process import start_of

SOURCE = Source("mnist-07", "/runs/mnist-07", "gpu7")
HOSTILE = "x\r\nPriority: urgent\r\n\r\nbody\x1b]0;t\x07 $(reboot) `id` \u202e"


def an_alert(message: str = "loss is nan at step 4", **fields: Any) -> Alert:
    given = {"message": message, "level": "error", "rule": "nan", "at_step": 4, **fields}
    return alerts_of([Event("alert", 11, 1_700_000_000.0, 5.0, 0, given)])[0]


def a_message(message: str = "loss is nan at step 4", **fields: Any) -> Message:
    return Message(an_alert(message, **fields), SOURCE)


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as server:
        yield server


# -- webhooks ----------------------------------------------------------------------------


def test_json_has_the_alert_and_a_line_for_chat_programs(server: Loopback) -> None:
    post(Webhook(url=server.url(), headers={"Authorization": "Bearer s3cret"}), a_message())
    (posted,) = server.posted
    assert posted.headers["Content-Type"] == "application/json"
    assert posted.headers["Authorization"] == "Bearer s3cret"
    assert posted.json["text"] == "mnist-07: nan: loss is nan at step 4"
    told = {key: posted.json[key] for key in ("run", "host", "id", "rule", "level", "step")}
    assert told == {
        "run": "mnist-07", "host": "gpu7", "id": "e0", "rule": "nan", "level": "error", "step": 4,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("level", "priority", "tag"),
    [
        ("error", "high", "rotating_light"),
        ("warning", "default", "warning"),
        ("info", "low", "white_check_mark"),
    ],
)
def test_ntfy_gets_title_priority_and_tags(
    level: str, priority: str, tag: str, server: Loopback
) -> None:
    post(Webhook(url=server.url(), format="ntfy"), a_message("α is 0.5", level=level))
    (posted,) = server.posted
    assert posted.body.decode() == "α is 0.5"
    assert (posted.headers["Title"], posted.headers["Priority"]) == ("mnist-07: nan", priority)
    assert posted.headers["Tags"] == tag


@pytest.mark.parametrize("format", ["json", "ntfy"])
def test_hostile_text_adds_no_header_and_steers_nothing(format: str, server: Loopback) -> None:
    message = Message(an_alert(HOSTILE, rule=HOSTILE), Source(HOSTILE, HOSTILE, HOSTILE))
    post(Webhook(url=server.url(), format=format), message)  # type: ignore[arg-type]
    (posted,) = server.posted
    assert posted.headers.get("Priority") in (None, "high")
    assert b"\x1b" not in posted.body and b"\r" not in posted.body
    if format == "ntfy":
        title = posted.headers["Title"]
        assert title.startswith("=?utf-8?b?") and title.isascii()
        shown = b64decode(title.removeprefix("=?utf-8?b?").removesuffix("?=")).decode()
        assert shown == message.title and "\n" not in shown
    else:
        assert "$(reboot)" in posted.json["message"]


@pytest.mark.parametrize(
    ("code", "final"),
    [(301, True), (302, True), (307, True), (400, True), (401, True), (404, True), (408, False),
     (429, False), (500, False), (503, False)],
)  # fmt: skip
def test_an_answer_that_is_no_success_is_an_error_and_no_redirect_is_followed(
    code: int, final: bool, server: Loopback
) -> None:
    server.codes, server.location = [code], server.url("/elsewhere")
    with pytest.raises(DeliveryError, match=f"HTTP {code}") as error:
        post(Webhook(url=server.url("/s3cret")), a_message())
    assert error.value.final is final and "s3cret" not in str(error.value)
    assert [posted.path for posted in server.posted] == ["/s3cret"]


def test_a_server_that_is_not_there_or_says_nothing_is_tried_again() -> None:
    with socket.socket() as listening:  # it takes connections and never answers
        listening.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/s3cret"
        with pytest.raises(DeliveryError, match="no connection") as refused:
            post(Webhook(url=url, timeout=5), a_message())
        listening.listen()
        with pytest.raises(DeliveryError, match="no ") as silent:
            post(Webhook(url=url, timeout=0.05), a_message())
    for error in (refused.value, silent.value):
        assert not error.final and "s3cret" not in str(error) and "127.0.0.1" not in str(error)


def test_a_server_that_drips_its_answer_does_not_hold_a_delivery() -> None:
    ended = threading.Event()

    def drip(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while not ended.wait(0.02):
                connection.sendall(b"x")

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        dripping = threading.Thread(target=drip, args=(listening,))
        dripping.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/s3cret"
        try:
            with pytest.raises(DeliveryError, match="no answer") as error:
                post(Webhook(url=url, timeout=0.5), a_message())
        finally:
            ended.set()
            dripping.join()
    assert not error.value.final


def test_secrets_may_come_from_the_environment(
    server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = Webhook(url="env:MY_HOOK", headers={"Authorization": "env:MY_TOKEN"})
    with pytest.raises(DeliveryError, match="variable MY_HOOK is not set"):
        post(webhook, a_message())
    monkeypatch.setenv("MY_HOOK", server.url())
    monkeypatch.setenv("MY_TOKEN", "Bearer abc")
    post(webhook, a_message())
    assert server.posted[0].headers["Authorization"] == "Bearer abc"
    monkeypatch.setenv("MY_TOKEN", "abc\r\nX-Other: 1")
    with pytest.raises(DeliveryError, match="no plain line"):
        post(webhook, a_message())
    for bad in ("http://example.org/s3cret", "file:///etc/passwd", "ftp://localhost/x", "https://"):
        monkeypatch.setenv("MY_HOOK", bad)
        with pytest.raises(DeliveryError) as error:
            post(webhook, a_message())
        assert error.value.final and "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    "given",
    [
        {"url": "http://example.org/s3cret"},
        {"url": "file:///s3cret"},
        {"url": "https://user:s3cret@example.org/"},
        {"url": "https:///s3cret"},
        {"url": "https://example.org/s3cret\r\nX: 1"},
        {"url": "https://[s3cret"},
        {"url": "https://example.org:s3cret/"},
        {"url": "https://example.org", "headers": {"A": "s3cret\n"}},
        {"url": "https://example.org", "headers": {"A b": "s3cret"}},
        {"url": "https://example.org", "format": "xml"},
        {"url": "https://example.org", "timeout": 0},
    ],
)
def test_a_webhook_that_cannot_be_used_is_refused_without_its_secret(given: Any) -> None:
    with pytest.raises(ValidationError) as error:
        Notify(webhooks=[given])
    assert all("s3cret" not in one["msg"] for one in error.value.errors())


@pytest.mark.parametrize(
    "url",
    ["https://ntfy.sh/x", "http://localhost:8080/x", "http://[::1]:8080/x", "http://127.1.2.3/x"],
)
def test_https_everywhere_and_http_on_this_computer(url: str) -> None:
    assert Webhook(url=url).url == url
    assert Webhook(url="http://example.org/x", insecure=True).insecure


# -- the hook ----------------------------------------------------------------------------


def python(*words: str) -> list[str]:
    return [sys.executable, "-c", *words]


TELL = (
    "import json, os, sys; out = {'argv': sys.argv[1:], 'stdin': sys.stdin.read(), "
    "'cwd': os.getcwd(), "
    "'env': {k: v for k, v in os.environ.items() if k.startswith('ASGML_ALERT_')}}; "
    "json.dump(out, open(sys.argv[1], 'w'))"
)


@pytest.mark.parametrize("text", ["loss is nan at step 4", HOSTILE])
def test_the_hook_gets_its_own_words_and_the_alert_beside_them(text: str, tmp_path: Path) -> None:
    out = tmp_path / "told.json"
    words = [str(out), "--run", "$(reboot)", "a b", ""]
    message = Message(an_alert(text), Source(text, "/runs/x", "gpu7"))
    run_hook(Notify(hook=[*python(TELL), *words]), message)
    told = json.loads(out.read_text())
    assert told["argv"] == words
    assert json.loads(told["stdin"]) == message.record()
    assert told["env"]["ASGML_ALERT_MESSAGE"] == message.text
    assert told["env"]["ASGML_ALERT_STEP"] == "4" and told["env"]["ASGML_ALERT_LEVEL"] == "error"
    assert "\n" not in "".join(told["env"].values()) and "\x1b" not in told["stdin"]
    assert told["cwd"] == os.path.realpath(Path.home())


def test_a_hook_that_reads_nothing_or_prints_much_does_not_matter() -> None:
    run_hook(Notify(hook=python("print('x' * 10_000_000)")), a_message("x" * 400))


@pytest.mark.parametrize(
    ("hook", "told", "final"),
    [
        (python("raise SystemExit(3)"), "exit code 3", False),
        (["/nowhere/program"], "cannot be started: No such file", True),
        (["/etc"], "cannot be started", True),
    ],
)
def test_a_hook_that_fails_is_one_line(hook: list[str], told: str, final: bool) -> None:
    with pytest.raises(DeliveryError, match=told) as error:
        run_hook(Notify(hook=hook), a_message())
    assert error.value.final is final


def test_a_hook_that_hangs_is_ended_with_all_that_it_has_started(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = 'sleep 600 & echo $! > "$0"; wait'
    with pytest.raises(DeliveryError, match="more than 2 s"):
        run_hook(Notify(hook=["/bin/sh", "-c", script, str(pid_file)], hook_timeout=2), a_message())
    child = int(pid_file.read_text())
    last = time.monotonic() + 30
    while start_of(child) is not None:  # None for a zombie, too
        assert time.monotonic() < last, "the hook's child lives on"
        time.sleep(0.01)


@pytest.mark.parametrize("hook", [[""], ["a\0b"], ["./here"], ["bin/here"], "program"])
def test_a_hook_that_cannot_be_meant_is_refused(hook: Any) -> None:
    with pytest.raises(ValidationError):
        Notify(hook=hook)


# -- the queue ---------------------------------------------------------------------------


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Place:
    """A target that fails as it is told, and keeps what it got."""

    def __init__(self, name: str, *failures: DeliveryError, way: str = "webhook") -> None:
        self.failures = list(failures)
        self.got: list[str] = []
        self.target = Target(name, way, self.send, tries=4)

    def send(self, message: Message) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.got.append(message.alert.id)


def alerts(count: int) -> list[Alert]:
    events = [Event("alert", n, 1.0, 1.0, 0, {"message": "m"}) for n in range(count)]
    return alerts_of(events)


def make_queue(tmp_path: Path, *places: Place) -> tuple[Queue, Clock, list[str]]:
    clock, lines = Clock(), list[str]()
    sent = read_sent(tmp_path) or Sent(tmp_path / "alerts-sent.json")
    return Queue([place.target for place in places], sent, lines.append, clock), clock, lines


def test_each_alert_goes_once_to_each_target_also_after_a_restart(tmp_path: Path) -> None:
    one, other = Place("one"), Place("other", DeliveryError("down"))
    queue, _, _ = make_queue(tmp_path, one, other)
    queue.offer(alerts(3))
    queue.offer(alerts(3))
    queue.work(SOURCE, 3)
    assert one.got == ["e0", "e1", "e2"] and other.got == ["e1", "e2"] and len(queue) == 1
    again, _, _ = make_queue(tmp_path, one, other)
    again.offer(alerts(4))
    again.work(SOURCE, 4)
    assert one.got == ["e0", "e1", "e2", "e3"] and other.got == ["e1", "e2", "e0", "e3"]
    done = read_sent(tmp_path)
    assert done is not None and done.events == 4 and not done.done


def test_the_pauses_between_tries_double_and_tries_come_to_an_end(tmp_path: Path) -> None:
    place = Place("one", *[DeliveryError("down")] * 10)
    queue, clock, lines = make_queue(tmp_path, place)
    queue.offer(alerts(1))
    for seconds in (0, 0.5, 0.5, 1.9, 0.1, 3.9, 0.1):
        clock.now += seconds
        queue.work(SOURCE, 1)
    assert [line.partition("down; ")[2] for line in lines] == [
        f"again in {FIRST_PAUSE:g} s", "again in 2 s", "again in 4 s", "given up",
    ]  # fmt: skip
    assert not len(queue) and FIRST_PAUSE < LONGEST_PAUSE


def test_what_can_never_succeed_is_tried_once(tmp_path: Path) -> None:
    place = Place("one", DeliveryError("HTTP 404", final=True))
    queue, _, lines = make_queue(tmp_path, place)
    queue.offer(alerts(1))
    queue.work(SOURCE, 1)
    assert not len(queue) and lines == ["failed: e0 (trainer) to one: HTTP 404; given up"]


def test_an_alert_goes_only_the_ways_that_its_rule_names(tmp_path: Path) -> None:
    hook, webhook = Place("hook", way="hook"), Place("webhook 1 (json)")
    queue, _, _ = make_queue(tmp_path, hook, webhook)
    queue.offer([an_alert(notify=["hook", "bell"])])
    queue.work(SOURCE, 1)
    assert (hook.got, webhook.got) == (["e0"], [])


def test_a_target_that_hangs_delays_no_other(tmp_path: Path) -> None:
    release, started = threading.Event(), list[str]()

    def hang(message: Message) -> None:
        started.append(message.alert.id)
        assert release.wait(60)

    slow, fast = Target("slow", "webhook", hang, 4), Place("fast")
    lines: list[str] = []
    queue = Queue([slow, fast.target], Sent(tmp_path / "sent.json"), lines.append)
    queue.offer(alerts(3))
    queue.work(SOURCE, 3)
    assert fast.got == ["e0", "e1", "e2"] and started == ["e0"] and len(queue) == 3
    queue.offer(alerts(4))
    queue.work(SOURCE, 4)
    assert fast.got[3:] == ["e3"] and started == ["e0"]  # one at a time
    release.set()
    last = time.monotonic() + 60
    while len(queue):
        assert time.monotonic() < last
        queue.work(SOURCE, 4)
    assert started == ["e0", "e1", "e2", "e3"]
    assert sum("delivered" in line for line in lines) == 8


def test_an_error_that_nobody_foresaw_ends_no_watch_and_tells_no_secret(tmp_path: Path) -> None:
    def fail(message: Message) -> None:
        raise KeyError("s3cret")

    lines: list[str] = []
    queue = Queue([Target("odd", "webhook", fail, 1)], Sent(tmp_path / "sent.json"), lines.append)
    queue.offer(alerts(1))
    queue.work(SOURCE, 1)
    assert not len(queue) and lines == ["failed: e0 (trainer) to odd: KeyError; given up"]


def test_a_disk_that_is_full_ends_no_delivery(tmp_path: Path) -> None:
    place = Place("one")
    lines: list[str] = []
    queue = Queue([place.target], Sent(tmp_path / "no" / "sent.json"), lines.append)
    queue.offer(alerts(2))
    queue.work(SOURCE, 2)
    assert place.got == ["e0", "e1"]
    assert any("cannot be noted" in line for line in lines)


@pytest.mark.parametrize("content", ["", "[", "[1]", '{"events": -1}', '{"events": "3"}'])
def test_a_damaged_note_of_what_was_sent_counts_as_none(content: str, tmp_path: Path) -> None:
    (tmp_path / "alerts-sent.json").write_text(content)
    assert read_sent(tmp_path) is None


def test_targets_have_names_without_secrets() -> None:
    notify = Notify(hook=["page"], webhooks=[Webhook(url="https://ntfy.sh/s3cret", format="ntfy")])
    assert [target.name for target in targets_of(notify)] == ["hook", "webhook 1 (ntfy)"]
    assert targets_of(Notify()) == () and notify.away and not Notify().away
