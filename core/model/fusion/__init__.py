"""Fusions: from the features of all modalities to fused and unimodal logits."""
