"""Everything read of a run so far: manifest, rows, events and log lines up to the same mark."""

from __future__ import annotations

from typing import Any

from asgml.storage.format.errors import FormatError
from asgml.storage.format.manifest import Manifest, manifest_from_json
from asgml.storage.format.metrics import AXES, TABLES
from asgml.storage.format.status import TEXTS, Head
from asgml.storage.format.typed import is_names
from asgml.storage.read.changes import with_changes
from asgml.storage.read.history import History
from asgml.storage.read.store_reader import StoreReader
from asgml.storage.read.table import Table


class RunContents:
    """The contents of a run; `follow` adds to them. `manifest` and `head` are None at first.

    `manifest` has the settings that the run goes on with where a resume has changed them.
    """

    def __init__(self, store: StoreReader) -> None:
        self.store = store
        self._disk_problem = ""
        self._clear()

    def _clear(self) -> None:
        self.manifest: Manifest | None = None
        self.head: Head | None = None
        self.tables: dict[str, Table] = {}
        self.history = History()
        self.log_lines: list[str] = []
        self.log_rest = b""
        self._bytes = dict.fromkeys(TEXTS, 0)
        self.store.forget()

    @property
    def problems(self) -> list[str]:
        """The pieces that could not be read, one line each."""
        return self.store.problems + ([self._disk_problem] if self._disk_problem else [])

    def follow(self) -> bool:
        """Read what the head has published since the last call.

        Return True if anything may have changed. Raise FormatError where the store is no run; a
        disk that is out of reach for a moment is a problem as long.
        """
        before, self._disk_problem = self._disk_problem, ""
        try:
            return self._follow_head() or before != ""
        except OSError as error:
            reason = f"{type(error).__name__}: {error.strerror or error}"
            self._disk_problem = f"cannot read {self.store.path}: {reason}"
            return self._disk_problem != before

    def _follow_head(self) -> bool:
        head = self.store.head()
        if head is None or head == self.head:
            return False
        if self.head is not None and _is_another_run(head, self.head):
            self._clear()
        if self.manifest is None and not self._read_manifest():
            return False
        self._read_up_to(head)
        self.head = head
        return True

    def _read_manifest(self) -> bool:
        attributes = self.store.attributes()
        if attributes is None:
            return False
        self.manifest = manifest_from_json(attributes)
        recorded = attributes.get("tables")
        self.tables = {
            str(table): Table(_columns_of(table, recorded, self.manifest)) for table in TABLES
        }
        return True

    def _read_up_to(self, head: Head) -> None:
        have = {**{table: len(rows) for table, rows in self.tables.items()}, **self._bytes}
        published = {**head.rows, **head.text_bytes}
        # everything is read before anything is shown: an error in between shows no half of it
        new = {
            name: self.store.read(name, have[name], upto, self.tables.get(name))
            for name, upto in published.items()
            if upto > have[name]
        }
        for name, entries in new.items():
            if entries is None:
                continue
            if name in self.tables:
                self.tables[name].extend(entries)
            else:
                self._add_text(name, entries.tobytes())

    def _add_text(self, text: str, content: bytes) -> None:
        self._bytes[text] += len(content)
        if text == "events":
            known = len(self.history.events)
            self.history.extend(content)
            if self.manifest is not None:
                self.manifest = with_changes(self.manifest, self.history.events[known:])
        else:
            *lines, self.log_rest = (self.log_rest + content).split(b"\n")
            self.log_lines += [line.decode("utf-8", errors="replace") for line in lines]


def _columns_of(table: str, recorded: object, manifest: Manifest) -> list[str]:
    """Return the columns as recorded, whatever the table of metrics has become since."""
    if recorded is None:
        return manifest.columns(table)
    columns: Any = recorded.get(table) if isinstance(recorded, dict) else None
    if not is_names(columns) or tuple(columns[: len(AXES)]) != AXES:
        raise FormatError(
            f"the manifest names no columns of {table} that begin with {', '.join(AXES)}"
        )
    return list(columns)


def _is_another_run(new: Head, old: Head) -> bool:
    """Return True where the directory was removed and made again under the same name."""
    entries = {**old.rows, **old.text_bytes}
    shorter = any(count < entries[name] for name, count in {**new.rows, **new.text_bytes}.items())
    other_process = (new.pid, new.process_start) != (old.pid, old.process_start)
    return new.seq <= old.seq or shorter or (other_process and new.segment <= old.segment)
