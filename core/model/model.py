"""The multimodal model: one encoder per modality and a fusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from torch import Tensor, nn

from asgml.core.model.encoder import Encoder
from asgml.core.model.encoders import make_encoder
from asgml.core.model.fusion import Fusion, make_fusion
from asgml.core.types import Batch, Forward, ParameterGroup


class ModelError(ValueError):
    """A model whose parts do not fit a method. One line for a person."""


class MultimodalModel(nn.Module):
    """Encoders and fusion. Modalities are known by position, so that any name a data set gives them will do."""

    def __init__(self, encoders: Mapping[str, Encoder], fusion: Fusion) -> None:
        super().__init__()
        self.modalities = tuple(encoders)
        self._encoders = nn.ModuleList(encoders.values())
        self.fusion = fusion

    @property
    def encoders(self) -> dict[str, Encoder]:
        return {
            modality: cast(Encoder, encoder)
            for modality, encoder in zip(self.modalities, self._encoders, strict=True)
        }

    def forward(self, batch: Batch) -> Forward:
        return self.join(batch, self.encode(batch.inputs), batch.labels)

    def encode(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Features of each modality, {m: (B, D)}."""
        return {modality: encoder(inputs[modality]) for modality, encoder in self.encoders.items()}

    def join(self, batch: Batch, features: Mapping[str, Tensor], labels: Tensor) -> Forward:
        """Logits from features: fused, and each modality's own."""
        return Forward(
            batch,
            features,
            self.fusion.fuse(features),
            self.fusion.unimodal_logits(features),
            labels,
        )

    def freeze(self, modalities: Sequence[str]) -> None:
        """These encoders keep their weights. Raises ModelError for an unknown modality."""
        for modality in modalities:
            if modality not in self.encoders:
                raise ModelError(
                    f"freeze names {modality!r}: the data has {', '.join(self.modalities)}"
                )
            self.encoders[modality].freeze()

    @property
    def frozen(self) -> list[str]:
        """The modalities whose encoders have parameters, and none to train."""
        every = {
            m: [parameter.requires_grad for parameter in encoder.parameters()]
            for m, encoder in self.encoders.items()
        }
        return [m for m, trainable in every.items() if trainable and not any(trainable)]

    def parameter_groups(self, rule: str = "auto") -> dict[str, ParameterGroup]:
        """Each encoder's trainable parameters, found by structure.

        Empty for a frozen encoder. Raises ModelError where another has no parameter to modulate, or where two encoders share one.
        """
        groups = {
            modality: encoder.parameter_group(rule) for modality, encoder in self.encoders.items()
        }
        for modality, group in groups.items():
            if not group.kernels and modality not in self.frozen:
                raise ModelError(
                    f"the encoder of {modality!r} has no parameters of rule {rule}: a method would touch nothing; use params=all"
                )
        parameters = [
            parameter for group in groups.values() for parameter in group.kernels + group.others
        ]
        if len({id(parameter) for parameter in parameters}) < len(parameters):
            raise ModelError(
                "two encoders share parameters: their gradients cannot be scaled apart; give each modality its own encoder"
            )
        return groups


def make_model(
    shapes: Mapping[str, tuple[int, ...]],
    outputs: int,
    encoder: Mapping[str, str],
    fusion_kind: str,
    hidden: int,
    alone: str,
) -> MultimodalModel:
    """A model for samples of these shapes, {modality: shape without B}, with so many outputs. Raises EncoderError or ModelError."""
    unknown = set(encoder) - set(shapes) - {"default"}
    if unknown:
        raise ModelError(
            f"encoder for unknown modality {sorted(unknown)[0]!r}: the data has {', '.join(shapes)}"
        )
    default = encoder.get("default", "auto")
    encoders = {
        modality: make_encoder(encoder.get(modality, default), shape)
        for modality, shape in shapes.items()
    }
    widths = {modality: made.features for modality, made in encoders.items()}
    return MultimodalModel(encoders, make_fusion(fusion_kind, hidden, alone, widths, outputs))
