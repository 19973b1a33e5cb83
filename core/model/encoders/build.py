"""The encoder of a modality, by kind or by the shape of its samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from asgml.core.model.encoders.base import Encoder
from asgml.core.model.encoders.convolutional import Conv, ResNet18
from asgml.core.model.encoders.mlp import Mlp
from asgml.core.model.encoders.sequence import Sequence
from asgml.core.model.encoders.transformer import Transformer
from asgml.core.model.encoders.user_encoder import make_user_encoder
from asgml.core.user_file import is_target

KINDS: Mapping[str, Callable[[tuple[int, ...]], Encoder]] = {
    "resnet18": ResNet18,
    "conv": Conv,
    "sequence": Sequence,
    "transformer": Transformer,
    "mlp": Mlp,
}


def make_encoder(kind: str, shape: tuple[int, ...]) -> Encoder:
    """Return a new encoder for samples of `shape`.

    `kind` is one of KINDS, "auto" for the suitable one, or a user's own FILE.py:CLASS. Raise
    EncoderError where kind and shape do not fit.
    """
    if is_target(kind):
        return make_user_encoder(kind, shape)
    return KINDS[suitable(shape) if kind == "auto" else kind](shape)


def suitable(shape: tuple[int, ...]) -> str:
    """Return the kind that suits samples of `shape`.

    (D,) is a vector: mlp. (T, F) is a sequence, or a spectrogram where both sides have 32 bins or
    more. Images and spectrograms take ResNet18 from 128 pixels a side, of which it leaves 4 (it
    divides each side by 32), and the small net below.
    """
    if len(shape) == 1:
        return "mlp"
    if len(shape) == 2 and min(shape) < 32:
        return "sequence"
    return "resnet18" if min(shape[-2:]) >= 128 else "conv"
