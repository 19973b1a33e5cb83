"""An encoder of your own: a Hugging Face text model from a local folder (needs transformers).

    asgml train --data examples/my_data.py:Postcards --set data.options.tokens=true \\
        --set encoder.text=examples/my_text_encoder.py:TextModel

Put the model beside this file in the folder text_model: `model.save_pretrained("text_model")`.
Nothing is downloaded. `--set freeze=text` keeps its weights; otherwise it is fine-tuned.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn
from transformers import AutoModel

FOLDER = Path(__file__).with_name("text_model")
PADDING = 0


class TextModel(nn.Module):
    """The mean of the last hidden states over the tokens that are no padding."""

    kernel_rule = "ndim2"  # methods for convolution kernels act on all matrices

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        if len(shape) != 1:
            raise ValueError(f"a text is (T,) tokens, not {shape}")
        self.model = AutoModel.from_pretrained(FOLDER, local_files_only=True)
        self.features = self.model.config.hidden_size

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (B, D) of tokens (B, T)."""
        present = (tokens != PADDING).long()
        # where all is padding, as in the zeros that stand for a missing modality, all counts
        present = present + (present.sum(dim=1, keepdim=True) == 0).long()
        states = self.model(input_ids=tokens, attention_mask=present).last_hidden_state
        weights = present.unsqueeze(2).to(states.dtype)
        mean: Tensor = (states * weights).sum(dim=1) / weights.sum(dim=1)
        return mean
