"""Records of runs made up for tables of results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asgml.storage.runs.record import Observed, RunRecord
from asgml.storage.runs.settings import flatten

METRIC = "test_accuracy_at_best_val"
PROTOCOL: dict[str, Any] = {
    "data": "speech",
    "content": "ab12",
    "sizes": {"train": 80},
    "classes": ["a", "b"],
    "val": "from the data",
    "split": {},
    "inputs": {"audio": {"shape": [8]}, "visual": {"shape": [16]}},
    "epochs": 20,
    "batch_size": 64,
    "optimizer": {"lr": 0.01},
    "network": {"encoder": {"default": "auto"}, "freeze": [], "fusion": {"kind": "concat"}},
    "selection": "best validation accuracy",
    "training": {},
}


def settings_of(method: str, seed: int, **more: Any) -> dict[str, Any]:
    return flatten({"method": method, "seed": seed, "data": {"name": "speech.npz"}, **more})


def record(
    name: str,
    value: float | None,
    *,
    method: str = "baseline",
    seed: int = 0,
    state: str = "finished",
    started: float = 1.0,
    protocol: dict[str, Any] | None = None,
    on_test: float | None = None,
) -> RunRecord:
    """Return the record of a run that reached `value`; None where it recorded nothing."""
    fields = {**PROTOCOL, **(protocol or {})}
    fields["digest"] = str(abs(hash(str(fields))))[:12]
    columns = {METRIC: value, "best_on_test_accuracy": on_test}
    return RunRecord(
        path=Path("/runs") / name,
        name=name,
        state=state,
        settings=settings_of(method, seed),
        metrics={
            column: Observed(last, last, 1, "high", "epochs")
            for column, last in columns.items()
            if last is not None
        },
        chosen={},
        started=started,
        method=method,
        seed=seed,
        protocol=fields["digest"],
        summary={"protocol_fields": fields},
    )
