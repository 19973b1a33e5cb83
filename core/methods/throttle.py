"""Rows of the methods that hold the dominant modality back. Light: loads no torch."""

from __future__ import annotations

from inspect import cleandoc

from asgml.core.methods.knobs import choice, kernel_options, number, ramp_option, window_knobs
from asgml.core.methods.spec import (
    CHANGES_FUSION_INPUT,
    DROPS_FEATURES,
    NEEDS_ALL_SAMPLES,
    THROTTLES,
    Method,
)
from asgml.storage.format.knobs import Knob


# Rows are a table, aligned by hand.
# fmt: off
def _ogm_knobs(owner: str) -> tuple[Knob, ...]:
    return (
        number(f"{owner}.alpha", 0.8, 0, 3, 0.1,
               "throttle strength: k = 1 - tanh(alpha * discrepancy) for a dominant modality"),
        *window_knobs(owner, last=50),
    )


def _ogm_options(owner: str) -> tuple[Knob, ...]:
    return (
        choice(f"{owner}.variant", "cvpr", "cvpr journal",
               "cvpr: k = 1 - tanh(alpha * rho); journal: k = max(0, 1 - alpha * tanh(rho - 1)), "
               "continuous at rho = 1, alpha up to 3"),
        *kernel_options(owner),
    )


OGM = Method(
    axis="gradient coefficient",
    name="ogm", target="asgml.core.modulators.ogm:Ogm", acts="after backward",
    summary="throttle the dominant modality by the discrepancy of the unimodal logits",
    source="Peng et al., Balanced Multimodal Learning via On-the-fly Gradient Modulation, "
           "CVPR 2022, eq. 7-10",
    formula=cleandoc("""
        s_m   = sum_i softmax(z_m)_i[y_i]                true-class score of the unimodal logits
        rho_m = mean_j!=m s_m / s_j                      discrepancy ratio
        k_m   = 1 - tanh(alpha * rho_m)                  if rho_m > 1 else 1; variant=cvpr
        k_m   = max(0, 1 - alpha * tanh(rho_m - 1))      if rho_m > 1 else 1; variant=journal
        g_m  <- k_m * g_m                                kernels of encoder m
    """),
    needs="unimodal logits",
    knobs=_ogm_knobs("ogm"),
    options=_ogm_options("ogm"),
    exclusive=(THROTTLES,), scales=True, class_scores="",
)

OGM_GE = Method(
    axis="gradient coefficient",
    name="ogm_ge", target="asgml.core.modulators.ogm:OgmGe", acts="after backward",
    summary="OGM plus Gaussian noise of the gradient's own size on every modality",
    source="Peng et al., Balanced Multimodal Learning via On-the-fly Gradient Modulation, "
           "CVPR 2022, eq. 7-12",
    formula="g_m <- k_m * g_m + N(0, std(g_m)^2)    k_m as in ogm; noise drawn for each kernel",
    needs="unimodal logits",
    knobs=_ogm_knobs("ogm_ge"),
    options=(
        choice("ogm_ge.noise", "both", "both dominant",
               "both: noise on every modality, as in the released code; "
               "dominant: only where k is not 1"),
        *_ogm_options("ogm_ge"),
    ),
    exclusive=(THROTTLES,), scales=True, class_scores="",
)

OPM = Method(
    axis="features and samples",
    name="opm", target="asgml.core.modulators.opm:Opm", acts="features",
    summary="drop the dominant modality's features, more often the more it dominates",
    source=cleandoc("""
        Wei et al., On-the-fly Modulation for Balanced Multimodal Learning, T-PAMI 2024 (OPM)
        code:  GeWu-Lab/BML_TPAMI2024, code/main.py line 91: epochs 0 to 5 are plain, so
               first_epoch is 6; the default, as released with the paper
        paper: 5 epochs are plain: first_epoch=5
    """),
    formula=cleandoc("""
        rho_m = mean_j!=m s_m / s_j                        s_m: true-class score, as in ogm
        q_m   = q_base * (1 + lambda * tanh(rho_m - 1))    if rho_m > 1 else 0; in [0, 1]
        h_m  <- 0 with probability q_m for each sample     in a batch with probability p_exe
        theta = sum_m D_m q_m / sum_m D_m                  dropped share of the D_m features
        h    <- h / (1 - theta)                            keeps their expected size
    """),
    needs="unimodal logits",
    knobs=(
        number("opm.q_base", 0.5, 0, 1, 0.05,
               "probability of dropping a barely dominant modality's features"),
        number("opm.lambda", 0.5, 0, 2, 0.05,
               "how much that probability grows with the discrepancy"),
        number("opm.p_exe", 0.7, 0, 1, 0.05,
               "probability that a batch has features dropped at all"),
        *window_knobs("opm", first=6),
    ),
    options=(ramp_option("opm"),),
    exclusive=(DROPS_FEATURES, NEEDS_ALL_SAMPLES), requires={CHANGES_FUSION_INPUT: ""},
    class_scores="",
)
# fmt: on
