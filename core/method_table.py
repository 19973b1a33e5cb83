"""The table of methods, one row each. Light: importing this loads no torch.

A method joins the program by one row here and one file in core/modulators. Its settings become a section of the
configuration (`[boost]`, `--set boost.alpha=0.75`); those in `knobs` can also be changed while the training runs.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.method import (
    ENDLESS,
    THROTTLES,
    Method,
    ramp_option,
    window_knobs,
)
from storage.knobs import Knob


def _ogm_knobs(owner: str) -> tuple[Knob, ...]:
    alpha = Knob(f"{owner}.alpha", "float", 0.8, "throttle strength: k = 1 - tanh(alpha * discrepancy) for a dominant modality", 0, 3, 0.1)
    return (alpha, *window_knobs(owner, last=50))


def _ogm_options(owner: str) -> tuple[Knob, ...]:
    params = Knob(
        f"{owner}.params",
        "choice",
        "auto",
        "parameters that are modulated: auto is the encoder kind's own rule (4-D convolution kernels, or weights of 2-D and more)",
        choices=("auto", "conv4d", "ndim2", "all"),
    )
    return (params, ramp_option(owner))


METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        Method(
            name="baseline",
            target="core.modulators.base:Modulator",
            summary="plain joint training: no gradient is changed",
            acts="nothing",
            source="the uniform baseline of every paper in the field",
            formula="g_m <- g_m",
        ),
        Method(
            name="ogm",
            target="core.modulators.ogm:Ogm",
            summary="throttle the dominant modality by the discrepancy of the modalities' own logits",
            acts="after backward",
            source="Peng et al., Balanced Multimodal Learning via On-the-fly Gradient Modulation, CVPR 2022, eq. 7-10",
            formula=(
                "s_m = sum_i softmax(z_m)_i[y_i];  rho_m = mean_j!=m s_m / s_j;  "
                "k_m = 1 - tanh(alpha * rho_m) if rho_m > 1 else 1;  g_m <- k_m * g_m"
            ),
            needs="each modality's own logits",
            knobs=_ogm_knobs("ogm"),
            options=_ogm_options("ogm"),
            alone_in=(THROTTLES,),
            scales=True,
        ),
        Method(
            name="ogm_ge",
            target="core.modulators.ogm:OgmGe",
            summary="OGM plus Gaussian noise of the gradient's own size on every modality",
            acts="after backward",
            source="Peng et al., Balanced Multimodal Learning via On-the-fly Gradient Modulation, CVPR 2022, eq. 7-12",
            formula="g_m <- k_m * g_m + N(0, std(g_m)^2), with OGM's k_m; noise on all modalities, drawn per tensor",
            needs="each modality's own logits",
            knobs=_ogm_knobs("ogm_ge"),
            options=_ogm_options("ogm_ge"),
            alone_in=(THROTTLES,),
            scales=True,
        ),
        Method(
            name="boost",
            target="core.modulators.boost:Boost",
            summary="boost the weak modality's gradient, guided by detached linear probes",
            acts="after backward",
            source="ASGML v2, section 3.2; relatives: PMR's Acc (CVPR 2023), OGM* (T-PAMI 2024), MLB (BMVC 2024)",
            formula=(
                "u_m <- 0.1 * p_m + 0.9 * u_m;  w_m = 1 - (u_m - min u) / (max u - min u);  "
                "target_m = min(1 + alpha * w_m, scale_max);  "
                "scale_m <- ema_alpha * target_m + (1 - ema_alpha) * scale_m;  g_m <- scale_m * g_m"
            ),
            needs="probes",
            knobs=(
                Knob(
                    "boost.alpha",
                    "float",
                    0.5,
                    "boost of the weakest modality's gradient: its scale grows towards 1 + alpha (usual 0.1 to 1)",
                    0,
                    1.5,
                    0.05,
                ),
                Knob(
                    "boost.scale_max", "float", 2.0, "largest boost scale; acts only where 1 + alpha is larger (usual 1.5 to 3)", 1, 3, 0.1
                ),
                *window_knobs("boost", last=ENDLESS),
            ),
            options=(
                Knob(
                    "boost.ema_alpha",
                    "float",
                    0.3,
                    "weight of the newest target in the smoothed boost scale; 1 is no smoothing (usual 0.1 to 0.5)",
                    0.01,
                    1,
                ),
                ramp_option("boost"),
            ),
            scales=True,
        ),
    )
}
