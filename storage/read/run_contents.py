"""What was read of a run so far: its manifest, the rows of its tables, its events and log lines, all up to the same mark."""

from __future__ import annotations

from asgml.storage.format.manifest import FormatError, Manifest, manifest_from_json
from asgml.storage.format.metrics import AXES, TABLES
from asgml.storage.format.status import TEXTS, Head
from asgml.storage.read.history import History
from asgml.storage.read.store_reader import StoreReader
from asgml.storage.read.table import Table


class RunContents:
    """Grows by `follow`. Empty until the trainer has opened the store: then `manifest` and `head` are None."""

    def __init__(self, store: StoreReader) -> None:
        self.store = store
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

    def follow(self) -> bool:
        """Reads what the head has published since the last time. True if it has moved."""
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
        self.tables = {
            str(table): Table(self._columns_of(table, attributes.get("tables"))) for table in TABLES
        }
        return True

    def _columns_of(self, table: str, recorded: object) -> list[str]:
        """As the run was recorded, whatever the table of metrics has become since."""
        assert self.manifest is not None
        columns = (
            recorded.get(table) if isinstance(recorded, dict) else self.manifest.columns(table)
        )
        if not isinstance(columns, list) or tuple(columns[: len(AXES)]) != AXES:
            raise FormatError(
                f"the manifest names no columns of {table} that begin with {', '.join(AXES)}"
            )
        return columns

    def _read_up_to(self, head: Head) -> None:
        """All tables and texts up to the same mark: first everything is read, then everything is shown."""
        have = {**{table: len(rows) for table, rows in self.tables.items()}, **self._bytes}
        published = {**head.rows, **head.text_bytes}
        new = {
            name: self.store.read(name, have[name], upto)
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
            self.history.extend(content)
        else:
            *lines, self.log_rest = (self.log_rest + content).split(b"\n")
            self.log_lines += [line.decode("utf-8", errors="replace") for line in lines]


def _is_another_run(new: Head, old: Head) -> bool:
    """The directory holds another run than before: it was removed and made again under the same name."""
    entries = {**old.rows, **old.text_bytes}
    shorter = any(count < entries[name] for name, count in {**new.rows, **new.text_bytes}.items())
    other_process = (new.pid, new.process_start) != (old.pid, old.process_start)
    return new.seq <= old.seq or shorter or (other_process and new.segment <= old.segment)
