"""An encoder of the user's own: `--set encoder.audio=mine.py:Mine`.

    class Mine(nn.Module):
        def __init__(self, shape):     # of one sample, without the batch
            super().__init__()
            self.features = 64         # D

        def forward(self, x):          # (B, *shape) -> (B, D)
            ...

Parameters that do not require a gradient stay as they are; `freeze` freezes all of them. An
attribute `kernel_rule` says which parameters methods for convolution kernels act on (see Encoder);
without it those are the convolutions' kernels, or where it has none all matrices.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from asgml.core.model.encoders.base import Encoder, EncoderError, KernelRule
from asgml.core.user_file import UserFileError, error_in_file, load_class

RULES = ("conv4d", "ndim2", "all")


class UserEncoder(Encoder):
    """A user's network as an encoder."""

    def __init__(
        self, target: str, network: nn.Module, features: int, kernel_rule: KernelRule
    ) -> None:
        super().__init__()
        self.target = target
        self.network = network
        self.features = features
        self.kernel_rule = kernel_rule

    def forward(self, inputs: Tensor) -> Tensor:
        return cast(Tensor, self.network(inputs))


def make_user_encoder(target: str, shape: tuple[int, ...]) -> UserEncoder:
    """Return the encoder that FILE.py:CLASS makes for samples of `shape`.

    Raise EncoderError with the reason where it makes none.
    """
    try:
        network = load_class(target)(shape)
    except UserFileError as error:
        raise EncoderError(f"encoder {error}") from error
    except Exception as error:  # the user's code may raise anything
        raise EncoderError(
            f"encoder {target!r} cannot be made for samples of shape {shape}: "
            f"{error_in_file(error, target)}"
        ) from error
    if not isinstance(network, nn.Module):
        raise EncoderError(
            f"encoder {target!r} is a {type(network).__name__}; expected a torch.nn.Module"
        )
    features = getattr(network, "features", None)
    if not isinstance(features, int) or features < 1:
        given = "no `features`" if features is None else f"features = {type(features).__name__}"
        if isinstance(features, int):
            given = f"features = {features}"
        raise EncoderError(
            f"encoder {target!r} has {given}; expected the number D of its outputs (B, D)"
        )
    return UserEncoder(target, network, features, _rule_of(target, network))


def _rule_of(target: str, network: nn.Module) -> KernelRule:
    has_convolutions = any(parameter.dim() == 4 for parameter in network.parameters())
    rule = getattr(network, "kernel_rule", "conv4d" if has_convolutions else "ndim2")
    if rule not in RULES:
        raise EncoderError(
            f"encoder {target!r} has kernel_rule = {rule!r}; expected one of {', '.join(RULES)}"
        )
    return cast(KernelRule, rule)


@torch.no_grad()
def try_encoder(modality: str, encoder: UserEncoder, inputs: Tensor) -> None:
    """Raise EncoderError where samples (B, …) do not become finite float32 features (B, D).

    Nothing is drawn from torch's generators, and no statistics change.
    """
    training = {module: module.training for module in encoder.modules()}
    devices = [inputs.device] if inputs.device.type == "cuda" else []
    given = f"the encoder of {modality!r}, given {tuple(inputs.shape)} of {inputs.dtype},"
    with torch.random.fork_rng(devices):
        try:
            found = encoder.eval()(inputs)
        except Exception as error:  # the user's code may raise anything
            raise EncoderError(f"{given} fails: {error_in_file(error, encoder.target)}") from error
        finally:
            for module, mode in training.items():
                module.training = mode
    expected = (len(inputs), encoder.features)
    if not isinstance(found, Tensor) or tuple(found.shape) != expected:
        shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise EncoderError(f"{given} returns {shape}; expected {expected}, its `features` last")
    if found.dtype != torch.float32:
        raise EncoderError(f"{given} returns {found.dtype}; expected torch.float32: use .float()")
    if not found.isfinite().all():
        raise EncoderError(f"{given} returns numbers that are not finite")
