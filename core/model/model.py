"""The multimodal model: one encoder per modality and a fusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from torch import Tensor, nn

from asgml.core.model.encoders.base import Encoder
from asgml.core.model.encoders.build import make_encoder
from asgml.core.model.fusion.base import Fusion
from asgml.core.model.fusion.build import make_fusion
from asgml.core.types import Batch, Forward, ParameterGroup


class ModelError(ValueError):
    """A model that does not fit its data or a method. The message is one line."""


class MultimodalModel(nn.Module):
    """Encoders and a fusion."""

    def __init__(self, encoders: Mapping[str, Encoder], fusion: Fusion) -> None:
        super().__init__()
        self.modalities = tuple(encoders)
        # By position and not by name: nn.ModuleDict refuses names such as "type" or "a.b".
        self._encoders = nn.ModuleList(encoders.values())
        self.fusion = fusion

    @property
    def encoders(self) -> dict[str, Encoder]:
        """The encoder of each modality, {m: encoder}."""
        pairs = zip(self.modalities, self._encoders, strict=True)
        return {modality: cast(Encoder, encoder) for modality, encoder in pairs}

    def forward(self, batch: Batch) -> Forward:
        return self.join(batch, self.encode_batch(batch), batch.labels)

    def encode_batch(self, batch: Batch) -> dict[str, Tensor]:
        """Return the features of each modality, {m: (B, D)}, zero where it is masked."""
        features = self.encode(batch.inputs)
        if batch.present is None:
            return features
        absent = {m: ~present.unsqueeze(1) for m, present in batch.present.items()}
        return {m: feature.masked_fill(absent[m], 0.0) for m, feature in features.items()}

    def encode(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the features of each modality, {m: (B, D)}."""
        return {modality: encoder(inputs[modality]) for modality, encoder in self.encoders.items()}

    def join(
        self,
        batch: Batch,
        features: Mapping[str, Tensor],
        labels: Tensor,
        joint: Mapping[str, Tensor] | None = None,
    ) -> Forward:
        """Return the forward pass from features on: fused logits and unimodal logits.

        The fused logits come from `joint` where it is given, from `features` else.
        """
        fused = self.fusion.fuse(features if joint is None else joint)
        return Forward(batch, features, fused, self.fusion.unimodal_logits(features), labels)

    def freeze(self, modalities: Sequence[str]) -> None:
        """Keep the weights of these encoders. Raise ModelError for an unknown modality."""
        for modality in modalities:
            if modality not in self.encoders:
                raise ModelError(
                    f"freeze names {modality!r}: the data has {', '.join(self.modalities)}"
                )
            self.encoders[modality].freeze()

    @property
    def frozen(self) -> list[str]:
        """The modalities whose encoders have parameters, but none that trains."""
        trainable = {
            m: [parameter.requires_grad for parameter in encoder.parameters()]
            for m, encoder in self.encoders.items()
        }
        return [m for m, flags in trainable.items() if flags and not any(flags)]

    def parameter_groups(self, rule: str = "auto") -> dict[str, ParameterGroup]:
        """Return the trainable parameters of each encoder, and its part of the head.

        A frozen encoder has no trainable ones.

        Raise ModelError where an encoder has no kernels by this rule, or two share parameters.
        """
        parts = self.fusion.parts()
        groups = {
            m: replace(encoder.parameter_group(rule), head=parts.get(m, ()))
            for m, encoder in self.encoders.items()
        }
        for modality, group in groups.items():
            if not group.kernels and modality not in self.frozen:
                raise ModelError(
                    f"the encoder of {modality!r} has no parameters of rule {rule}: "
                    "a method would touch nothing; use params=all"
                )
        _refuse_shared(groups)
        return groups


def make_model(
    shapes: Mapping[str, tuple[int, ...]],
    outputs: int,
    encoder: Mapping[str, str],
    fusion_kind: str,
    hidden: int,
    unimodal: str,
) -> MultimodalModel:
    """Return a new model for samples of these shapes, {m: shape without B}.

    `encoder` is {modality: kind} with an entry "default"; the last three are the section `fusion`
    of the configuration. Raise EncoderError, FusionError or ModelError where they do not fit.
    """
    unknown = set(encoder) - set(shapes) - {"default"}
    if unknown:
        raise ModelError(
            f"encoder for unknown modality {sorted(unknown)[0]!r}: the data has {', '.join(shapes)}"
        )
    default = encoder.get("default", "auto")
    # Encoders first, then the fusion: the order in which they draw their weights from the seed.
    encoders = {m: make_encoder(encoder.get(m, default), shape) for m, shape in shapes.items()}
    widths = {m: made.features for m, made in encoders.items()}
    return MultimodalModel(encoders, make_fusion(fusion_kind, hidden, unimodal, widths, outputs))


def _refuse_shared(groups: Mapping[str, ParameterGroup]) -> None:
    parameters = [
        parameter for group in groups.values() for parameter in group.kernels + group.others
    ]
    if len({id(parameter) for parameter in parameters}) < len(parameters):
        raise ModelError(
            "two encoders share parameters: their gradients cannot be scaled apart; "
            "give each modality its own encoder"
        )
