"""Rows of the methods that boost the weak modality. Light: loads no torch."""

from __future__ import annotations

from inspect import cleandoc

from asgml.core.methods.knobs import (
    choice,
    flag,
    integer,
    kernel_options,
    number,
    ramp_option,
    scope_option,
    via_option,
    window_knobs,
)
from asgml.core.methods.spec import ACCELERATES, NEEDS_LENGTH, READS_DATA, SETS_RATES, Method
from asgml.storage.format.knobs import Knob

# Rows are a table, aligned by hand.
# fmt: off
BOOST = Method(
    axis="gradient coefficient",
    name="boost", target="asgml.core.modulators.boost:Boost", acts="after backward",
    summary="boost the weak modality's gradient, guided by detached linear probes",
    source="ASGML v2, section 3.2; relatives: PMR's Acc (CVPR 2023), OGM* (T-PAMI 2024), "
           "MLB (BMVC 2024)",
    formula=cleandoc("""
        u_m      <- 0.1 * p_m + 0.9 * u_m                 utilization, from 0; p_m: probe accuracy
        gap       = max u - min u
        w_m       = 1 - (u_m - min u) / gap               weakness: 0 strongest, 1 weakest
        target_m  = min(1 + alpha * w_m, scale_max)       1 for all while gap < 1e-8
        scale_m  <- ema_alpha * target_m + (1 - ema_alpha) * scale_m      from 1
        g_m      <- scale_m * g_m                         all of encoder m, in every step
        gap_scale, dead_band   alpha * clip(gap / gap_scale, 0, 1), and 0 while gap < dead_band
        bias_corrected         u_m / (1 - 0.9^n) after n readings
        schedule, epoch e of E alpha times  linear: 1 - e/E, cosine: (1 + cos(pi e/E)) / 2,
                                            gap: gap / largest gap so far
        signal, in place of p_m             discrepancy: mean softmax(z_m)[y],
                                            loss: exp(-CE(z_m, y)), grad_norm: |g_m| / sum_j |g_j|
    """),
    needs="probes",
    knobs=(
        number("boost.alpha", 0.5, 0, 1.5, 0.05,
               "boost of the weakest modality's gradient: its scale grows towards 1 + alpha "
               "(usual 0.1 to 1)"),
        number("boost.scale_max", 2.0, 1, 3, 0.1,
               "largest boost scale; acts only where 1 + alpha is larger (usual 1.5 to 3)"),
        number("boost.gap_scale", 0.0, 0, 1, 0.05,
               "gap from which on the boost is whole: alpha * clip(gap / gap_scale, 0, 1); "
               "0 is off (usual 0.15 to 0.3)", applies="probe"),
        number("boost.dead_band", 0.0, 0, 1, 0.01,
               "no boost while the gap is smaller than this; 0 is off (usual 0.03 to 0.05)",
               applies="probe"),
        *window_knobs("boost"),
    ),
    options=(
        choice("boost.signal", "probe", "probe probe_val discrepancy grad_norm loss",
               "what tells strong from weak: probe, probe_val (probes on validation samples), "
               "or without probes: discrepancy (true-class probability), "
               "grad_norm (share of the gradient), loss (exp of minus the own loss)"),
        integer("boost.val_samples", 256, 1, None, None,
                "validation samples that signal=probe_val scores the probes on"),
        flag("boost.bias_corrected", False, "correct the utilization for having started at 0"),
        choice("boost.schedule", "constant", "constant linear cosine gap",
               "alpha over the run: constant; linear or cosine down to 0; "
               "gap: in proportion to the gap, whole at its largest so far"),
        via_option("boost"),
        scope_option("boost"),
        number("boost.ema_alpha", 0.3, 0.01, 1, None,
               "weight of the newest target in the smoothed boost scale; 1 is no smoothing "
               "(usual 0.1 to 0.5)"),
        ramp_option("boost"),
    ),
    scales=True, class_scores="signal=discrepancy|loss",
    requires={SETS_RATES: "via=lr", READS_DATA: "signal=probe_val",
              NEEDS_LENGTH: "schedule=linear|cosine"},
)


def _accelerate_knobs(owner: str, first: int, last: int) -> tuple[Knob, ...]:
    return (
        number(f"{owner}.alpha", 0.8, 0, 3, 0.1,
               "boost strength: 1 + tanh(alpha * discrepancy of the others over it) "
               "for a weak modality"),
        *window_knobs(owner, first=first, last=last),
    )


OGM_STAR = Method(
    axis="gradient coefficient",
    name="ogm_star", target="asgml.core.modulators.acceleration:Accelerate", acts="after backward",
    summary="OGM*: leave the dominant modality alone and boost the weak one by its discrepancy",
    source=cleandoc("""
        Wei et al., On-the-fly Modulation for Balanced Multimodal Learning, T-PAMI 2024, 4.4.2;
        same formula as pmr_acc
        code:  GeWu-Lab/BML_TPAMI2024, code/main.py line 91: epochs 0 to 5 are plain, so
               first_epoch is 6; line 47: last epoch 80; line 131: coefficient=constant
               (the line with tanh is commented out)
        paper: coefficient=tanh, by the discrepancy
    """),
    formula=cleandoc("""
        s_m  = sum_i softmax(z_m)_i[y_i]          true-class score of the unimodal logits
        r_m  = mean_j!=m s_j / s_m                discrepancy of the others over m
        c_m  = 1 + tanh(alpha * r_m)              where r_m > 1, else 1; coefficient=constant: 4
        g_m <- c_m * g_m                          kernels of encoder m
    """),
    needs="unimodal logits",
    knobs=_accelerate_knobs("ogm_star", first=6, last=80),
    options=(
        choice("ogm_star.coefficient", "tanh", "tanh constant",
               "tanh: 1 + tanh(alpha * discrepancy); constant: 4, as in the released code"),
        *kernel_options("ogm_star"),
    ),
    exclusive=(ACCELERATES,), scales=True, class_scores="",
)

PMR_ACC = Method(
    axis="gradient coefficient",
    name="pmr_acc", target="asgml.core.modulators.acceleration:Accelerate", acts="after backward",
    summary="PMR's Acc: boost the slower modality's kernels by its discrepancy",
    source=cleandoc("""
        Fan et al., PMR: Prototypical Modal Rebalance for Multimodal Learning, CVPR 2023,
        section 3; same formula as ogm_star
        code:  fanyunfeng-bit/Modal-Imbalance-PMR, main_CE_test_grad.py lines 42 and 219: epochs
               0 to 50, without warm-up; line 212: the coefficient
    """),
    formula=cleandoc("""
        r_m  = mean_j!=m s_j / s_m                s_m: true-class score, as in ogm_star
        g_m <- (1 + tanh(alpha * r_m)) * g_m      where r_m > 1; kernels of encoder m
    """),
    needs="unimodal logits",
    knobs=_accelerate_knobs("pmr_acc", first=0, last=50),
    options=kernel_options("pmr_acc"),
    exclusive=(ACCELERATES,), scales=True, class_scores="",
)
# fmt: on
