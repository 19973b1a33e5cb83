"""Rows of the methods that decide which modality trains when. Light: loads no torch."""

from __future__ import annotations

from inspect import cleandoc

from asgml.core.methods.knobs import choice, count, flag, number, ramp_option, window_knobs
from asgml.core.methods.spec import TRAINS_IN_TURNS, Method

NO_HALFWAY = "0 is plain training, any value above 0 acts as 1: turns have no halfway"
NO_RAMP = "without effect: turns have no halfway, so the whole method acts from first_epoch on"

# Rows are a table, aligned by hand.
# fmt: off
MLA = Method(
    name="mla", target="asgml.core.modulators.mla:Mla", acts="which modalities train",
    axis="who trains when",
    summary="train one modality after another within a batch, through one shared head whose "
            "gradient avoids what it has learned",
    source=cleandoc("""
        Zhang et al., Multimodal Representation Learning by Alternating Unimodal Adaptation,
        CVPR 2024
        code:  Cecile-hi/Multimodal-Learning-with-Alternating-Unimodal-Adaptation, turns in main.py
               from line 419, P in utils/utils.py from line 24; the default. Its condition
               (line 32) names a parameter that its head lacks, so as released no gradient is
               projected: project=false is that
        paper: recursive least squares, without the normalisation
    """),
    formula=cleandoc("""
        turn m of a batch, one for each modality in the order of the data:
        L     = CE(z_m, y)                    z_m = W h_m + b, the same W and b for all
        r     = mean of h_m over the batch;  k = P r
        paper:  P <- P - k k^T / (damping + r^T k)
        code:   P <- P - k k^T / (damping * 0.1^(i/n) + k r^T)   divided element by element
                P <- P / |P|                  Frobenius norm; batch i of n in the epoch
        W:    g <- g P^T                      not in the first turn of all; P is I at first
        z     = mean of z_m in training, sum_m lambda_m z_m in evaluation
                lambda_m = exp(max_j e_j - e_m) / sum    e_m: entropy of softmax(z_m)
    """),
    needs="fusion.kind=shared, hence features of one width",
    knobs=(
        number("mla.damping", 0.1, 1e-6, 10, 0.01,
               "alpha of P's update, keeps its denominator from 0 "
               "(published code 0.1 at the beginning of an epoch, 0.01 at its end)"),
        flag("mla.project", True,
             "project the head's gradient; false: as the released script runs"),
        *window_knobs("mla", strength=NO_HALFWAY),
    ),
    options=(
        choice("mla.variant", "code", "paper code",
               "code: P divided element by element and normalised; paper: recursive least squares"),
        ramp_option("mla", NO_RAMP),
    ),
    exclusive=(TRAINS_IN_TURNS,), requires={TRAINS_IN_TURNS: ""}, fusion="shared",
)

AUG = Method(
    name="aug", target="asgml.core.modulators.aug:Aug", acts="which modalities train",
    axis="capacity",
    summary="train one modality after another within a batch, and give the head of the weaker one "
            "another layer, again and again",
    source=cleandoc("""
        Rethinking Multimodal Learning from the Perspective of Mitigating Classification Ability
        Disproportion, NeurIPS 2025
        code:  njustkmg/NeurIPS25-AUG, turns in train_CREMAD.py from line 52, growth from line 220;
               heads in model/AudioVideo.py from line 67; the default. Its optimizer is made once
               (train_CREMAD.py:201), before layers are added (lines 224 and 228), so an added
               layer keeps its random weights
        paper: added layers are trained
    """),
    formula=cleandoc("""
        z_m   = sum_l z_ml                    layers of head m: W relu(V_ml h_m + c_ml) + b
        turn m of a batch, one for each modality in the order of the data:
        L     = CE(z_m, y)                    while head m has one layer, else
        L     = CE(z_m, y) + CE(z_m - n, y) - (1 - residual * q_y) log p_y
                n: logits of the newest layer, p = softmax(n), q = softmax(z_m - n), no gradient
        code:   V_ml, c_ml of an added layer keep their initial values, W and encoder m train on it
        s_m   = sum over the epoch of softmax(z_m)[y]
        after epoch 0 and every `every` epochs: the head with the smallest s_m gets a layer
                                              where s_m < (1 - margin) * mean of the others
        z     = mean of z_m
    """),
    needs="fusion.kind=growing",
    knobs=(
        number("aug.residual", 0.5, 0, 1, 0.1,
               "weight of what a head's layers before the newest one know already"),
        *window_knobs("aug", strength=NO_HALFWAY),
    ),
    options=(
        count("aug.every", 20, 1, "epochs between two looks at which head is to grow"),
        number("aug.margin", 0.01, 0, 1, None, "part that a modality may be behind and not grow"),
        choice("aug.variant", "code", "paper code",
               "code: added layers keep their random weights; paper: they are trained"),
        ramp_option("aug", NO_RAMP),
    ),
    exclusive=(TRAINS_IN_TURNS,), requires={TRAINS_IN_TURNS: ""}, fusion="growing",
    class_scores="",
)

RECONBOOST = Method(
    name="reconboost", target="asgml.core.modulators.reconboost:ReconBoost",
    acts="which modalities train",
    axis="who trains when",
    summary="train one modality a stage on what the others leave over, then all together",
    source=cleandoc("""
        Hua et al., ReconBoost: Boosting Can Achieve Modality Reconcilement, ICML 2024
        code:  huacong/ReconBoost, train.py: stage from line 304, rectification from line 369;
               the default. Its agreement term is detached (line 349): it changes the loss, and no
               gradient
        paper: losses summed over the classes, agreement with a gradient
    """),
    formula=cleandoc("""
        stage s trains modality m = s mod M for stage_epochs; A: modalities of earlier stages
        p     = softmax(z_m)
        q     = softmax(sum of z_j over j in A without m), 1 where there is none; no gradient
        F     = -(fit - residual * q_y) * log p_y                   code: divided by C
        L     = F + agreement * mean_c (p_c - p'_c)^2               p': of the modality before m
                                                                    in order; not in stage 0
        then rectify_epochs of all in A and m:
        L     = CE(sum of their z_j, y)
    """),
    needs="fusion.kind=sum; published from pretrained unimodal networks",
    knobs=(
        number("reconboost.fit",       5.0, 0, 20, 0.5, "weight of the labels"),
        number("reconboost.residual",  1.0, 0, 20, 0.5,
               "weight of what the other modalities know already"),
        number("reconboost.agreement", 0.5, 0, 10, 0.1,
               "weight of the agreement with the modality before"),
        *window_knobs("reconboost", strength=NO_HALFWAY),
    ),
    options=(
        choice("reconboost.variant", "code", "paper code",
               "code: divided by the number of classes, agreement without a gradient; "
               "paper: the formula as it stands"),
        count("reconboost.stage_epochs",   4, 1, "epochs in which one modality trains"),
        count("reconboost.rectify_epochs", 4, 0, "epochs after them in which all train"),
        ramp_option("reconboost", NO_RAMP),
    ),
    exclusive=(TRAINS_IN_TURNS,), requires={TRAINS_IN_TURNS: ""}, fusion="sum", class_scores="",
)
# fmt: on
