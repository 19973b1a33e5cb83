"""Rows of the methods that replace or weigh the joint loss. Light: loads no torch."""

from __future__ import annotations

from inspect import cleandoc

from asgml.core.methods.knobs import choice, count, number, ramp_option, window_knobs
from asgml.core.methods.spec import (
    ADDS_UNIMODAL_LOSSES,
    CHANGES_FUSION_INPUT,
    NEEDS_HEAD,
    READS_DATA,
    RULES_JOINT_LOSS,
    TRAINS_ENCODERS_APART,
    Method,
)

# Rows are a table, aligned by hand.
# fmt: off
G_BLENDING = Method(
    axis="losses and prototypes",
    name="g_blending", target="asgml.core.modulators.g_blending:GBlending", acts="loss",
    summary="weigh the joint and the unimodal losses by how they generalise and over-fit, "
            "measured on copies",
    source="Wang, Tran, Feiszli, What Makes Training Multi-modal Classification Networks Hard?, "
           "CVPR 2020 (online)",
    formula=cleandoc("""
        G_k = L_k,val before - L_k,val after                  generalisation, by training on L_k
        O_k = (L_k,val - L_k,train) after - the same before   over-fitting; at least 0.01
        w_k = (G_k / O_k^2) / Z                               0 where G_k < 0; Z: sum of all
        L   = w_0 * L_task + sum_m w_m * CE(z_m, y)
    """),
    needs="time: M + 1 copies are trained for measure_epochs, every so many epochs",
    knobs=window_knobs("g_blending"),
    options=(
        count("g_blending.every", 10, 1, "epochs between measurements (a super-epoch)"),
        count("g_blending.measure_epochs", 2, 1,
              "epochs that each copy is trained for (the paper: as many as in a super-epoch)"),
        ramp_option("g_blending"),
    ),
    exclusive=(ADDS_UNIMODAL_LOSSES, RULES_JOINT_LOSS), unimodal_loss=True,
    requires={READS_DATA: ""},
)

DGL = Method(
    axis="losses and prototypes",
    name="dgl", target="asgml.core.modulators.dgl:Dgl", acts="loss",
    summary="train encoders by their unimodal losses alone, and the fusion by the joint loss alone",
    source=cleandoc("""
        Wei et al., Boosting Multimodal Learning via Disentangled Gradient Learning, ICCV 2025
        code:  shicaiwei123/ICCV2025-GDL: the joint logits of detached features in
               models/fusion_modules.py, class ConcatFusion_DGL; unimodal losses times alpha and
               their gradient of the fusion removed in main_dgl.py, lines 108 to 119; alpha 4 and
               optimizer.lr=0.002 in cramed_dgl.sh; optimizer.clip=40 in line 129
    """),
    formula=cleandoc("""
        z    = head(sg(h_1), ..., sg(h_M))            sg: detached, no gradient passes
        z_m  = the unimodal logits of h_m, through the head's detached parameters
        L    = CE(z, y) + alpha * sum_m CE(z_m, y)    CE(z, y) reaches the head alone, the rest
                                                      reaches encoders alone
        fusion.alone=ablation is the published z_m (split: the same but for the bias);
        heads: heads of their own, which their losses train
    """),
    needs="unimodal logits",
    knobs=(
        number("dgl.alpha", 4.0, 0, 20, 0.5,
               "weight of the unimodal losses, which alone train the encoders "
               "(published 4 on CREMA-D, 2 to 3 on Kinetics-Sounds)"),
        *window_knobs("dgl"),
    ),
    options=(ramp_option("dgl"),),
    exclusive=(ADDS_UNIMODAL_LOSSES, RULES_JOINT_LOSS, TRAINS_ENCODERS_APART),
    unimodal_loss=True, requires={CHANGES_FUSION_INPUT: ""},
)

LFM = Method(
    axis="losses and prototypes",
    name="lfm", target="asgml.core.modulators.lfm:Lfm", acts="loss",
    summary="bring the modalities' predictions together first, and fit the classes later",
    source=cleandoc("""
        Yang et al., Facilitating Multimodal Classification via Dynamically Learning Modality Gap,
        NeurIPS 2024
        code:  njustkmg/NeurIPS24-LFM, Crema_epoch.py: align at line 38, fitted weight at line 50,
               loss at line 71, which the default follows; learned weight in
               Crema_epoch_learnable.py, lines 55 to 97; optimizer.lr=0.01, 200 epochs,
               fusion.kind=sum
        paper: a heuristic weight too: weight=heuristic
    """),
    formula=cleandoc("""
        p_m   = softmax(z_m)
        CLS   = CE(z / M, y)                            fusion.kind=sum: of the mean of all z_m
        align = mean over pairs m, j of (KL(q | p_m) + KL(q | p_j)) / 2,   q = (p_m + p_j) / 2
        a     = 0.795 - 3.4e-3 e - 1.2e-4 e^2 + 2.9e-6 e^3 - 2.2e-8 e^4 + 5.4e-11 e^5
                                                        weight=fitted, in epoch e, up to 200
        a     = 1 - exp(-1 / (e + 1))                   weight=heuristic
        a    <- a - lr * mean(H((1 - a) CLS + a align) dCLS), in 0.05 ... 0.95, from 0.95
                                                        weight=learned, each epoch
        L     = scale * ((1 - a) * CLS + a * align)
    """),
    needs="two modalities or more; unimodal logits from the fusion's own weights",
    knobs=(
        number("lfm.scale", 2.0, 0, 10, 0.1, "factor of the whole loss (published 2)"),
        *window_knobs("lfm"),
    ),
    options=(
        choice("lfm.weight", "fitted", "fitted heuristic learned",
               "weight a of the alignment; fitted: the curve of the released script; "
               "heuristic: 1 - exp(-1 / t); learned: on eight validation samples, each epoch"),
        number("lfm.lr", 1e-4, 0, 1, None,
               "learning rate of weight=learned, halved every 20 epochs (published 1e-4)"),
        ramp_option("lfm"),
    ),
    exclusive=(RULES_JOINT_LOSS,),
    requires={READS_DATA: "weight=learned"}, class_scores="", mixes=True,
)

MMCOSINE = Method(
    axis="losses and prototypes",
    name="mmcosine", target="asgml.core.modulators.mmcosine:MMCosine", acts="loss",
    summary="predict by the angles between features and class weights, so that no modality "
            "outgrows another",
    source=cleandoc("""
        Xu et al., MMCosine: Multi-Modal Cosine Loss Towards Balanced Audio-Visual Fine-Grained
        Learning, ICASSP 2023
        code:  GeWu-Lab/MMCosine_ICASSP23, main_CD.py, lines 113 to 118, scaling at line 59; it
               evaluates the plain logits (line 182 on), as here; batch_size=32, 200 epochs
    """),
    formula=cleandoc("""
        cos_m,k = h_m . W_m,k / (|h_m| |W_m,k|)       W_m,k: weights of class k for h_m in z
        z_cos   = scaling * sum_m cos_m               no bias
        L       = CE(z_cos, y)                        in training; predictions are those of z
    """),
    needs="a fusion that is linear in the features (concat or sum); published with fusion.hidden=0",
    knobs=(
        number("mmcosine.scaling", 10.0, 0, 100, 1,
               "factor of the cosines (published 10; 15 in BalanceBenchmark)"),
        *window_knobs("mmcosine"),
    ),
    options=(ramp_option("mmcosine"),),
    exclusive=(RULES_JOINT_LOSS,), requires={NEEDS_HEAD: ""}, class_scores="", mixes=True,
    linear=True,
)
# fmt: on
