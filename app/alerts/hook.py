"""The hook: a program of the user's, run with an alert on stdin and in its environment."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path

from asgml.app.alerts.failure import DeliveryError
from asgml.app.alerts.message import Message
from asgml.app.notify_settings import Notify


def run_hook(notify: Notify, message: Message) -> None:
    """Run the hook, without a shell, and wait for it. Raise DeliveryError where it fails.

    What it prints is dropped: it may hold secrets, and an alert's record lies in the run.
    """
    command = [os.path.expanduser(notify.hook[0]), *notify.hook[1:]]
    try:
        # a session of its own: a hook that hangs is ended together with all that it has started
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **message.environment()},
            cwd=_home(),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise DeliveryError(f"the hook cannot be started: {reason}", final=True) from None
    record = json.dumps(message.record(), allow_nan=False) + "\n"
    try:
        process.communicate(record.encode("ascii"), notify.hook_timeout)
    except subprocess.TimeoutExpired:
        _end(process)
        raise DeliveryError(
            f"the hook took more than {notify.hook_timeout:g} s", final=True
        ) from None
    if process.returncode != 0:
        raise DeliveryError(f"the hook ended with exit code {process.returncode}")


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _home() -> str:
    """Return the user's home: a hook must not find files of a run in its current directory."""
    with contextlib.suppress(RuntimeError):
        home = Path.home()
        if home.is_dir():
            return str(home)
    return "/"
