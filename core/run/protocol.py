"""The protocol of a run: all that its accuracy depends on, but for the method and the seed.

Accuracies compare within one protocol. Plain concatenation on CREMA-D is 51.7 per cent in one paper
of a group and 66.9 in its next: batch, learning rate and frames move more points than most methods
do. So a run's manifest keeps its protocol and a digest of it. Light: this loads no torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from asgml.core.user_file import code_digest, is_target, split_target

if TYPE_CHECKING:
    from asgml.core.config.run_settings import RunSettings
    from asgml.core.config.sections import Section
    from asgml.core.data.base import Dataset
    from asgml.storage.format.fork_record import Fork

OWN_FIELDS = ("counts", "val", "decoding", "sha256")
FOLLOWS = (
    "class_counts",
    "normalisation",
    "missing",
    "groups_shared",
    "groups_shared_val",
    "warnings",
)
WHERE = ("source", "read from", "cache", "unused")
NOT_THE_SPLIT = (*OWN_FIELDS, *FOLLOWS, *WHERE)
"""Facts of a data set that are not in `split`.

They have a field of their own, follow from the others, or are about this computer's disks.
"""
# these texts are part of the digest: reworded, the same protocol would have another one
SELECTION = {
    "end": "test is looked at once",
    "epoch": "test is looked at each time, so best on test is known too",
    "never": "test is never looked at",
}
LATER = {
    "optimizer": (
        "schedule",
        "milestones",
        "min_lr",
        "warmup_epochs",
        "warmup_steps",
        "warmup_factor",
    ),
    "loss": ("label_smoothing", "class_weights"),
    "early_stopping": ("patience", "min_delta"),
}
"""Settings that runs of version 0.2.0 did not have, by section.

Left at their defaults they are not in the protocol, so its digest is that of those runs.
"""
LATER_ALONE = {"mixup": 0.0, "on_nan": "stop"}
"""Such settings outside of any section, with their defaults."""
TRAINS = ("optimizer", "loss")
"""Sections that decide how weights change, whatever the method."""
DIGITS = 12


@dataclass(frozen=True)
class Protocol:
    """The facts that two runs must share for their accuracies to be compared, as JSON values."""

    data: str
    content: str  # SHA-256 of the file where the data is one, else ""
    sizes: Mapping[str, int]  # samples by split
    classes: tuple[str, ...]  # in the order of their numbers
    val: str  # origin of the validation split, with the seed where it was carved from train
    split: Mapping[str, Any]  # other facts of the data set: its fold, its lists
    inputs: Mapping[str, Any]  # modality -> shape, and how it is decoded (frames, audio preset)
    epochs: int
    batch_size: int
    optimizer: Mapping[str, Any]
    network: Mapping[str, Any]  # encoders, frozen ones, fusion
    selection: str
    training: Mapping[str, Any] = field(default_factory=dict)  # of LATER, what is not the default

    def as_json(self) -> dict[str, Any]:
        """Return the fields by name, and the digest."""
        return {**self._fields(), "digest": self.digest}

    @property
    def digest(self) -> str:
        """12 hex digits, the same for the same protocol in any process on any computer."""
        text = json.dumps(self._fields(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]

    def _fields(self) -> dict[str, Any]:
        """Return the fields as JSON values, without `training` where it is empty."""
        known = _plain(asdict(self))
        return known if known["training"] else {k: v for k, v in known.items() if k != "training"}


def protocol_of(config: RunSettings, data: Dataset, fork: Fork | None = None) -> Protocol:
    """Return the protocol of a run. Knobs that are set while it trains are not in it.

    That of a fork tells with what else it was trained before.
    """
    info = data.info
    return Protocol(
        data=data.name,
        content=str(info.get("sha256", "")),
        sizes={name: len(split) for name, split in data.splits.items()},
        classes=tuple(data.classes),
        val=str(info.get("val", "from the data")),
        split={key: value for key, value in info.items() if key not in NOT_THE_SPLIT},
        inputs={m: _input(data, m) for m in data.modalities},
        epochs=config.epochs,
        batch_size=config.batch_size,
        optimizer=config.optimizer.model_dump(mode="json", exclude=set(LATER["optimizer"])),
        network={
            "encoder": {m: describe_encoder(kind) for m, kind in config.encoder.items()},
            "freeze": config.freeze,
            "fusion": config.fusion.model_dump(include={"kind", "hidden"}),
            # left out where all are trained: the digest of such a run stays as it was
            **({"modalities": config.modalities} if config.modalities else {}),
        },
        selection=(
            f"best validation accuracy, every {config.eval.every} epochs; "
            f"{SELECTION[config.eval.test]}"
        ),
        training=_later_settings(config) | _before_fork(fork),
    )


def _before_fork(fork: Fork | None) -> dict[str, Any]:
    """Return the step of a fork and how it was trained up to there, where that was otherwise."""
    changes = fork.changes.items() if fork else ()
    before = {k: change["before"] for k, change in changes if k.partition(".")[0] in TRAINS}
    return {"forked": {"step": fork.step, **before}} if fork and before else {}


def _later_settings(config: RunSettings) -> dict[str, Any]:
    """Return {section: {key: value}} of the settings in LATER that are not the default."""
    alone = {key: getattr(config, key) for key in LATER_ALONE}
    others = {key: value for key, value in alone.items() if value != LATER_ALONE[key]}
    changed = {name: _changed(getattr(config, name), LATER[name]) for name in LATER}
    return {name: values for name, values in changed.items() if values} | others


def _changed(section: Section, keys: Sequence[str]) -> dict[str, Any]:
    ours, default = (each.model_dump(mode="json") for each in (section, type(section)()))
    return {key: ours[key] for key in keys if ours[key] != default[key]}


def describe_encoder(kind: str) -> str:
    """Return the kind, or of a user's own class its name and the digest of its file.

    Where the file lies makes no other protocol.
    """
    if not is_target(kind):
        return kind
    return f"{split_target(kind)[1]}, sha256 {code_digest(kind)}"


def changed_encoder(recorded: Mapping[str, Any], kinds: Mapping[str, str]) -> str | None:
    """Return the first key of `kinds`, {key: kind}, whose file is not the one in the protocol.

    `recorded` is the section `data` of a run's manifest. None where every file of a user's own is
    as it was. Raise UserFileError where one cannot be read.
    """
    began: Any = recorded
    for key in ("protocol", "network", "encoder"):
        found = began.get(key)
        began = found if isinstance(found, Mapping) else {}
    for key, kind in kinds.items():
        if is_target(kind) and began.get(key, kind) != describe_encoder(kind):
            return key
    return None


def _plain(value: Any) -> Any:
    """Return the value as JSON gives it back, so that a stored protocol has the same digest."""
    return json.loads(json.dumps(value, default=str))


def _input(data: Dataset, modality: str) -> dict[str, Any]:
    """Return the shape that the network is given, the decoding, and the augmentation."""
    decoding = data.info.get("decoding", {}).get(modality, {})
    shape = {"shape": list(data.shapes[modality]), **decoding}
    view = data.splits["train"].views.get(modality)
    if not is_dataclass(view) or not fields(view):
        return shape
    settings = {each.name: getattr(view, each.name) for each in fields(view)}
    plain = {
        k: value for k, value in settings.items() if isinstance(value, bool | int | float | str)
    }
    return {**shape, "view": plain}
