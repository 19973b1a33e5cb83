"""The protocol of a run: everything but the method and the seed that its accuracy depends on. Numbers compare within one protocol.

Plain concatenation on CREMA-D is 51.7 per cent in one paper of a group and 66.9 in its next: batch, learning rate and frames move
more points than most methods do. So a run keeps its protocol, and two runs say where theirs differ. Light: this loads no torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asgml.core.config.run_settings import RunSettings
    from asgml.core.data.base import Dataset

OWN_FIELDS = ("counts", "val", "decoding", "sha256")
FOLLOWS = (
    "class_counts",
    "normalisation",
    "missing",
    "groups_shared",
    "groups_shared_val",
    "warnings",
)
WHERE = ("source", "read from", "cache")
NOT_THE_SPLIT = (*OWN_FIELDS, *FOLLOWS, *WHERE)
"""What a data set says of itself that has a field of its own here, follows from the others, or is about this computer's disks."""
SELECTION = {
    "end": "test is looked at once",
    "epoch": "test is looked at each time, so best on test is known too",
    "never": "test is never looked at",
}
DIGITS = 12


@dataclass(frozen=True)
class Protocol:
    """What two runs must share for their accuracies to be compared. All of it is JSON; neither the seed nor the method is in it."""

    data: str
    content: str  # SHA-256 of the file where the data is one, else ""
    sizes: Mapping[str, int]  # samples by split
    classes: tuple[str, ...]  # in the order of their numbers
    val: str  # where the validation split comes from; with its seed where it was carved
    split: Mapping[str, Any]  # what else the data set says of itself: its fold, its lists
    inputs: Mapping[str, Any]  # modality -> shape, and how it is decoded (frames, audio preset)
    epochs: int
    batch_size: int
    optimizer: Mapping[str, Any]
    network: Mapping[str, Any]  # encoders, frozen ones, fusion
    selection: str

    def as_json(self) -> dict[str, Any]:
        """Fields by name, and the digest."""
        return {**_plain(asdict(self)), "digest": self.digest}

    @property
    def digest(self) -> str:
        """The same 12 hex digits for the same protocol, in any process on any computer."""
        text = json.dumps(_plain(asdict(self)), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]

    def differences(self, other: Protocol) -> list[str]:
        """One line for each value that is not the same: `optimizer.lr: 0.001 and 0.002`. Empty within one protocol."""
        mine, its = dict(_leaves(_plain(asdict(self)))), dict(_leaves(_plain(asdict(other))))
        keys = [*mine, *(key for key in its if key not in mine)]
        return [
            f"{key}: {_word(mine, key)} and {_word(its, key)}"
            for key in keys
            if _word(mine, key) != _word(its, key)
        ]


def protocol_of(config: RunSettings, data: Dataset) -> Protocol:
    """The protocol that a run of this configuration on this data has. Knobs that are turned while it trains are not in it."""
    info = data.info
    return Protocol(
        data=data.name,
        content=str(info.get("sha256", "")),
        sizes={part: len(split) for part, split in data.splits.items()},
        classes=tuple(data.classes),
        val=str(info.get("val", "from the data")),
        split={key: value for key, value in info.items() if key not in NOT_THE_SPLIT},
        inputs={m: _input(data, m) for m in data.modalities},
        epochs=config.epochs,
        batch_size=config.batch_size,
        optimizer=config.optimizer.model_dump(mode="json"),
        network={
            "encoder": config.encoder,
            "freeze": config.freeze,
            "fusion": config.fusion.model_dump(include={"kind", "hidden"}),
        },
        selection=f"best validation accuracy, every {config.eval.every} epochs; {SELECTION[config.eval.test]}",
    )


def protocol_from_json(record: Mapping[str, Any]) -> Protocol:
    """What `as_json` wrote. Raises ValueError where a field is missing."""
    names = [field.name for field in fields(Protocol)]
    if absent := [name for name in names if name not in record]:
        raise ValueError(f"a protocol without {', '.join(absent)}: recorded by another version")
    known = {name: record[name] for name in names}
    return Protocol(**{**known, "classes": tuple(known["classes"])})


def _plain(value: Any) -> Any:
    """As JSON has it: a protocol that was stored and read again is the same."""
    return json.loads(json.dumps(value, default=str))


def _input(data: Dataset, modality: str) -> dict[str, Any]:
    """The shape that the network sees, how a sample is decoded, and how training augments it."""
    decoding = data.info.get("decoding", {}).get(modality, {})
    view = data.splits["train"].views.get(modality)
    seen: dict[str, Any] = (
        {one.name: getattr(view, one.name) for one in fields(view)} if is_dataclass(view) else {}
    )
    augmented = (
        {
            "view": {
                name: value
                for name, value in seen.items()
                if isinstance(value, (bool, int, float, str))
            }
        }
        if seen
        else {}
    )
    return {"shape": list(data.shapes[modality]), **decoding, **augmented}


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _word(leaves: Mapping[str, Any], key: str) -> str:
    """A value on one line, whatever was in it; – where there is none."""
    return json.dumps(leaves[key], ensure_ascii=True) if key in leaves else "–"
