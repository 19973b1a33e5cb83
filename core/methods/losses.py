"""Rows of the methods that add to the joint loss, and of the baseline. Light: loads no torch."""

from __future__ import annotations

from inspect import cleandoc

from asgml.core.methods.knobs import choice, count, gamma_knob, number, ramp_option, window_knobs
from asgml.core.methods.spec import ADDS_UNIMODAL_LOSSES, READS_DATA, TRAINS_ENCODERS_APART, Method

# Rows are a table, aligned by hand.
# fmt: off
BASELINE = Method(
    axis="reference",
    name="baseline", target="asgml.core.modulators.base:Modulator", acts="nothing",
    summary="plain joint training: no gradient is changed",
    source="the uniform baseline of every paper in the field",
    formula="g_m <- g_m",
    fewest=1,
)

UNIFORM = Method(
    axis="losses and prototypes",
    name="uniform", target="asgml.core.modulators.unimodal_loss:UnimodalLoss", acts="loss",
    summary="joint and unimodal losses together; no gradient is changed",
    source="the uniform baseline of Wei and Hu, MMPareto, ICML 2024",
    formula="L = CE(z, y) + gamma * sum_m CE(z_m, y)",
    needs="unimodal logits",
    knobs=(gamma_knob("uniform", 1.0), *window_knobs("uniform")),
    options=(ramp_option("uniform"),),
    exclusive=(ADDS_UNIMODAL_LOSSES,), unimodal_loss=True, fewest=1,
)

PMR = Method(
    axis="losses and prototypes",
    name="pmr", target="asgml.core.modulators.pmr:Pmr", acts="loss",
    summary="pull the slow modality's features to the prototypes of their classes",
    source=cleandoc("""
        Fan et al., PMR: Prototypical Modal Rebalance for Multimodal Learning, CVPR 2023
        code:  fanyunfeng-bit/Modal-Imbalance-PMR, main_Prototype_grad.py: slow_m from line 169,
               momentum from line 435; the default, released for the published numbers
        paper: slow_m of the paper's text, momentum for every prototype but the first
    """),
    formula=cleandoc("""
        c_k   <- (1 - momentum) * mean of h_m in class k + momentum * c_k    prototypes, each epoch
                 variant=code: momentum = 0 in epochs 0 and 1
        p_m    = softmax_k(-|h_m - c_k|)                      what the prototypes of m predict
        s_m    = sum_i p_m,i[y_i]
        slow_m = clip(mean_j!=m s_j / s_m - 1, 0, 1)          code: 1 where that is above 0
        fast_m = clip(mean_j!=m s_m / s_j - 1, 0, 1)          code: the same
        L      = L_task + alpha * sum_m slow_m * CE(p_m, y) - entropy * sum_m fast_m * H(p_m)
    """),
    needs="features of a part of the training split, each epoch",
    knobs=(
        number("pmr.alpha", 1.0, 0, 5, 0.1,
               "weight of the prototypes' loss (published 1 to 2)"),
        *window_knobs("pmr"),
    ),
    options=(
        choice("pmr.variant", "code", "paper code",
               "code: as in the released script, weights of 1, no momentum in epochs 0 and 1; "
               "paper: weights that grow, momentum from the second prototypes on"),
        choice("pmr.rule", "variant", "variant paper code",
               "weight of a slow modality: paper grows with how slow it is, code is 1; "
               "variant: that of pmr.variant"),
        number("pmr.momentum", 0.2, 0, 1, None, "weight of the old prototype in the new one"),
        number("pmr.share", 0.1, 0, 1, None,
               "part of the training split that prototypes are made of "
               "(published 0.1, or 1 for small data)"),
        number("pmr.entropy", 0.0, 0, 1, None,
               "weight of the entropy that holds the fast modality back "
               "(PER, published 0.001 to 0.01)"),
        count("pmr.entropy_epochs", 10, 0,
              "epochs in which the entropy term acts, from the first one on"),
        ramp_option("pmr"),
    ),
    exclusive=(TRAINS_ENCODERS_APART,), requires={READS_DATA: ""}, class_scores="",
)
# fmt: on
