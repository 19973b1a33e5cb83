"""The table of methods: name, what it does, where it acts, its knobs. Light: importing this loads no torch.

A method joins the program by one row here and one file in core/modulators. Its options become a section of the
configuration (`[boost]`, `--set boost.alpha=0.75`), those in `knobs` can also be changed while the training runs.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from storage.knobs import Knob

ENDLESS = 1_000_000
"""A last epoch that no training reaches: the window stays open."""


class RegistryError(ValueError):
    """A method name that is unknown, or a combination that means nothing. One line for a person."""


@dataclass(frozen=True)
class Method:
    """One row. `target` is "module:Class", imported only by the trainer; `acts` says when in the step it changes what."""

    name: str
    target: str
    summary: str
    acts: Literal["nothing", "after backward"]
    source: str
    formula: str
    needs: str = "nothing"
    knobs: tuple[Knob, ...] = ()
    options: tuple[Knob, ...] = ()

    @property
    def settings(self) -> tuple[Knob, ...]:
        """Everything in the method's configuration section: live knobs first, then what is fixed for a run."""
        return self.knobs + self.options


def window_knobs(owner: str, last: int) -> tuple[Knob, ...]:
    """The settings that any method has: the epochs it acts in, and how strongly."""
    return (
        Knob(f"{owner}.strength", "float", 1.0, "how much of the method acts: 0 is plain training, 1 the whole method", 0, 1, 0.1),
        Knob(f"{owner}.first_epoch", "int", 0, "first epoch in which the method acts, counted from 0", 0, ENDLESS, 1, applies="epoch"),
        Knob(f"{owner}.last_epoch", "int", last, "last epoch in which the method acts, inclusive", 0, ENDLESS, 1, applies="epoch"),
    )


def ramp_option(owner: str) -> Knob:
    return Knob(f"{owner}.ramp_epochs", "int", 0, "epochs over which the method grows to its whole strength", 0, ENDLESS, 1)


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
        ),
    )
}


def parse_method(text: str) -> list[Method]:
    """The rows that `ogm_ge+boost` names, in the order given.

    Raises RegistryError for an unknown name (with the nearest known ones), a repeated one, or `baseline` in company.
    """
    names = [part.strip() for part in text.split("+")]
    methods = [_row(name) for name in names]
    if len(set(names)) < len(names):
        raise RegistryError(f"method {text!r}: a method is named twice; name each once")
    if len(names) > 1 and "baseline" in names:
        raise RegistryError(f"method {text!r}: baseline changes no gradient, so it composes with nothing; leave it out")
    if {"ogm", "ogm_ge"} <= set(names):
        raise RegistryError(f"method {text!r}: ogm_ge is ogm with noise, both together would throttle twice; name one of them")
    return methods


def section_defaults() -> dict[str, dict[str, float | int | bool | str]]:
    """The default settings of every method, as they stand in a configuration: {"boost": {"alpha": 0.5, ...}, ...}."""
    return {name: {bare(knob): knob.initial for knob in method.settings} for name, method in METHODS.items() if method.settings}


def bare(knob: Knob) -> str:
    """The knob's name without its owner."""
    return knob.name.rpartition(".")[2]


def nearest(word: str, known: Sequence[str]) -> str:
    """`; did you mean a, b?` for a mistyped word, else the known words."""
    close = difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(known)}"


def _row(name: str) -> Method:
    if name not in METHODS:
        raise RegistryError(f"unknown method {name!r}: {nearest(name, list(METHODS))}")
    return METHODS[name]
