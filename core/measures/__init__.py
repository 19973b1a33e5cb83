"""Measures of a training: task and loss, evaluation, probes, Shapley values, gradients."""
