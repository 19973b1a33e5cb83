"""The runs of a folder, read by a thread of their own: records, and the lists made of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter, is_
from pathlib import Path

from textual.message import Message

from asgml.storage.format.safe_text import safe
from asgml.storage.runs.groups import RunGroup, digest_of, group_records
from asgml.storage.runs.record import RunRecord
from asgml.storage.runs.trials import without_trials
from asgml.tui.messages import Notification, PlanChanged, RunsListed, Severity
from asgml.tui.scene.run_listing import RunListing, build_listing
from asgml.tui.scene.run_sorting import ListOptions
from asgml.tui.session.plan_watch import PlanWatch
from asgml.tui.session.reader_thread import ReaderThread
from asgml.tui.session.reading_count import ReadingCount

_SHARE = 8
"""The time between two readings is at least so many times what a reading takes."""
_NEVER = 3600.0


class RunTable:
    """The records of a folder of runs. Public methods may be called from any thread.

    `post` takes the messages for the screens; only what has changed is posted.
    """

    def __init__(self, folder: Path, post: Callable[[Message], object]) -> None:
        self.folder = folder
        self._post = post
        self._thread = ReaderThread(self._poll, self._pause, self._report)
        self._records: list[RunRecord] | None = None
        self._options: ListOptions | None = None
        self._made_of: tuple[list[RunRecord] | None, ListOptions | None] = (None, None)
        self._grouped: tuple[list[RunRecord], list[RunGroup]] | None = None
        self._digests = KnownDigests()
        self._plan: PlanWatch | None = None
        self._every: float | None = None
        self._due = False
        self._next = 0.0

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._thread.close()

    def refresh(self) -> None:
        """Read the runs, unless they were just read."""

        def job() -> None:
            self._due = time.monotonic() >= self._next

        self._thread.submit(job)

    def look(self, every: float | None) -> None:
        """Read now, and again every so many seconds; with None only when asked."""

        def job() -> None:
            self._every, self._due = every, every is not None

        self._thread.submit(job)

    def show(self, options: ListOptions | None) -> None:
        """Post the listing that these choices make of the records; with None the records alone."""

        def job() -> None:
            self._options = options

        self._thread.submit(job)

    def follow_plan(self, folder: Path | None) -> None:
        """Post the state of a plan from now on, as often as something changes in it."""

        def job() -> None:
            self._plan, self._due = (None if folder is None else PlanWatch(folder)), True

        self._thread.submit(job)

    def change(self, job: Callable[[], str]) -> None:
        """Run a change of runs in the thread, read them anew, and show the text that it returns.

        OSError and ValueError are shown to the user.
        """

        def attempt() -> None:
            self._due = True
            try:
                self._notify(job())
            except (OSError, ValueError) as error:
                self._notify(str(error), "error")

        self._thread.submit(attempt)

    # the reading thread

    def _pause(self) -> float:
        if self._every is None:
            return _NEVER
        return max(self._next - time.monotonic(), 0.01)

    def _poll(self) -> None:
        if self._due or (self._every is not None and time.monotonic() >= self._next):
            self._read()
        self._publish()

    def _read(self) -> None:
        # imports numpy and sqlite: never before the first frame is painted
        from asgml.storage.runs.index import read_records

        begin = time.monotonic()
        self._due = False
        try:
            count = ReadingCount(self._post)
            found = read_records(self.folder, archived=True, on_progress=count)
        finally:
            end = time.monotonic()
            self._next = end + max(self._every or 0.0, _SHARE * (end - begin))
        self._records = known_records(found, [] if self._records is None else self._records)

    def _publish(self) -> None:
        """Post the list, and the plan, where records or choices are others than before."""
        records, options = made_of = (self._records, self._options)
        if records is None:
            return
        if records is not self._made_of[0] or options != self._made_of[1]:
            self._made_of = made_of
            archived = options is not None and options.archived
            current = [record for record in records if archived or not record.labels.archived]
            shown = current if options and options.trials else without_trials(current)
            hidden = len(current) - len(shown)
            listing = None if options is None else self._listing(shown, options, hidden)
            self._post(RunsListed(tuple(shown), listing))
        if self._plan is not None and (progress := self._plan.progress(records)) is not None:
            self._post(PlanChanged(progress))

    def _listing(self, shown: list[RunRecord], options: ListOptions, trials: int) -> RunListing:
        """Return the listing; the groups of the same runs are made once."""
        if self._grouped is None or not _same(self._grouped[0], shown):
            self._grouped = shown, group_records(shown, self._digests.of)
        return replace(build_listing(shown, options, self._grouped[1]), trials=trials)

    def _report(self, problem: str) -> None:
        self._records = []
        self._made_of = (self._records, self._options)
        options = self._options or ListOptions()
        self._post(RunsListed((), RunListing(options, problem=problem, loaded=True)))

    def _notify(self, text: str, severity: Severity = "information") -> None:
        if text:
            self._post(Notification(safe(text), severity))


class KnownDigests:
    """The digests of the groups of runs, each computed once."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[RunRecord, str]] = {}

    def of(self, record: RunRecord) -> str:
        """Return the digest of the settings of a run; those of a run do not change."""
        known = self._known.get(record.path)
        if known is None or known[0].started != record.started:
            known = self._known[record.path] = record, digest_of(record)
        return known[1]


def known_records(found: list[RunRecord], before: list[RunRecord]) -> list[RunRecord]:
    """Return the records found, those that have not changed as the objects of before.

    Their settings and metrics have been decoded already. Where none has changed, the list is the
    one of before.
    """
    known = {record.path: record for record in before}
    kept = [
        old if (old := known.get(record.path)) and _mark(old) == _mark(record) else record
        for record in found
    ]
    return before if _same(kept, before) else kept


def _same(some: list[RunRecord], others: list[RunRecord]) -> bool:
    """Return True for the same objects in the same order."""
    return len(some) == len(others) and all(map(is_, some, others))


_mark = attrgetter("state", "step", "updated", "started", "total_steps", "labels", "problems")
"""What is not the same any more once a run has published or was labelled."""
