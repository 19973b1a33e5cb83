"""Row of the method that resets encoders between epochs. Light: loads no torch."""

from __future__ import annotations

from inspect import cleandoc

from asgml.core.methods.knobs import count, number, ramp_option, window_knobs
from asgml.core.methods.spec import READS_DATA, Method

# Rows are a table, aligned by hand.
# fmt: off
RELEARNING = Method(
    name="relearning", target="asgml.core.modulators.relearning:Relearning",
    acts="between epochs",
    summary="diagnose over-fitted encoders by clustering, "
            "and move them part of the way back to their initial weights",
    source="Wei et al., Diagnosing and Re-learning for Balanced Multimodal Learning, ECCV 2024",
    formula=cleandoc("""
        gap_m    = |purity of KMeans(C) on h_m of train - the same of val|
        w_m      = tanh(scale * gap_m)
        theta_m <- w_m * theta_m(initial) + (1 - w_m) * theta_m     all of encoder m
        at the beginning of epochs start, start + every, ...; `times` in all
    """),
    needs="a validation split with at least as many samples as classes",
    knobs=(
        number("relearning.scale", 3.0, 0, 20, 0.5,
               "lambda of w = tanh(lambda * gap) (published 3, 7 or 8)"),
        *window_knobs("relearning"),
    ),
    options=(
        count("relearning.start", 20, 0,
              "epoch at whose beginning the encoders go back first, counted from 0"),
        count("relearning.every", 20, 1,
              "epochs from one time to the next (published 20; 5 on CMU-MOSI)"),
        count("relearning.times", 3,  0, "how many times"),
        ramp_option("relearning"),
    ),
    requires={READS_DATA: ""},
)
# fmt: on
