"""An encoder of your own: torchvision's ResNet18 with weights from a file, fine-tuned.

    asgml train --data examples/my_data.py:Postcards \\
        --set encoder.image=examples/my_image_encoder.py:ResNet

Put the weights beside this file as resnet18.pt: `torch.save(network.state_dict(), "resnet18.pt")`,
or the file that torchvision's `resnet18(weights="DEFAULT")` downloads. `--set freeze=image` keeps
them as they are.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models import resnet18

WEIGHTS = Path(__file__).with_name("resnet18.pt")


class ResNet(nn.Module):
    """ResNet18 without its classifier."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        if len(shape) != 3 or shape[0] != 3:
            raise ValueError(f"ResNet18 takes images (3, H, W), not {shape}")
        self.network = resnet18()
        # weights_only: a file of weights must not be able to run code
        self.network.load_state_dict(torch.load(WEIGHTS, weights_only=True))
        self.features = self.network.fc.in_features  # 512: the width of what forward returns
        self.network.fc = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """Return (B, 512) of images (B, 3, H, W) from 0 to 1."""
        mean = images.new_tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
        std = images.new_tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
        features: Tensor = self.network((images - mean) / std)
        return features
