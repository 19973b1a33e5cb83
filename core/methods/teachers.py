"""Rows of the methods that learn from teachers, networks of one modality each; loads no torch."""

from __future__ import annotations

from inspect import cleandoc

from asgml.core.methods.knobs import choice, count, flag, kernel_options, number, text, window_knobs
from asgml.core.methods.spec import HOLDS_THE_STRONGEST, NEEDS_ALL_SAMPLES, TEACHERS, Method

SOURCE = "Rakib and Bagavathi, G2D: Boosting Multimodal Learning with Gradient-Guided Distillation"

# Rows are a table, aligned by hand.
# fmt: off
SMP = Method(
    name="smp", target="asgml.core.modulators.smp:Smp", axis="teachers",
    acts="after backward",
    summary="hold the modality whose teacher is strongest, so that the weaker ones lead first",
    source=cleandoc(f"""
        {SOURCE},
        ICCV 2025: sequential modality prioritisation, alone 80.78 on CREMA-D beside 67.47
        code:  rAIson-Lab/G2D, utils/utils.py lines 210 to 290: the teachers' scores of each
               batch, kernels times 0; config.py lines 50 and 51: epochs 0 to 150 of 300.
               For two modalities; schedule=strongest and sequential are its two readings for more
    """),
    formula=cleandoc("""
        p_m  = mean softmax(t_m)[y]               t_m: logits of teacher m on the batch
        h    = 1                                  modalities held; schedule=sequential: M - 1 in
                                                  the first of M - 1 stages, then one less in each
        g_m <- 0 * g_m                            where p_m is among the h largest; kernels of
                                                  encoder m
        signal, in place of p_m                   own: running mean of softmax(z_m)[y],
                                                  order: place in smp.order
    """),
    needs="a teacher of each modality (references), unless signal=own or order",
    knobs=window_knobs("smp", last=150),
    options=(
        choice("smp.signal", "teachers", "teachers own order",
               "what tells the strongest: teachers (as published), own (the model's unimodal "
               "logits), or order (smp.order)"),
        text("smp.order", "modalities from the strongest to the weakest, audio,visual: "
             "for signal=order"),
        choice("smp.schedule", "strongest", "strongest sequential",
               "strongest: hold one modality in the whole window; sequential: with M modalities "
               "M - 1 stages, of which each lets one more learn (two modalities: the same)"),
        *kernel_options("smp"),
    ),
    exclusive=(HOLDS_THE_STRONGEST,), requires={TEACHERS: "signal=teachers"},
    class_scores="signal=teachers|own",
)

G2D = Method(
    name="g2d", target="asgml.core.modulators.g2d:G2d", axis="teachers",
    acts="loss and after backward",
    summary="distil a teacher of each modality into the joint model, and hold the strongest "
            "modality at first",
    source=cleandoc(f"""
        {SOURCE},
        ICCV 2025: 85.89 on CREMA-D, its teachers alone 61.69 and 76.48
        code:  rAIson-Lab/G2D, student.py lines 100 to 126 and 179 to 192: losses, all weights and
               temperatures 1; utils/utils.py lines 210 to 290: smp; config.py lines 36 to 73:
               batch 16, SGD 1e-3, StepLR 200, 300 epochs, smp in 0 to 150, late fusion
    """),
    formula=cleandoc("""
        L    = CE(z, y) + sum_m (logits * KL(softmax(t_m) || softmax(z)) + features * d_m)
        d_m  = mean (h_m - f_m)^2                 t_m, f_m: logits and features of teacher m
        p_m  = mean softmax(t_m)[y]
        g_m <- 0 * g_m                            where p_m is the largest, to epoch
                                                  smp_last_epoch; kernels of encoder m
    """),
    needs="a teacher of each modality (references), of the same encoder",
    knobs=(
        number("g2d.logits",   1.0, 0, 10, 0.1, "weight of the distillation of logits"),
        number("g2d.features", 1.0, 0, 10, 0.1, "weight of the distillation of features"),
        count("g2d.smp_last_epoch", 150, -1,
              "last epoch in which the strongest modality is held, inclusive; -1 is no end"),
        *window_knobs("g2d"),
    ),
    options=(
        flag("g2d.smp", True, "hold the strongest modality; false is distillation alone"),
        *kernel_options("g2d"),
    ),
    exclusive=(HOLDS_THE_STRONGEST, NEEDS_ALL_SAMPLES), requires={TEACHERS: ""}, class_scores="",
)
# fmt: on
