"""Row of the method that chooses what is shown in an epoch. Light: loads no torch."""

from __future__ import annotations

from inspect import cleandoc

from asgml.core.methods.knobs import choice, number, ramp_option, window_knobs
from asgml.core.methods.spec import DROPS_FEATURES, READS_DATA, REPEATS_SAMPLES, Method

# Rows are a table, aligned by hand.
# fmt: off
VALUATION = Method(
    axis="features and samples",
    name="valuation", target="asgml.core.modulators.valuation:Valuation", acts="data",
    summary="show a sample again, with one modality alone, where that modality contributes little",
    source=cleandoc("""
        Wei et al., Enhancing Multimodal Cooperation via Sample-level Modality Valuation, CVPR 2024
        code:  GeWu-Lab/Valuate-and-Enhance-Multimodal-Cooperation, code/: contributions in
               sample_level.py, execute_modulation; how often in datasets/dataloader.py, class
               AV_KS_Dataset_sample_level; features zeroed in models/models.py; level=modality in
               modality_level.py; adam, optimizer.lr=5e-5, batch_size=64, 60 epochs
    """),
    formula=cleandoc("""
        v_i(S)   = |S| where the features in S alone, others 0, predict sample i correctly, else 0
        phi_m(i) = sum over S without m of |S|! (M - |S| - 1)! / M! * (v_i(S + m) - v_i(S))
        n_m(i)   = 0 from phi_m(i) = 1 on, 1 above 0.4, 2 above -0.1, else 3        level=sample
                   of the m with the least mean phi_m: rate * 2/3 * (mean of the others' phi - its)
                   * N draws of all samples, means over `share` of the samples    level=modality
        h_j(i)  <- 0 for j != m, in n_m(i) more showings of sample i in the epoch
        L        = CE(z, y), over the samples and what is shown again
    """),
    needs="2 to 6 modalities; a prediction of the training split before each epoch",
    knobs=(
        number("valuation.rate", 1.0, 0, 5, 0.1,
               "level=modality: factor of how many samples are shown again", applies="epoch"),
        *window_knobs("valuation", first=5),
    ),
    options=(
        choice("valuation.level", "sample", "sample modality",
               "sample: each sample by its own contributions; "
               "modality: random samples of the modality that contributes least"),
        number("valuation.share", 0.2, 0.001, 1, None,
               "level=modality: part of the training split that contributions are averaged over"),
        ramp_option("valuation"),
    ),
    exclusive=(DROPS_FEATURES,),
    requires={READS_DATA: "", REPEATS_SAMPLES: ""}, class_scores="",
)
# fmt: on
