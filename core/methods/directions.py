"""Rows of the methods that replace the encoders' gradients. Light: loads no torch."""

from __future__ import annotations

from inspect import cleandoc

from asgml.core.methods.knobs import choice, number, ramp_option, window_knobs
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
    source=cleandoc("""
        Wei and Hu, MMPareto: Boosting Multimodal Learning with Innocent Unimodal Assistance,
        ICML 2024
        code:  GeWu-Lab/MMPareto_ICML2024, code/MMPareto.py: cosine from line 149 on,
               gradients from line 181 on; heads of their own in code/models/models.py line 155
    """),
    formula=cleandoc("""
        L       = L_task + sum_m CE(z_m, y)
        g0, g1  = gradients of L_task and of CE(z_m, y) in encoder m
        k0, k1  = 1/2, 1/2 if cos(g0, g1) > 0, else the minimum-norm point of the two:
                  k0 + k1 = 1, |k0 g0 + k1 g1| smallest
        d       = 2 k0 g0 + 2 k1 g1
        g_m    <- gamma * d * max(1, |g0 + g1| / |d|)               tensor by tensor
    """),
    needs="heads of their own for the unimodal logits, which it sets unless fusion.alone is given",
    knobs=(
        number("mmpareto.gamma", 1.5, 0, 5, 0.1, "factor of every encoder's new gradient"),
        *window_knobs("mmpareto"),
    ),
    options=(ramp_option("mmpareto"),),
    exclusive=(
        REPLACES_GRADIENTS, ADDS_UNIMODAL_LOSSES, TRAINS_ENCODERS_APART, RULES_JOINT_LOSS,
    ),
    unimodal_loss=True, published={"": {"fusion.alone": "heads"}},
)

INFOREG = Method(
    axis="gradient direction",
    name="inforeg", target="asgml.core.modulators.inforeg:InfoReg", acts="after backward",
    summary="hold the modality that is ahead near its weights at the epoch's beginning, "
            "while it takes in much",
    source=cleandoc("""
        Huang et al., Adaptive Unimodal Regulation for Balanced Multimodal Information
        Acquisition, CVPR 2025
        code:  GeWu-Lab/InfoReg_CVPR2025, main.py: window from line 237 on, pull from line 465 on,
               traces from lines 501 and 569 on; the default, released for the published numbers
        paper: the trace of each encoder opens its own window
    """),
    formula=cleandoc("""
        s_m    = sum_i softmax(z_m)_i[y_i];  gap = s_ahead - s_behind
        g_m   <- g_m + scale * exp(beta * tanh(gap)) * (theta_m - theta_m at the epoch's start)
                                                                    where m is ahead and open
        paper: F_m(t) = sum over the steps of epoch t of |g_m|^2    trace of the Fisher information
               open_m = (F_m(t-1) - F_m(t-2)) / F_m(t-1) > threshold       open in epochs 0 and 1
        code:  F_m(t) = sum over steps and layers of mean(g_m^2)    weights only, after the pull
               S(t)   = F of the first modality over the ten epochs before t
               open   = (S(t) - S(t-1)) / S(t) > threshold          both alike; open in 0 to 10
               scale  times 0.95 where the first modality is ahead, 0.1 where the second is
    """),
    needs="two modalities, for variant=code audio first; the released script adds the unimodal "
          "losses of the split: loss.gamma=1",
    knobs=(
        number("inforeg.scale", 1.0, 0, 5, 0.05,
               "factor of the pull (variant=code: times 0.95 where the first modality is ahead, "
               "0.1 where the second is)"),
        number("inforeg.beta",  1.0, 0, 5, 0.1,
               "how much the pull grows with the gap: exp(beta * tanh(gap))"),
        *window_knobs("inforeg"),
    ),
    options=(
        choice("inforeg.variant", "code", "paper code",
               "code: the window, traces and scales of the released script; "
               "paper: those of the paper"),
        number("inforeg.threshold", 0.05, -1, 1, None,
               "least relative growth of the Fisher trace in the window "
               "(code 0.05, paper 0.04)"),
        ramp_option("inforeg"),
    ),
    exclusive=(REPLACES_GRADIENTS,), modalities=2, class_scores="",
    published={"variant=paper": {"inforeg.threshold": 0.04}},
)
# fmt: on
