"""Row of the method that resets encoders between epochs. Light: loads no torch."""

from __future__ import annotations

from inspect import cleandoc

from asgml.core.methods.knobs import choice, count, number, ramp_option, window_knobs
from asgml.core.methods.spec import READS_DATA, WRITES_WEIGHTS, Method

# Rows are a table, aligned by hand.
# fmt: off
RELEARNING = Method(
    axis="weights",
    name="relearning", target="asgml.core.modulators.relearning:Relearning",
    acts="between epochs",
    summary="diagnose over-fitted encoders by clustering, "
            "and move them part of the way back to their initial weights",
    source=cleandoc("""
        Wei et al., Diagnosing and Re-learning for Balanced Multimodal Learning, ECCV 2024
        code:  GeWu-Lab/Diagnosing_Relearning_ECCV2024, code/ours.py: columns scaled at line 108,
               schedule at line 418; the default, released for the published numbers
        paper: KMeans on the features as they are, after `start` epochs; the higher of its two
               numbers has unimodal losses beside the joint one: method=relearning+uniform, with
               fusion.alone=heads for heads of their own, which are not reset
    """),
    formula=cleandoc("""
        gap_m    = |purity of KMeans(C) on h_m of train - the same of val|
                   variant=code: each column of h_m from -1 to 1 in each split
        w_m      = tanh(scale * gap_m)
        theta_m <- w_m * theta_m(initial) + (1 - w_m) * theta_m     all of encoder m
        at the beginning of epochs start, start + every, ...; `times` in all
        variant=code: an epoch later, after the epoch of index start, ...
    """),
    needs="a validation split with at least as many samples as classes",
    knobs=(
        number("relearning.scale", 3.0, 0, 20, 0.5,
               "lambda of w = tanh(lambda * gap) (published 3, 7 or 8)"),
        *window_knobs("relearning"),
    ),
    options=(
        choice("relearning.variant", "code", "paper code",
               "code: as in the released script, columns scaled before KMeans, reset after the "
               "epoch of index start; paper: features as they are, reset at its beginning"),
        count("relearning.start", 20, 0,
              "epoch of the first reset, counted from 0: after it in variant code, "
              "at its beginning in variant paper"),
        count("relearning.every", 20, 1,
              "epochs from one time to the next (published 20; 5 on CMU-MOSI)"),
        count("relearning.times", 3,  0, "how many times"),
        ramp_option("relearning"),
    ),
    exclusive=(WRITES_WEIGHTS,), requires={READS_DATA: ""},
)
# fmt: on
