"""The multimodal model: encoders, fusion and the optimizer of its parameters."""
