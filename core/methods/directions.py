"""Rows of the methods that replace the encoders' gradients. Light: loads no torch."""

from __future__ import annotations

from inspect import cleandoc

from asgml.core.methods.knobs import number, ramp_option, window_knobs
from asgml.core.methods.spec import (
    ADDS_UNIMODAL_LOSSES,
    REPLACES_GRADIENTS,
    RULES_JOINT_LOSS,
    TRAINS_ENCODERS_APART,
    Method,
)

# Rows are a table, aligned by hand.
# fmt: off
MMPARETO = Method(
    axis="gradient direction",
    name="mmpareto", target="asgml.core.modulators.mmpareto:MMPareto",
    acts="loss and after backward",
    summary="give each encoder the gradient that serves the joint and its own loss alike",
    source="Wei and Hu, MMPareto: Boosting Multimodal Learning with Innocent Unimodal Assistance, "
           "ICML 2024",
    formula=cleandoc("""
        L       = L_task + sum_m CE(z_m, y)
        g0, g1  = gradients of L_task and of CE(z_m, y) in encoder m
        k0, k1  = 1/2, 1/2 if cos(g0, g1) > 0, else the minimum-norm point of the two:
                  k0 + k1 = 1, |k0 g0 + k1 g1| smallest
        d       = 2 k0 g0 + 2 k1 g1
        g_m    <- gamma * d * max(1, |g0 + g1| / |d|)               tensor by tensor
    """),
    needs="unimodal logits",
    knobs=(
        number("mmpareto.gamma", 1.5, 0, 5, 0.1, "factor of every encoder's new gradient"),
        *window_knobs("mmpareto"),
    ),
    options=(ramp_option("mmpareto"),),
    exclusive=(
        REPLACES_GRADIENTS, ADDS_UNIMODAL_LOSSES, TRAINS_ENCODERS_APART, RULES_JOINT_LOSS,
    ),
    unimodal_loss=True,
)

INFOREG = Method(
    axis="gradient direction",
    name="inforeg", target="asgml.core.modulators.inforeg:InfoReg", acts="after backward",
    summary="hold the modality that is ahead near its weights at the epoch's beginning, "
            "while it takes in much",
    source="Huang et al., Adaptive Unimodal Regulation for Balanced Multimodal Information "
           "Acquisition, CVPR 2025",
    formula=cleandoc("""
        F_m(t) = sum over the steps of epoch t of |g_m|^2           trace of the Fisher information
        open_m = (F_m(t-1) - F_m(t-2)) / F_m(t-1) > threshold       in epoch t; open in 0 and 1
        s_m    = sum_i softmax(z_m)_i[y_i];  gap = s_ahead - s_behind
        g_m   <- g_m + scale * exp(beta * tanh(gap)) * (theta_m - theta_m at the epoch's start)
                                                                    where m is ahead and open
    """),
    needs="two modalities",
    knobs=(
        number("inforeg.scale", 1.0, 0, 5, 0.05,
               "factor of the pull "
               "(published code 0.95 where audio is ahead, 0.1 where visual is)"),
        number("inforeg.beta",  1.0, 0, 5, 0.1,
               "how much the pull grows with the gap: exp(beta * tanh(gap))"),
        *window_knobs("inforeg"),
    ),
    options=(
        number("inforeg.threshold", 0.04, -1, 1, None,
               "least relative growth of the Fisher trace in the window "
               "(published 0.04, code 0.05)"),
        ramp_option("inforeg"),
    ),
    exclusive=(REPLACES_GRADIENTS,), modalities=2, class_scores="",
)
# fmt: on
