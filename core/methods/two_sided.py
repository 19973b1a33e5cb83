"""Rows of the methods that throttle and boost with one rule. Light: loads no torch."""

from __future__ import annotations

from inspect import cleandoc

from asgml.core.methods.knobs import (
    choice,
    count,
    flag,
    gamma_knob,
    number,
    ramp_option,
    scope_option,
    via_option,
    window_knobs,
)
from asgml.core.methods.spec import (
    ACCELERATES,
    ADDS_UNIMODAL_LOSSES,
    NEEDS_HEAD,
    RUNS_ENCODERS,
    SETS_RATES,
    THROTTLES,
    Method,
)

# Rows are a table, aligned by hand.
# fmt: off
MLB = Method(
    axis="gradient coefficient",
    name="mlb", target="asgml.core.modulators.mlb:Mlb", acts="loss and after backward",
    summary="boost the weak and slow the strong modality with one formula, "
            "beside the unimodal losses",
    source=cleandoc("""
        Kontras et al., Improving Multimodal Learning with Multi-Loss Gradient Modulation,
        BMVC 2024, section 3.2
        code:  kkontras/MLB, agents/general_agent/helpers/Bias_Infusion.py: k_m from line 336 on;
               line 405: it scales the encoder with its own head, and its slice of the fusion
               without the bias (scope=encoder+head); CREMA-D: configs/CREMA_D/res/MLB.json, alpha
               0.8 and no beta, which is beta_max 2 (recipe cremad-mlb)
    """),
    formula=cleandoc("""
        s_m  = sum_i softmax(z_m)_i[y_i]                   true-class score of the unimodal logits
        r_m  = mean_j!=m s_j / s_m                         above 1 the others are ahead
        b_m  = beta_max if r_m > 1 else 2
        k_m  = 1 + (b_m - 1) * tanh(alpha * (r_m - 1))     in (0, beta_max)
        g_m <- k_m * g_m                                   encoder m, its columns of the fusion and
                                                           its head; via=lr: the encoder's rate
        L    = CE(z, y) + gamma * sum_m CE(z_m, y)
    """),
    needs="unimodal logits",
    knobs=(
        number("mlb.alpha",    1.0, 0, 10, 0.1,
               "how fast k_m leaves 1 as the modalities part (usual 0.5 to 2)"),
        number("mlb.beta_max", 5.0, 1, 20, 0.5,
               "largest factor of a weak modality's gradient (usual 2 to 10; "
               "2 is the released code without a beta)"),
        gamma_knob("mlb", 1.0),
        *window_knobs("mlb"),
    ),
    options=(via_option("mlb"), scope_option("mlb", "encoder+head"), ramp_option("mlb")),
    exclusive=(THROTTLES, ACCELERATES, ADDS_UNIMODAL_LOSSES), scales=True, unimodal_loss=True,
    requires={SETS_RATES: "via=lr"}, class_scores="", published={"": {"fusion.alone": "heads"}},
)

AGM = Method(
    axis="gradient coefficient",
    name="agm", target="asgml.core.modulators.agm:Agm", acts="after backward",
    summary="throttle or boost each modality by its Shapley share of the prediction, "
            "compared with its own past",
    source=cleandoc("""
        Li et al., Boosting Multi-modal Model Performance with Adaptive Gradient Modulation,
        ICCV 2023
        code:  lihong2303/AGM_ICCV2023: hooks in model/CREMAD_net.py from line 45 on; kappa_m in
               run/CREMAD_main.py from line 145 on, clip from line 233 on; the default, released for
               the published numbers
        paper: kappa_m on the gradient of encoder m
    """),
    formula=cleandoc("""
        m_m      = Shapley value of modality m's input in the logits
        s_m      = mean_i -log max(softmax(m_m)_i[y_i], 1e-8)       nat; lower is better learnt
        r_m      = exp(M / (M - 1) * (mean_j s_j - s_m))            above 1: m is ahead
        tau_m    = the same of the mean of s_m over past steps      what is expected of m; from 0
        kappa_m  = exp(alpha * min(tau_m - r_m, cap))
        g_m     <- kappa_m * g_m                                    all of encoder m; variant=paper
        g       <- sum_m kappa_m * dL/dz * dm_m/dtheta              every weight; variant=code
        |g|     <= clip       where a number of the head's gradient exceeds 1; variant=code
    """),
    needs="at most 6 modalities",
    knobs=(
        number("agm.alpha", 1.5, 0, 4, 0.1,
               "strength: kappa = exp(alpha * (tau - r)) (published 1.5 to 4)"),
        *window_knobs("agm"),
    ),
    options=(
        choice("agm.variant", "code", "paper code",
               "code: what flows back through each m_m, into the head and from zero inputs too; "
               "paper: the gradients of the encoders"),
        scope_option("agm", "encoder+head"),
        number("agm.cap", 10.0, 0, 10, None,
               "largest tau - r that counts (published 10; 7 for three modalities)"),
        number("agm.clip", 1.0, 0, 100, None,
               "variant=code: largest norm of all gradients in a step in which a number of the "
               "head's gradient exceeds 1; 0 is off"),
        ramp_option("agm"),
    ),
    scales=True, requires={RUNS_ENCODERS: ""}, class_scores="",
)

CGGM = Method(
    axis="gradient coefficient",
    name="cggm", target="asgml.core.modulators.cggm:Cggm", acts="loss and after backward",
    summary="the modality whose own classifier improved most gets the smallest gradient",
    source="Guo et al., Classifier-guided Gradient Modulation for Enhanced Multimodal Learning, "
           "NeurIPS 2024",
    formula=cleandoc("""
        e_m  <- ema * accuracy of m's classifier on the batch + (1 - ema) * e_m       from 0
        d_m   = e_m - e_m of the step before;  S = sum_m d_m + 1e-8
        B_m   = (S - d_m) / S                                       sum_m B_m = M - 1
        g_m  <- clip(rho * B_m, 0, clamp) * g_m                     all of encoder m
        L_gm  = (sum_m |B_m| - sum_m B_m * cos(W_m, W)) / M         B_m clipped alike; W, W_m:
                                                    output weights of the fusion and m's classifier
        L     = CE(z, y) + lambda * L_gm                            B_m of the step before
    """),
    needs="a fusion with one output layer (concat), unless direction=false",
    knobs=(
        number("cggm.rho",    1.3, 0.01, 5,  0.1,  "factor of all B_m (1 to 1.3 in the paper)"),
        number("cggm.clamp",  3.0, 0,   100, 0.5,
               "largest factor of a gradient; B_m is unbounded where no classifier improves"),
        number("cggm.lambda", 0.2, 0,   10,  0.05,
               "weight of the direction term (0.05 to 0.2 in the paper)"),
        *window_knobs("cggm"),
    ),
    options=(
        flag("cggm.direction", True, "add the direction term L_gm to the loss"),
        number("cggm.ema", 1.0, 0.01, 1, None,
               "weight of the newest batch accuracy in e_m; 1 is the paper's, with no smoothing"),
        number("cggm.classifier_lr", 5e-4, 1e-7, 1, None, "learning rate of the classifiers' Adam"),
        scope_option("cggm"),
        ramp_option("cggm"),
    ),
    scales=True, requires={NEEDS_HEAD: "direction=True"}, class_scores="direction=True",
)

ARL = Method(
    axis="gradient coefficient",
    name="arl", target="asgml.core.modulators.arl:Arl", acts="loss and after backward",
    summary="let two modalities learn in proportion to the inverse of their variance, not evenly",
    source=cleandoc("""
        Wei et al., Improving Multimodal Learning via Imbalanced Learning, ICCV 2025 (ARL)
        code:  shicaiwei123/ICCV2025-ARL: schedule and gamma from main_arl_variance.py:150 on, gain
               from models/backbone.py:325 on; a_m is computed at :152 and not assigned, so it
               stays 0.5; the default, released for the published numbers
        paper: a_m of the paper's formula, on the same schedule
    """),
    formula=cleandoc("""
        p_m  = head(h_m, zeros for the other modality)
        q_m  = 1 / mean entropy of softmax(p_m)                     confidence, 1/nat
        d_m  = mean |p_m| / sum_j mean |p_j|                        share in the prediction
        (a_0, a_1) = softmax(T * q_0 / q_1,  T * d_0 / d_1)         variant=code: 0.5 each
        g_m <- (1 + a_m) * g_m                                      epoch > start_epoch, else g_m
        L    = CE(z, y) + gamma * sum_m CE(p_m, y)                  gamma = 1 up to start_epoch
    """),
    needs="two modalities; the published recipe clips the gradients' norm: optimizer.clip=40",
    knobs=(
        gamma_knob("arl", 4.0),
        number("arl.temperature", 8.0, 0, 100, 1, "T: 8 on CREMA-D, 4 on the paper's other data"),
        count("arl.start_epoch", 5, -1,
              "last epoch without the method, counted from 0: up to it gains are 1 and gamma is 1; "
              "-1: it acts from the first epoch on"),
        *window_knobs("arl"),
    ),
    options=(
        choice("arl.variant", "code", "paper code",
               "code: what the released script trains with, a_m = 0.5; "
               "paper: a_m of the paper's formula"),
        choice("arl.weights", "variant", "variant paper code even",
               "a_m, where it is not that of arl.variant; paper: its formula; "
               "code: the formula that the released script leaves unused; even: 0.5 each"),
        scope_option("arl"),
        ramp_option("arl"),
    ),
    exclusive=(ADDS_UNIMODAL_LOSSES,), scales=True, modalities=2,
    requires={NEEDS_HEAD: ""}, class_scores="",
)
# fmt: on
