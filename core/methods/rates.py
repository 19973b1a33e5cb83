"""Rows of the methods that set how far or how often encoders are updated. Light: loads no torch."""

from __future__ import annotations

from inspect import cleandoc

from asgml.core.methods.knobs import (
    choice,
    count,
    flag,
    integer,
    number,
    ramp_option,
    text,
    window_knobs,
)
from asgml.core.methods.spec import (
    ADDS_UNIMODAL_LOSSES,
    READS_DATA,
    REPLACES_GRADIENTS,
    SETS_RATES,
    WRITES_WEIGHTS,
    Method,
)

# Rows are a table, aligned by hand.
# fmt: off
MSLR = Method(
    axis="who trains when",
    name="mslr", target="asgml.core.modulators.mslr:Mslr", acts="learning rate",
    summary="a learning rate of its own for every modality's encoder",
    source="Yao and Mihalcea, Modality-specific Learning Rates for Additive Late-fusion, "
           "Findings of ACL 2022",
    formula=cleandoc("""
        lr_m = f_m * c_m * lr        f_m: option `factors`
        keep:    c_m = 1
        smooth:  f_m goes to 1, linearly from the first epoch to the last;  c_m = 1
        dynamic: c_m = own validation accuracy / mean of its last `memory` values
    """),
    needs="a validation split",
    knobs=window_knobs("mslr"),
    options=(
        choice("mslr.variant", "dynamic", "keep smooth dynamic",
               "how the factors go on: keep, smooth (to 1 over the run) "
               "or dynamic (by validation accuracy)"),
        text("mslr.factors",
             "factors f_m, such as audio=0.9,visual=1.1; 1 for a modality that is not named"),
        integer("mslr.memory", 5, 1, 1000, None,
                "validation accuracies that dynamic averages over (usual 5 to 10)"),
        ramp_option("mslr"),
    ),
    exclusive=(SETS_RATES,), requires={SETS_RATES: ""},
)

MSES = Method(
    axis="who trains when",
    name="mses", target="asgml.core.modulators.mses:Mses", acts="between epochs",
    summary="stop a modality's encoder early, once its own validation loss no longer falls",
    source=cleandoc("""
        Fujimori et al., Modality-specific Learning Rate Control for Multimodal Classification,
        ACPR 2019 (modality-specific early stopping)
        code:  lihong2303/AGM_ICCV2023, run/CREMAD_main.py, lines 211 to 226 and 685 to 745; the
               default, which published comparisons use; patience 10 in run/AVMNIST_main.py
    """),
    formula=cleandoc("""
        V_m(e)  = mean of CE(z_m, y) on the validation split after epoch e
        W_m(e)  = 0.6 * V_m(e - 1) + 0.4 * V_m(e)         V_m in the first one
        e_m     = the epoch of the least W_m so far
        stop m after the first epoch e with e - e_m > patience
        theta  <- theta after epoch e_m                   the whole model; restore=model
        g_m    <- 0 * g_m                                 of each m that has been stopped
    """),
    needs="a validation split; unimodal logits; with restore=model the memory of a copy of the "
          "model for each modality",
    knobs=(
        count("mses.patience", 80, -1,
              "epochs that a modality's validation loss may fail to fall for "
              "(published 80, 30 or 10); -1: it stops after the first evaluation"),
        *window_knobs("mses"),
    ),
    options=(
        choice("mses.restore", "model", "model no",
               "model: go back to the weights of the stopped modality's best epoch, "
               "as the released script does; no: go on from the present ones"),
        ramp_option("mses"),
    ),
    exclusive=(WRITES_WEIGHTS,), requires={READS_DATA: ""},
)

ASGML_V1 = Method(
    axis="who trains when",
    name="asgml_v1", target="asgml.core.modulators.asgml_v1:AsgmlV1",
    acts="loss and after backward",
    summary="update the fast modality less often, or by gradients of the past",
    source=cleandoc("""
        ASGML v2, section 1.3 and appendix A: the design that it replaces
        code:  VuVoCodes/AsynchronousFunction, src/losses/asgml.py: first tau in line 341, buffer
               in lines 82 to 110, kappa in line 461; scripts/train.py: norms before masking in
               line 1440; the default, which the published numbers come from
        paper: tau from tau_base, gradients of s_m steps ago
    """),
    formula=cleandoc("""
        dual:  S_m = beta * n_m / mean n + (1 - beta) * D_m / mean D
        probe: S_m = u_m / mean u;  tau_m = 1 while max u - min u < 0.1
        both:  S_m = S_m of dual / 2 + u_m / (2 max u)
               n_m: mean gradient norm before masking, u_m: utilization,
               D_m: |change of CE(z_m, y)| in 10 steps
        tau_m = clamp(tau_base * S_m, tau_min, tau_max)             every eval_freq steps
                relative=false: clamp(n_m / min n, ...), with u for probe, with their mean for both
                before the first renewal 1 (variant=code) or tau_base (variant=paper)
        T_m   = min(round(tau_m), floor(kappa * min_j round(tau_j))), at least 1
        s_m   = min(round(tau_m) - 1, floor(kappa * min_j max(round(tau_j) - 1, 1)))
        L     = L_task + gamma * sum_m [m is updated] * CE(z_m, y)
        frequency: g_m(t) <- g_m(t) if (t + m * phase) mod T_m = 0, else soft_mask_scale * g_m(t)
        staleness: g_m(t) <- g_m(t - s_m) / (1 + staleness_decay * s_m)          variant=paper
                   g_m(t) <- g_m(t - s_m + 1) / (1 + staleness_decay * s_m)      variant=code
                   while none so old is kept: the oldest (paper), the present one unscaled (code)
    """),
    needs="unimodal logits; the probes with signal=probe or both",
    knobs=(
        number("asgml_v1.gamma",           1.0, 0, 10, 0.1,
               "weight of the own losses of the modalities that are updated"),
        number("asgml_v1.tau_base",        2.0, 1, 16, 0.5,
               "steps between updates of a modality that learns at mean speed"),
        number("asgml_v1.soft_mask_scale", 0.0, 0, 1,  0.1,
               "what is left of a gradient whose update is skipped (released default 0.1)"),
        *window_knobs("asgml_v1"),
    ),
    options=(
        choice("asgml_v1.variant", "code", "code paper",
               "first tau and age of stale gradients; code: as released, from tau = 1; "
               "paper: as described, from tau_base"),
        choice("asgml_v1.mode", "frequency", "frequency staleness",
               "frequency skips updates, staleness uses old gradients"),
        choice("asgml_v1.signal", "dual", "dual probe both",
               "what tells the speed: dual is gradient norms and own losses, "
               "probe is utilization, or both"),
        number("asgml_v1.beta",            0.5, 0, 1, None,
               "share of the gradient norms in the dual signal; the rest is own losses"),
        number("asgml_v1.tau_min",         1.0, 1, None, None, "smallest tau"),
        number("asgml_v1.tau_max",         8.0, 1, 64, None,
               "largest tau; staleness keeps so many gradients (published 8, 4 for AVE and MOSEI)"),
        number("asgml_v1.kappa",           3.0, 1, None, None,
               "longest period or staleness, in units of the shortest"),
        number("asgml_v1.staleness_decay", 0.1, 0, None, None,
               "lambda of 1 / (1 + lambda * staleness)"),
        count("asgml_v1.eval_freq", 100, 1, "steps between renewals of tau"),
        count("asgml_v1.phase",       0, 0,
              "steps that each modality's turn is ahead of the one before it; "
              "0: all skip together"),
        flag("asgml_v1.relative", True,
             "speeds in units of their mean, as designed; "
             "false: of the slowest (without tau_base)"),
        ramp_option("asgml_v1"),
    ),
    exclusive=(ADDS_UNIMODAL_LOSSES, REPLACES_GRADIENTS), unimodal_loss=True,
)
# fmt: on
