"""Rows of the methods that look beyond one step's gradients: at the past, the graph, the data, or copies of the model."""

from __future__ import annotations

from asgml.core.methods.spec import (
    ADDS_UNIMODAL_LOSSES,
    ENDLESS,
    READS_DATA,
    REPLACES_GRADIENTS,
    RUNS_ENCODERS,
    TRAINS_ENCODERS_APART,
    Method,
    ramp_option,
    window_knobs,
)
from asgml.storage.format.knobs import Knob


def _number(
    name: str,
    initial: float,
    help: str,
    low: float,
    high: float | None = None,
    step: float | None = None,
) -> Knob:
    return Knob(name, "float", initial, help, low, high, step)


def _count(name: str, initial: int, help: str, low: int = 1) -> Knob:
    return Knob(name, "int", initial, help, low, None, 1, applies="epoch")


CONTEXT_METHODS: tuple[Method, ...] = (
    Method(
        name="agm",
        target="asgml.core.modulators.agm:Agm",
        summary="throttle or boost each modality by its Shapley share of the prediction, compared with its own past",
        acts="after backward",
        source="Li et al., Boosting Multi-modal Model Performance with Adaptive Gradient Modulation, ICCV 2023",
        formula=(
            "m_m = Shapley value of input m in the logits;  s_m = CE(m_m, y);  r_m = exp(M/(M-1) * (mean_j s_j - s_m));  "
            "tau_m = the same of the running means;  g_m <- exp(alpha * min(tau_m - r_m, cap)) * g_m"
        ),
        needs="at most 6 modalities",
        knobs=(
            _number(
                "agm.alpha",
                1.5,
                "strength: kappa = exp(alpha * (tau - r)) (published 1.5 to 4)",
                0,
                4,
                0.1,
            ),
            *window_knobs("agm", last=ENDLESS),
        ),
        options=(
            _number(
                "agm.cap",
                10.0,
                "largest tau - r that counts (published 10; 7 for three modalities)",
                0,
                10,
            ),
            ramp_option("agm"),
        ),
        scales=True,
        requires={RUNS_ENCODERS: ""},
        class_scores="",
    ),
    Method(
        name="mmpareto",
        target="asgml.core.modulators.mmpareto:MMPareto",
        summary="give each encoder the gradient that serves the joint and its own loss alike",
        acts="loss and after backward",
        source="Wei and Hu, MMPareto: Boosting Multimodal Learning with Innocent Unimodal Assistance, ICML 2024",
        formula=(
            "L = L_task + sum_m CE(z_m, y);  k0 = k1 = 1/2 if cos(g0, g1) > 0 else minimum norm of k0 g0 + k1 g1;  "
            "d = 2 k0 g0 + 2 k1 g1;  g_m <- gamma * d * max(1, |g0 + g1| / |d|)"
        ),
        needs="each modality's own logits",
        knobs=(
            _number("mmpareto.gamma", 1.5, "factor of every encoder's new gradient", 0, 5, 0.1),
            *window_knobs("mmpareto", last=ENDLESS),
        ),
        options=(ramp_option("mmpareto"),),
        exclusive=(REPLACES_GRADIENTS, ADDS_UNIMODAL_LOSSES, TRAINS_ENCODERS_APART),
        unimodal_loss=True,
    ),
    Method(
        name="pmr",
        target="asgml.core.modulators.pmr:Pmr",
        summary="pull the slow modality's features to the prototypes of their classes",
        acts="loss",
        source="Fan et al., PMR: Prototypical Modal Rebalance for Multimodal Learning, CVPR 2023",
        formula=(
            "p_m = softmax_k(-|h_m - c_k|);  s_m = sum_i p_m,i[y_i];  slow_m = clip(mean_j!=m s_j / s_m - 1, 0, 1);  "
            "L = L_task + alpha * sum_m slow_m * CE(p_m, y) - entropy * sum_m fast_m * H(p_m)"
        ),
        needs="features of a part of the training split, each epoch",
        knobs=(
            _number(
                "pmr.alpha", 1.0, "weight of the prototypes' loss (published 1 to 2)", 0, 5, 0.1
            ),
            *window_knobs("pmr", last=ENDLESS),
        ),
        options=(
            Knob(
                "pmr.rule",
                "choice",
                "paper",
                "weight of a slow modality: paper grows with how slow it is, code is 1",
                choices=("paper", "code"),
            ),
            _number("pmr.momentum", 0.2, "weight of the old prototype in the new one", 0, 1),
            _number(
                "pmr.share",
                0.1,
                "part of the training split that prototypes are made of (published 0.1, or 1 for small data)",
                0,
                1,
            ),
            _number(
                "pmr.entropy",
                0.0,
                "weight of the entropy that holds the fast modality back (PER, published 0.001 to 0.01)",
                0,
                1,
            ),
            _count(
                "pmr.entropy_epochs",
                10,
                "epochs in which the entropy term acts, from the first one on",
                0,
            ),
            ramp_option("pmr"),
        ),
        exclusive=(TRAINS_ENCODERS_APART,),
        requires={READS_DATA: ""},
        class_scores="",
    ),
    Method(
        name="g_blending",
        target="asgml.core.modulators.g_blending:GBlending",
        summary="weigh the joint and the unimodal losses by how they generalise and over-fit, measured on copies",
        acts="loss",
        source="Wang, Tran, Feiszli, What Makes Training Multi-modal Classification Networks Hard?, CVPR 2020 (online)",
        formula="L = w_0 * L_task + sum_m w_m * CE(z_m, y);  w_k = (G_k / O_k^2) / Z with G generalisation, O over-fitting",
        needs="time: M + 1 copies are trained for measure_epochs, every so many epochs",
        knobs=window_knobs("g_blending", last=ENDLESS),
        options=(
            _count("g_blending.every", 10, "epochs between measurements (a super-epoch)"),
            _count(
                "g_blending.measure_epochs",
                2,
                "epochs that each copy is trained for (the paper: as many as in a super-epoch)",
            ),
            ramp_option("g_blending"),
        ),
        exclusive=(ADDS_UNIMODAL_LOSSES,),
        unimodal_loss=True,
        requires={READS_DATA: ""},
    ),
    Method(
        name="relearning",
        target="asgml.core.modulators.relearning:Relearning",
        summary="diagnose over-fitted encoders by clustering, and move them part of the way back to their initial weights",
        acts="between epochs",
        source="Wei et al., Diagnosing and Re-learning for Balanced Multimodal Learning, ECCV 2024",
        formula=(
            "gap_m = |purity of KMeans(C) on h_m, train - val|;  w_m = tanh(scale * gap_m);  "
            "theta_m <- w_m * theta_m(initial) + (1 - w_m) * theta_m"
        ),
        needs="a validation split with at least as many samples as classes",
        knobs=(
            _number(
                "relearning.scale",
                3.0,
                "lambda of w = tanh(lambda * gap) (published 3, 7 or 8)",
                0,
                20,
                0.5,
            ),
            *window_knobs("relearning", last=ENDLESS),
        ),
        options=(
            _count(
                "relearning.start",
                20,
                "epoch at whose beginning the encoders go back first, counted from 0",
                0,
            ),
            _count(
                "relearning.every",
                20,
                "epochs from one time to the next (published 20; 5 on CMU-MOSI)",
            ),
            _count("relearning.times", 3, "how many times", 0),
            ramp_option("relearning"),
        ),
        requires={READS_DATA: ""},
    ),
    Method(
        name="inforeg",
        target="asgml.core.modulators.inforeg:InfoReg",
        summary="hold the modality that is ahead near its weights at the epoch's beginning, while it takes in much",
        acts="after backward",
        source="Huang et al., Adaptive Unimodal Regulation for Balanced Multimodal Information Acquisition, CVPR 2025",
        formula=(
            "F_m(t) = sum of |g_m|^2 over epoch t;  window: (F(t-1) - F(t-2)) / F(t-1) > threshold;  "
            "ahead m: g_m <- g_m + scale * exp(beta * tanh(s_m - s_other)) * (theta_m - theta_m at the epoch's beginning)"
        ),
        needs="two modalities",
        knobs=(
            _number(
                "inforeg.scale",
                1.0,
                "factor of the pull (published code 0.95 where audio is ahead, 0.1 where visual is)",
                0,
                5,
                0.05,
            ),
            _number(
                "inforeg.beta",
                1.0,
                "how much the pull grows with the gap: exp(beta * tanh(gap))",
                0,
                5,
                0.1,
            ),
            *window_knobs("inforeg", last=ENDLESS),
        ),
        options=(
            _number(
                "inforeg.threshold",
                0.04,
                "least relative growth of the Fisher trace in the window (published 0.04, code 0.05)",
                -1,
                1,
            ),
            ramp_option("inforeg"),
        ),
        exclusive=(REPLACES_GRADIENTS,),
        modalities=2,
        class_scores="",
    ),
    Method(
        name="asgml_v1",
        target="asgml.core.modulators.asgml_v1:AsgmlV1",
        summary="update the fast modality less often, or by gradients of the past",
        acts="loss and after backward",
        source="ASGML v2, section 1.3 and appendix A: the design that it replaces",
        formula=(
            "S_m = beta * G_m + (1 - beta) * D_m;  tau_m = clamp(tau_base * S_m, tau_min, tau_max);  "
            "frequency: g_m <- soft_mask_scale * g_m unless t mod T_m = 0;  staleness: g_m(t) <- g_m(t - s) / (1 + staleness_decay * s)"
        ),
        needs="each modality's own logits; the probes with signal=probe or both",
        knobs=(
            _number(
                "asgml_v1.gamma",
                1.0,
                "weight of the own losses of the modalities that are updated",
                0,
                10,
                0.1,
            ),
            _number(
                "asgml_v1.tau_base",
                2.0,
                "steps between updates of a modality that learns at mean speed",
                1,
                16,
                0.5,
            ),
            _number(
                "asgml_v1.soft_mask_scale",
                0.0,
                "what is left of a gradient whose update is skipped (the predecessor's code 0.1)",
                0,
                1,
                0.1,
            ),
            *window_knobs("asgml_v1", last=ENDLESS),
        ),
        options=(
            Knob(
                "asgml_v1.mode",
                "choice",
                "frequency",
                "frequency skips updates, staleness uses old gradients",
                choices=("frequency", "staleness"),
            ),
            Knob(
                "asgml_v1.signal",
                "choice",
                "dual",
                "what tells the speed: dual is gradient norms and own losses, probe is utilization, or both",
                choices=("dual", "probe", "both"),
            ),
            _number(
                "asgml_v1.beta",
                0.5,
                "share of the gradient norms in the dual signal; the rest is own losses",
                0,
                1,
            ),
            _number("asgml_v1.tau_min", 1.0, "smallest tau", 1),
            _number(
                "asgml_v1.tau_max",
                8.0,
                "largest tau; staleness keeps so many gradients (published 8, 4 for AVE and MOSEI)",
                1,
                64,
            ),
            _number("asgml_v1.kappa", 3.0, "longest period, in units of the shortest", 1),
            _number("asgml_v1.staleness_decay", 0.1, "lambda of 1 / (1 + lambda * staleness)", 0),
            _count("asgml_v1.eval_freq", 100, "steps between renewals of tau"),
            _count(
                "asgml_v1.phase",
                0,
                "steps that each modality's turn is ahead of the one before it; 0: all skip together",
                0,
            ),
            Knob(
                "asgml_v1.relative",
                "bool",
                True,
                "speeds in units of their mean, as designed; false: of the slowest (without tau_base)",
            ),
            ramp_option("asgml_v1"),
        ),
        exclusive=(ADDS_UNIMODAL_LOSSES, REPLACES_GRADIENTS),
        unimodal_loss=True,
    ),
)
