"""Encoders: one network per modality, from its input to a feature vector (B, D)."""
