"""The table of methods, one row each. Light: importing this loads no torch.

A method joins the program by one row here and one file in core/modulators. Its settings become a section of the
configuration (`[boost]`, `--set boost.alpha=0.75`); those in `knobs` can also be changed while the training runs.
"""

from __future__ import annotations

from collections.abc import Mapping

from asgml.core.methods.spec import (
    ACCELERATES,
    ADDS_UNIMODAL_LOSSES,
    CHANGES_FUSION_INPUT,
    DROPS_FEATURES,
    ENDLESS,
    NEEDS_HEAD,
    NEEDS_LENGTH,
    READS_DATA,
    SETS_RATES,
    THROTTLES,
    Method,
    ramp_option,
    window_knobs,
)
from asgml.core.methods.table_context import CONTEXT_METHODS
from asgml.storage.format.knobs import Knob


def _ogm_knobs(owner: str) -> tuple[Knob, ...]:
    alpha = Knob(
        f"{owner}.alpha",
        "float",
        0.8,
        "throttle strength: k = 1 - tanh(alpha * discrepancy) for a dominant modality",
        0,
        3,
        0.1,
    )
    return (alpha, *window_knobs(owner, last=50))


def _ogm_options(owner: str) -> tuple[Knob, ...]:
    help = "cvpr: k = 1 - tanh(alpha * rho); journal: k = max(0, 1 - alpha * tanh(rho - 1)), continuous at rho = 1, alpha up to 3"
    variant = Knob(f"{owner}.variant", "choice", "cvpr", help, choices=("cvpr", "journal"))
    return (variant, *_kernel_options(owner))


def _accelerate_knobs(owner: str) -> tuple[Knob, ...]:
    help = "boost strength: 1 + tanh(alpha * discrepancy of the others over it) for a weak modality"
    return (Knob(f"{owner}.alpha", "float", 0.8, help, 0, 3, 0.1), *window_knobs(owner, last=50))


def _gamma(owner: str, initial: float) -> Knob:
    return Knob(f"{owner}.gamma", "float", initial, "weight of the unimodal losses", 0, 10, 0.1)


def _via(owner: str) -> Knob:
    help = "gradient: multiply the encoder's gradient; lr: multiply its learning rate, which adam does not cancel"
    return Knob(f"{owner}.via", "choice", "gradient", help, choices=("gradient", "lr"))


def _kernel_options(owner: str) -> tuple[Knob, ...]:
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
            target="asgml.core.modulators.base:Modulator",
            summary="plain joint training: no gradient is changed",
            acts="nothing",
            source="the uniform baseline of every paper in the field",
            formula="g_m <- g_m",
        ),
        Method(
            name="ogm",
            target="asgml.core.modulators.ogm:Ogm",
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
            exclusive=(THROTTLES,),
            scales=True,
            class_scores="",
        ),
        Method(
            name="ogm_ge",
            target="asgml.core.modulators.ogm:OgmGe",
            summary="OGM plus Gaussian noise of the gradient's own size on every modality",
            acts="after backward",
            source="Peng et al., Balanced Multimodal Learning via On-the-fly Gradient Modulation, CVPR 2022, eq. 7-12",
            formula="g_m <- k_m * g_m + N(0, std(g_m)^2), with OGM's k_m; noise on all modalities, drawn per tensor",
            needs="each modality's own logits",
            knobs=_ogm_knobs("ogm_ge"),
            options=(
                Knob(
                    "ogm_ge.noise",
                    "choice",
                    "both",
                    "both: noise on every modality, as in the released code; dominant: only where k is not 1",
                    choices=("both", "dominant"),
                ),
                *_ogm_options("ogm_ge"),
            ),
            exclusive=(THROTTLES,),
            scales=True,
            class_scores="",
        ),
        Method(
            name="boost",
            target="asgml.core.modulators.boost:Boost",
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
                    "boost.scale_max",
                    "float",
                    2.0,
                    "largest boost scale; acts only where 1 + alpha is larger (usual 1.5 to 3)",
                    1,
                    3,
                    0.1,
                ),
                Knob(
                    "boost.gap_scale",
                    "float",
                    0.0,
                    "gap from which on the boost is whole: alpha * clip(gap / gap_scale, 0, 1); 0 is off (usual 0.15 to 0.3)",
                    0,
                    1,
                    0.05,
                    applies="probe",
                ),
                Knob(
                    "boost.dead_band",
                    "float",
                    0.0,
                    "no boost while the gap is smaller than this; 0 is off (usual 0.03 to 0.05)",
                    0,
                    1,
                    0.01,
                    applies="probe",
                ),
                *window_knobs("boost", last=ENDLESS),
            ),
            options=(
                Knob(
                    "boost.signal",
                    "choice",
                    "probe",
                    "what tells strong from weak: probe, probe_val (probes on validation samples), or without probes: "
                    "discrepancy (true-class probability), grad_norm (share of the gradient), loss (exp of minus the own loss)",
                    choices=("probe", "probe_val", "discrepancy", "grad_norm", "loss"),
                ),
                Knob(
                    "boost.val_samples",
                    "int",
                    256,
                    "validation samples that signal=probe_val scores the probes on",
                    1,
                    None,
                ),
                Knob(
                    "boost.bias_corrected",
                    "bool",
                    False,
                    "correct the utilization for having started at 0",
                ),
                Knob(
                    "boost.schedule",
                    "choice",
                    "constant",
                    "alpha over the run: constant; linear or cosine down to 0; gap: in proportion to the gap, whole at its largest so far",
                    choices=("constant", "linear", "cosine", "gap"),
                ),
                _via("boost"),
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
            requires={
                SETS_RATES: "via=lr",
                READS_DATA: "signal=probe_val",
                NEEDS_LENGTH: "schedule=linear|cosine",
            },
            class_scores="signal=discrepancy|loss",
        ),
        Method(
            name="uniform",
            target="asgml.core.modulators.unimodal_loss:UnimodalLoss",
            summary="joint and unimodal losses together; no gradient is changed",
            acts="loss",
            source="the uniform baseline of Wei and Hu, MMPareto, ICML 2024",
            formula="L = CE(z, y) + gamma * sum_m CE(z_m, y)",
            needs="each modality's own logits",
            knobs=(_gamma("uniform", 1.0), *window_knobs("uniform", last=ENDLESS)),
            options=(ramp_option("uniform"),),
            exclusive=(ADDS_UNIMODAL_LOSSES,),
            unimodal_loss=True,
        ),
        Method(
            name="ogm_star",
            target="asgml.core.modulators.acceleration:Accelerate",
            summary="OGM*: leave the dominant modality alone and boost the weak one by its discrepancy",
            acts="after backward",
            source="Wei et al., On-the-fly Modulation for Balanced Multimodal Learning, T-PAMI 2024, 4.4.2; same formula as pmr_acc",
            formula="r_m = mean_j!=m s_j / s_m;  g_m <- (1 + tanh(alpha * r_m)) * g_m if r_m > 1; coefficient=constant: 4 * g_m",
            needs="each modality's own logits",
            knobs=_accelerate_knobs("ogm_star"),
            options=(
                Knob(
                    "ogm_star.coefficient",
                    "choice",
                    "tanh",
                    "tanh: 1 + tanh(alpha * discrepancy); constant: 4, as in the released code",
                    choices=("tanh", "constant"),
                ),
                *_kernel_options("ogm_star"),
            ),
            exclusive=(ACCELERATES,),
            scales=True,
            class_scores="",
        ),
        Method(
            name="pmr_acc",
            target="asgml.core.modulators.acceleration:Accelerate",
            summary="PMR's Acc: boost the slower modality's kernels by its discrepancy",
            acts="after backward",
            source="Fan et al., PMR: Prototypical Modal Rebalance for Multimodal Learning, CVPR 2023, section 3; same formula as ogm_star",
            formula="r_m = mean_j!=m s_j / s_m;  g_m <- (1 + tanh(alpha * r_m)) * g_m if r_m > 1",
            needs="each modality's own logits",
            knobs=_accelerate_knobs("pmr_acc"),
            options=_kernel_options("pmr_acc"),
            exclusive=(ACCELERATES,),
            scales=True,
            class_scores="",
        ),
        Method(
            name="mlb",
            target="asgml.core.modulators.mlb:Mlb",
            summary="boost the weak and slow the strong modality with one formula, beside the unimodal losses",
            acts="loss and after backward",
            source="Kontras et al., Improving Multimodal Learning with Multi-Loss Gradient Modulation, BMVC 2024, section 3.2",
            formula=(
                "r_m = mean_j!=m s_j / s_m;  b_m = beta_max if r_m > 1 else 2;  k_m = 1 + (b_m - 1) * tanh(alpha * (r_m - 1));  "
                "g_m <- k_m * g_m;  L = CE(z, y) + gamma * sum_m CE(z_m, y)"
            ),
            needs="each modality's own logits",
            knobs=(
                Knob(
                    "mlb.alpha",
                    "float",
                    1.0,
                    "how fast k_m leaves 1 as the modalities part (usual 0.5 to 2)",
                    0,
                    10,
                    0.1,
                ),
                Knob(
                    "mlb.beta_max",
                    "float",
                    5.0,
                    "largest factor of a weak modality's gradient (usual 2 to 10)",
                    1,
                    20,
                    0.5,
                ),
                _gamma("mlb", 1.0),
                *window_knobs("mlb", last=ENDLESS),
            ),
            options=(_via("mlb"), ramp_option("mlb")),
            exclusive=(THROTTLES, ACCELERATES, ADDS_UNIMODAL_LOSSES),
            scales=True,
            unimodal_loss=True,
            requires={SETS_RATES: "via=lr"},
            class_scores="",
        ),
        Method(
            name="mslr",
            target="asgml.core.modulators.mslr:Mslr",
            summary="a learning rate of its own for every modality's encoder",
            acts="learning rate",
            source="Yao and Mihalcea, Modality-specific Learning Rates for Additive Late-fusion, Findings of ACL 2022",
            formula=(
                "lr_m = f_m * c_m * lr;  keep: c_m = 1;  smooth: f_m goes to 1 linearly over the run;  "
                "dynamic: c_m = own validation accuracy / mean of its last `memory` values"
            ),
            needs="a validation split",
            knobs=window_knobs("mslr", last=ENDLESS),
            options=(
                Knob(
                    "mslr.variant",
                    "choice",
                    "dynamic",
                    "how the factors go on: keep, smooth (to 1 over the run) or dynamic (by validation accuracy)",
                    choices=("keep", "smooth", "dynamic"),
                ),
                Knob(
                    "mslr.factors",
                    "text",
                    "",
                    "factors f_m, such as audio=0.9,visual=1.1; 1 for a modality that is not named",
                ),
                Knob(
                    "mslr.memory",
                    "int",
                    5,
                    "validation accuracies that dynamic averages over (usual 5 to 10)",
                    1,
                    1000,
                ),
                ramp_option("mslr"),
            ),
            exclusive=(SETS_RATES,),
            requires={SETS_RATES: ""},
        ),
        Method(
            name="opm",
            target="asgml.core.modulators.opm:Opm",
            summary="drop the dominant modality's features, more often the more it dominates",
            acts="features",
            source="Wei et al., On-the-fly Modulation for Balanced Multimodal Learning, T-PAMI 2024 (OPM)",
            formula=(
                "q_m = q_base * (1 + lambda * tanh(rho_m - 1)) if rho_m > 1 else 0;  in a batch with probability p_exe: h_m <- 0 with "
                "probability q_m per sample;  h <- h / (1 - sum D_m q_m / sum D_m)"
            ),
            needs="each modality's own logits",
            knobs=(
                Knob(
                    "opm.q_base",
                    "float",
                    0.5,
                    "probability of dropping a barely dominant modality's features",
                    0,
                    1,
                    0.05,
                ),
                Knob(
                    "opm.lambda",
                    "float",
                    0.5,
                    "how much that probability grows with the discrepancy",
                    0,
                    2,
                    0.05,
                ),
                Knob(
                    "opm.p_exe",
                    "float",
                    0.7,
                    "probability that a batch has features dropped at all",
                    0,
                    1,
                    0.05,
                ),
                *window_knobs("opm", last=ENDLESS, first=5),
            ),
            options=(ramp_option("opm"),),
            exclusive=(DROPS_FEATURES,),
            requires={CHANGES_FUSION_INPUT: ""},
            class_scores="",
        ),
        Method(
            name="cggm",
            target="asgml.core.modulators.cggm:Cggm",
            summary="the modality whose own classifier improved most gets the smallest gradient",
            acts="loss and after backward",
            source="Guo et al., Classifier-guided Gradient Modulation for Enhanced Multimodal Learning, NeurIPS 2024",
            formula=(
                "B_m = (S - d_m) / S, d_m = gain in accuracy of m's classifier, S = sum d_m;  g_m <- clip(rho * B_m, 0, clamp) * g_m;  "
                "L = CE(z, y) + lambda * (sum |B_m| - sum B_m cos(W_m, W)) / M"
            ),
            needs="a fusion with one output layer (concat), unless direction=false",
            knobs=(
                Knob(
                    "cggm.rho",
                    "float",
                    1.3,
                    "factor of all B_m (1 to 1.3 in the paper)",
                    0.01,
                    5,
                    0.1,
                ),
                Knob(
                    "cggm.clamp",
                    "float",
                    3.0,
                    "largest factor of a gradient; B_m is unbounded where no classifier improves",
                    0,
                    100,
                    0.5,
                ),
                Knob(
                    "cggm.lambda",
                    "float",
                    0.2,
                    "weight of the direction term (0.05 to 0.2 in the paper)",
                    0,
                    10,
                    0.05,
                ),
                *window_knobs("cggm", last=ENDLESS),
            ),
            options=(
                Knob("cggm.direction", "bool", True, "add the direction term L_gm to the loss"),
                Knob(
                    "cggm.ema",
                    "float",
                    1.0,
                    "weight of the newest batch accuracy in e_m; 1 is the paper's, with no smoothing",
                    0.01,
                    1,
                ),
                Knob(
                    "cggm.classifier_lr",
                    "float",
                    5e-4,
                    "learning rate of the classifiers' Adam",
                    1e-7,
                    1,
                ),
                ramp_option("cggm"),
            ),
            scales=True,
            requires={NEEDS_HEAD: "direction=True"},
            class_scores="direction=True",
        ),
        Method(
            name="arl",
            target="asgml.core.modulators.arl:Arl",
            summary="let two modalities learn in proportion to the inverse of their variance, not evenly",
            acts="loss and after backward",
            source="Wei et al., Improving Multimodal Learning via Imbalanced Learning, ICCV 2025 (ARL)",
            formula=(
                "p_m = head(h_m, 0);  q_m = 1 / entropy(p_m);  d_m = share of mean |p_m|;  a = softmax(T * q_0/q_1, T * d_0/d_1);  "
                "g_m <- (1 + a_m) * g_m;  L = CE(z, y) + gamma * sum_m CE(p_m, y)"
            ),
            needs="two modalities",
            knobs=(
                _gamma("arl", 4.0),
                Knob(
                    "arl.temperature",
                    "float",
                    8.0,
                    "T: 8 on CREMA-D, 4 on the paper's other data",
                    0,
                    100,
                    1,
                ),
                Knob(
                    "arl.start_epoch",
                    "int",
                    5,
                    "first epoch of the asymmetry; before it a_m = 0.5 and gamma = 1",
                    0,
                    None,
                    1,
                    applies="epoch",
                ),
                *window_knobs("arl", last=ENDLESS),
            ),
            options=(
                Knob(
                    "arl.weights",
                    "choice",
                    "paper",
                    "paper: its formula; code: the formula of the released script; even: 0.5 each, what that script trains with",
                    choices=("paper", "code", "even"),
                ),
                ramp_option("arl"),
            ),
            exclusive=(ADDS_UNIMODAL_LOSSES,),
            scales=True,
            modalities=2,
            requires={NEEDS_HEAD: ""},
            class_scores="",
        ),
        *CONTEXT_METHODS,
    )
}
