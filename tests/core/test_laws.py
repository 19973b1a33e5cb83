"""Check the laws of modulators on all methods and compositions, for 2, 3 and 6 modalities."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from core_kit import (
    SHAPES,
    Bench,
    assert_same_bits,
    gradients,
    house_of,
    is_finite,
    make_trainer,
    modalities,
    reading,
    seeded,
    small_config,
    small_data,
    through_a_file,
    utilizations,
    weights,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from asgml.core.methods.registry import METHODS, RegistryError, parse_method, short_name
from asgml.core.methods.spec import Method, MethodError
from asgml.core.modulators.base import Modulator
from asgml.core.modulators.modulation import NEUTRAL, Modulation, compose
from asgml.core.modulators.window import Windowed
from asgml.core.types import Backward, Forward, Scalar


def pairs() -> list[str]:
    """Every two methods that the registry lets be named together."""
    found = []
    for names in itertools.combinations(METHODS, 2):
        try:
            found.append("+".join(method.name for method in parse_method("+".join(names))))
        except RegistryError:
            continue
    return found


FIRST = ("baseline", "ogm", "ogm_ge", "boost", "ogm_ge+boost")
"""The default method, its members and the baseline: tried with three modalities too."""


def rows_of(method: str) -> list[Method]:
    """Return the rows of a composition, or of a method in a variant."""
    return parse_method(method.partition(":")[0])


def counts(method: str) -> tuple[int, ...]:
    """Return the numbers of modalities that every method of a composition is defined for."""
    defined = [row.modalities for row in rows_of(method) if row.modalities is not None]
    return tuple(defined[:1]) if defined else (2, 3, 6) if method in FIRST else (2, 6)


VARIANTS = [
    f"{name}:{variant}"
    for name, row in METHODS.items()
    for knob in row.settings
    if short_name(knob) == "variant" and set(knob.choices) == {"paper", "code"}
    for variant in knob.choices
    if variant != knob.initial
]
"""Methods in the variant that is not the default, `pmr:paper`; every law holds for them too."""

SCOPES = ["mlb:encoder", "ogm_ge:encoder+head", "boost:encoder+head", "cggm:encoder+head"]
"""Methods whose gains act on the head too, or do not, where that is not the default."""

EVERY = [
    (method, count)
    for method in dict.fromkeys((*FIRST, *METHODS, *VARIANTS, *SCOPES))
    for count in counts(method)
]
METHODS_AND_COUNTS = pytest.mark.parametrize(("method", "count"), EVERY)
ACTING = pytest.mark.parametrize(
    ("method", "count"), [(method, count) for method, count in EVERY if method != "baseline"]
)
ON_GRADIENTS = [
    (method, count)
    for method, count in EVERY
    if not {row.acts for row in rows_of(method)}
    & {"nothing", "between epochs", "learning rate", "data"}
]
WINDOWS = [(*each, *window) for each in ON_GRADIENTS for window in ((1, 3), (2, -1))]
WINDOWS += [("ogm_ge+boost", 2, *window) for window in ((0, 0), (3, 1), (0, 9))]

LIVELY: dict[str, dict[str, Any]] = {
    "arl": {"start_epoch": -1},
    "mslr": {"variant": "keep", "factors": "visual=0.5"},
    "opm": {"p_exe": 1.0, "q_base": 1.0},
    "inforeg": {"threshold": -1.0},
    "relearning": {"start": 0, "every": 1},
    "mses": {"patience": -1},
}
"""Settings with which a method acts from the first step on, not after some epochs or by chance."""

ORDERED = {"arl", "arl:paper", "inforeg", "aug", "aug:paper"}
ORDERED |= {"mla", "mla:paper", "reconboost", "reconboost:paper"}
"""Methods whose formula depends on the order of modalities.

ARL compares q_0/q_1 with d_0/d_1; InfoReg as released gives audio, the first, rules of its own;
the others train one after another.
"""


SPLIT = {"alone": "split"}
"""The fusion of plain training, beside methods that have unimodal heads where none is chosen."""


def sections_of(method: str, **settings: Any) -> dict[str, dict[str, Any]]:
    """Return the same settings for every method of a composition."""
    return {row.name: settings for row in rows_of(method) if row.settings}


def lively(method: str, **settings: Any) -> dict[str, dict[str, Any]]:
    """Return the same, with the settings of LIVELY below them."""
    return {
        name: {**LIVELY.get(name, {}), **section}
        for name, section in sections_of(method, **settings).items()
    }


def with_variant(method: str, sections: dict[str, Any]) -> dict[str, Any]:
    """Return the sections with the variant that `method` names, `pmr:paper`."""
    name, _, variant = method.partition(":")
    setting = "scope" if "encoder" in variant else "variant"
    chosen = {name: {**sections.get(name, {}), setting: variant}} if variant else {}
    return {**sections, **chosen}


def bench_of(method: str, names: tuple[str, ...], **sections: Any) -> Bench:
    """Return a bench of a composition, or of a method in a variant."""
    return Bench(method.partition(":")[0], names, **with_variant(method, sections))


def has_alpha(method: str) -> bool:
    rows = rows_of(method)
    return all("alpha" in {short_name(knob) for knob in row.settings} for row in rows)


def numbers_of(modulation: Modulation) -> dict[str, float]:
    """Return all numbers of a modulation by kind and key, but for its directions."""
    kinds = {"gain": modulation.gains, "noise": modulation.noise, "rate": modulation.rates}
    kinds |= {"factor": modulation.factors, "reading": modulation.readings}
    return {
        f"{kind} {key}": float(value)
        for kind, values in kinds.items()
        for key, value in values.items()
    }


def test_the_battery_knows_the_default_method() -> None:
    assert "ogm_ge+boost" in pairs()


def test_the_battery_knows_every_kind_of_small_encoder() -> None:
    from asgml.core.model.encoders.build import suitable

    assert {suitable(shape) for shape in SHAPES.values()} == {"conv", "mlp", "sequence"}


# -- gains ---------------------------------------------------------------------------


@METHODS_AND_COUNTS
@settings(max_examples=4, deadline=None)
@given(alpha=st.floats(0, 1.5), loudness=st.sampled_from([0.0, 1.0, 1e4]), weak=st.integers(0, 5))
def test_gains_and_noise_are_finite_and_not_negative(
    method: str, count: int, alpha: float, loudness: float, weak: int
) -> None:
    sections = sections_of(method, alpha=alpha) if has_alpha(method) else {}
    bench = bench_of(method, modalities(count), **sections)
    with torch.no_grad():
        for parameter in bench.model.fusion.parameters():
            parameter.mul_(loudness)
    bench.modulator.observe(reading({m: float(i != weak) for i, m in enumerate(bench.names)}))
    modulation = bench.modulate()
    numbers = numbers_of(modulation)
    assert all(is_finite(number) for number in numbers.values()), numbers
    signed = {name: x for name, x in numbers.items() if name.startswith(("gain", "noise"))}
    assert all(number >= 0 for number in signed.values()), numbers


@METHODS_AND_COUNTS
def test_the_neutral_modulation_is_neutral(method: str, count: int) -> None:
    modulation = bench_of(method, modalities(count)).modulate()
    assert modulation * NEUTRAL == modulation
    assert NEUTRAL * modulation == modulation
    assert compose([]) is NEUTRAL


def test_the_baseline_and_neutral_leave_every_bit_and_draw_no_noise() -> None:
    bench = Bench("baseline", modalities(3))
    modulation = bench.modulate()
    before = gradients(bench.model)
    assert not modulation.acts
    for nothing in (modulation, NEUTRAL):
        generator = bench.apply(nothing)
        assert_same_bits(gradients(bench.model), before)
        assert torch.equal(generator.get_state(), seeded().get_state())


class Louder(Modulator):
    """A user's method that gives noise to all parameters and throttles the kernels."""

    def modulate(self, backward: Backward) -> Modulation:
        return Modulation(
            gains={(m, "kernels"): 0.7 for m in self.modalities},
            noise={(m, "all"): 0.3 for m in self.modalities},
        )


@pytest.mark.parametrize("method", pairs())
def test_the_order_of_composition_does_not_matter(method: str) -> None:
    """Bit for bit, noise included, whichever method is named first."""
    bench = Bench(method, modalities(2))
    backward = bench.look_back()
    members = [member for name, member in bench.modulator.members.items() if name != "loss"]
    members.append(Louder(bench.names, {}))
    modulations = [member.modulate(backward) for member in members]
    results = []
    state = {name: value.clone() for name, value in bench.model.state_dict().items()}
    for order in itertools.permutations(modulations):
        # AGM's padded passes read batch norm's statistics, which every forward pass moves.
        bench.model.load_state_dict(state)
        bench.look_back()
        bench.apply(compose(order))
        results.append(gradients(bench.model))
    for other in results[1:]:
        assert_same_bits(other, results[0])


# Rounded: squares of the tiniest numbers underflow.
LEVEL = st.floats(0, 4).map(lambda level: round(level, 3))
LEVELS = st.tuples(LEVEL, LEVEL)


@settings(max_examples=50, deadline=None)
@given(levels=st.tuples(LEVELS, LEVELS, LEVELS))
def test_composition_is_associative(levels: tuple[tuple[float, float], ...]) -> None:
    one, two, three = (
        Modulation(
            gains={("a", "all"): gain}, noise={("a", "all"): noise}, factors={"throttle/a": gain}
        )
        for gain, noise in levels
    )
    left, right = numbers_of((one * two) * three), numbers_of(one * (two * three))
    assert left == pytest.approx(right, rel=1e-12)


def take_over(theirs: Bench, ours: Bench) -> None:
    """Copy one bench's encoders and head to the other, modality by modality."""
    for m, encoder in theirs.model.encoders.items():
        encoder.load_state_dict(ours.model.encoders[m].state_dict())
    widths = [encoder.features for encoder in ours.model.encoders.values()]
    classifier = ours.model.fusion.classifier
    blocks = dict(zip(ours.names, torch.split(classifier.weight, widths, dim=1), strict=True))
    joined = torch.cat([blocks[m] for m in theirs.names], dim=1)
    state = {"classifier.weight": joined, "classifier.bias": classifier.bias}
    theirs.model.fusion.load_state_dict(state)


@pytest.mark.parametrize(
    ("method", "count"),
    [each for each in EVERY if each[0] not in ORDERED],
)
def test_permuting_the_modalities_permutes_everything(method: str, count: int) -> None:
    """The same encoders, head and batch, in the opposite order."""
    names = modalities(count)
    data = small_data(names)
    shapes = {m: data.shapes[m] for m in names[::-1]}
    reversed_data = replace(data, modalities=names[::-1], shapes=shapes)
    ours = bench_of(method, names, data=data, begun=False, fusion=SPLIT)
    theirs = bench_of(method, names[::-1], data=reversed_data, begun=False, fusion=SPLIT)
    take_over(theirs, ours)
    for bench in (ours, theirs):
        bench.modulator.begin_epoch(0)
        for _ in range(3):
            bench.modulator.observe(reading(utilizations(names)))
    forward = theirs.look_back().forward
    assert torch.allclose(forward.logits, ours.look_back().forward.logits, atol=1e-5)
    assert numbers_of(theirs.modulate()) == pytest.approx(numbers_of(ours.modulate()), rel=1e-4)


# -- strength, window, ramp ----------------------------------------------------------


def trained(root: Path, method: str, count: int, **sections: Any) -> dict[str, Tensor]:
    """Return the weights after six steps, with a probe evaluation after each."""
    root.mkdir()
    sections = with_variant(method, sections)
    name = method.partition(":")[0]
    sections = {**house_of(name), **sections}
    sections["fusion"] = {**SPLIT, **sections.get("fusion", {})}
    config = small_config(method=name, epochs=2, probe={"eval_freq": 1}, **sections)
    trainer = make_trainer(root, small_data(modalities(count), train=25), config, silent=True)
    trainer.train()
    # a method may show samples again, in more steps
    assert trainer.run.step >= 6
    return weights(trainer)


Plain = Callable[[str, int], dict[str, Tensor]]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Plain:
    """Return the weights after plain training, by fusion of the method and number of modalities."""
    known: dict[str, dict[str, Tensor]] = {}

    def weights_for(method: str, count: int) -> dict[str, Tensor]:
        house = house_of(method.partition(":")[0])
        key = f"{house} {count}"
        if key not in known:
            root = tmp_path_factory.mktemp("plain") / "run"
            known[key] = trained(root, "baseline", count, **house)
        return known[key]

    return weights_for


@ACTING
def test_strength_zero_is_plain_training_bit_for_bit(
    method: str, count: int, plain: Plain, tmp_path: Path
) -> None:
    assert_same_bits(
        trained(tmp_path / "run", method, count, **sections_of(method, strength=0)),
        plain(method, count),
    )


@ACTING
def test_a_method_at_full_strength_is_not_plain_training(
    method: str, count: int, plain: Plain, tmp_path: Path
) -> None:
    """The law above would be empty if a method never acted in so short a training."""
    acted = trained(tmp_path / "run", method, count, **lively(method, first_epoch=0))
    untouched = plain(method, count)
    assert any(not torch.equal(untouched[name], acted[name]) for name in acted)


class Explosive(Modulator):
    """A method whose loss is infinite."""

    def loss(self, forward: Forward) -> Scalar:
        return forward.logits.sum() * math.inf


@pytest.mark.parametrize(
    "options", [{"strength": 0.0, "first_epoch": 0}, {"strength": 1.0, "first_epoch": 1}]
)
def test_a_loss_at_strength_zero_or_outside_the_window_is_left_out(
    options: dict[str, float],
) -> None:
    """Not zero times the loss: that would be NaN here, and give gradients where there were none."""
    closed = Windowed(Explosive(("audio",), {"last_epoch": 5, "ramp_epochs": 0, **options}))
    assert closed.loss(Bench("baseline", ("audio", "visual")).look_back().forward) == 0.0


def nudge(bench: Bench) -> None:
    """Move the weights a little, as a step would, the same way in every bench."""
    with torch.no_grad():
        for parameter in bench.model.parameters():
            parameter.mul_(1.01)


@pytest.mark.parametrize(("method", "count", "first", "last"), WINDOWS)
def test_the_ends_of_the_window_are_inclusive(
    method: str, count: int, first: int, last: int
) -> None:
    """Outside of it no bit of a gradient changes and no noise is drawn; -1 is no last epoch."""
    sections = lively(method, first_epoch=first, last_epoch=last)
    house = house_of(method.partition(":")[0])
    fusion = {**SPLIT, **house.pop("fusion", {})}
    bench = bench_of(method, modalities(count), fusion=fusion, **house, **sections)
    plain = Bench("baseline", modalities(count), fusion=fusion, **house)
    acted = []
    for epoch in range(5):
        bench.modulator.begin_epoch(epoch)
        nudge(bench)
        plain.model.load_state_dict(bench.model.state_dict())
        plain.look_back()
        untouched = gradients(plain.model)
        modulation = bench.modulate()
        generator = bench.apply(modulation)
        now = gradients(bench.model)
        acted.append(any(not torch.equal(now[name], untouched[name]) for name in untouched))
        if not acted[-1]:
            assert torch.equal(generator.get_state(), seeded().get_state())
            assert not modulation.acts
            assert set(map(float, modulation.factors.values())) <= {1.0}
    assert acted == [first <= epoch and (epoch <= last or last == -1) for epoch in range(5)]


@pytest.mark.parametrize(
    ("ramp", "expected"),
    [(0, [0, 1, 1, 1, 1, 0]), (3, [0, 0.25, 0.5, 0.75, 1, 0]), (9, [0, 0.1, 0.2, 0.3, 0.4, 0])],
)
def test_the_ramp_grows_evenly_inside_the_window(ramp: int, expected: list[float]) -> None:
    bench = Bench(
        "boost",
        ("audio", "visual"),
        boost={"first_epoch": 1, "last_epoch": 4, "ramp_epochs": ramp, "ema_alpha": 1},
    )
    gains = []
    for epoch in range(6):
        bench.modulator.begin_epoch(epoch)
        gains.append(float(bench.modulate().gain("visual")))
    assert gains == pytest.approx([1 + 0.5 * ramp for ramp in expected])


@pytest.mark.parametrize("strength", [0.25, 0.5])
def test_strength_leads_from_nothing_to_the_whole_method(strength: float) -> None:
    method, names = "ogm_ge+boost", modalities(3)
    whole = Bench(method, names).modulate()
    share = Bench(method, names, **sections_of(method, strength=strength)).modulate()
    assert whole.gains
    for key, gain in whole.gains.items():
        assert float(share.gains[key]) == pytest.approx(1 + strength * (float(gain) - 1), rel=1e-6)
    assert share.noise == dict.fromkeys(whole.noise, strength)


# -- state ---------------------------------------------------------------------------


@METHODS_AND_COUNTS
def test_the_state_survives_a_checkpoint(method: str, count: int) -> None:
    names = modalities(count)
    ours, theirs = bench_of(method, names), bench_of(method, names)
    for i in range(2):
        ours.modulate()
        ours.modulator.observe(reading({m: 0.1 * j + 0.2 * i for j, m in enumerate(names)}))
    theirs.modulator.load_state_dict(through_a_file(ours.modulator.state_dict()))
    theirs.balancing.method_generator.set_state(ours.balancing.method_generator.get_state())
    theirs.model.load_state_dict(ours.model.state_dict())
    for _ in range(2):
        assert numbers_of(ours.modulate()) == numbers_of(theirs.modulate())
        assert ours.modulator.probe_columns() == theirs.modulator.probe_columns()
        for bench in (ours, theirs):
            bench.modulator.observe(reading({m: 0.5 + 0.05 * j * j for j, m in enumerate(names)}))


def test_the_window_survives_a_checkpoint() -> None:
    """A window closed in mid-epoch stays open until the epoch ends, also in a resumed run."""
    settings = {"first_epoch": 0, "last_epoch": 2, "ramp_epochs": 3}
    ours, theirs = (Bench("boost", ("audio", "visual"), boost=settings).modulator for _ in range(2))
    ours.begin_epoch(1)
    theirs.load_state_dict(through_a_file(ours.state_dict()))
    assert (theirs.members["boost"].open, theirs.members["boost"].ramp) == (True, 0.5)


# -- hard cases ----------------------------------------------------------------------


def assert_finite(bench: Bench, modulation: Modulation) -> None:
    assert all(is_finite(number) for number in numbers_of(modulation).values())
    assert all(bool(gradient.isfinite().all()) for gradient in gradients(bench.model).values())


@METHODS_AND_COUNTS
@pytest.mark.parametrize("silent", ["first", "all but first", "all"])
def test_no_nan_where_a_score_is_zero(method: str, count: int, silent: str) -> None:
    """A modality whose unimodal logits give the true class no probability at all."""
    names = modalities(count)
    bench = bench_of(method, names)
    backward = bench.look_back()
    hopeless = torch.zeros_like(backward.forward.logits).scatter(
        1, backward.forward.labels.unsqueeze(1), -1e4
    )
    chosen = {"first": names[:1], "all but first": names[1:], "all": names}[silent]
    forward = backward.forward
    unimodal = {
        m: hopeless if m in chosen else logits for m, logits in forward.unimodal_logits.items()
    }
    silenced = replace(backward, forward=replace(forward, unimodal_logits=unimodal))
    modulation = bench.modulator.modulate(silenced)
    bench.apply(modulation)
    assert_finite(bench, modulation)


@METHODS_AND_COUNTS
def test_parameters_without_a_gradient_are_passed_over(method: str, count: int) -> None:
    bench = bench_of(method, modalities(count))
    backward = bench.look_back()
    groups = bench.balancing.groups
    frozen = [*groups["visual"].kernels, *groups["visual"].others, groups["audio"].kernels[0]]
    for parameter in frozen:
        parameter.grad = None
    norms = bench.trainer.balancing.gradient_norms()
    modulation = bench.modulator.modulate(replace(backward, norms=norms))
    bench.apply(modulation)
    assert all(parameter.grad is None for parameter in frozen)
    assert float(norms["visual"]) == 0 < float(norms["audio"])
    assert_finite(bench, modulation)


@pytest.mark.parametrize("method", METHODS)
def test_a_single_modality_is_trained_plainly_or_refused(method: str) -> None:
    if METHODS[method].fewest > 1:
        with pytest.raises(MethodError, match=f"{method} balances modalities, and audio is"):
            Bench(method, ("audio",), **house_of(method))
        return
    bench = Bench(method, ("audio",))
    modulation = bench.modulate()
    bench.apply(modulation)
    assert float(modulation.gain("audio")) == 1
    assert_finite(bench, modulation)


# -- where a gain acts ---------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 3, 6])
@pytest.mark.parametrize("rule", ["auto", "all", "ndim2"])
def test_ogm_acts_on_kernels_alone(count: int, rule: str) -> None:
    """Batch norm, biases (unless asked for) and the head keep every bit of their gradients."""
    bench = Bench("ogm", modalities(count), ogm={"params": rule})
    modulation = bench.modulate()
    before = gradients(bench.model)
    assert min(map(float, modulation.gains.values())) < 1, "nobody is throttled: nothing is tested"
    bench.apply(modulation)
    after = gradients(bench.model)
    for name, parameter in bench.model.named_parameters():
        owner = owner_of(parameter, bench)
        if owner and parameter.dim() >= least_dimensions(rule, bench, owner):
            assert torch.equal(after[name], before[name] * float(modulation.gain(owner))), (
                f"{name} of {owner}"
            )
        else:
            assert torch.equal(after[name], before[name]), f"{name} of {owner}"


def owner_of(parameter: Tensor, bench: Bench) -> str | None:
    """Return the modality whose encoder has this parameter; None for the head."""
    for m, encoder in bench.model.encoders.items():
        if any(each is parameter for each in encoder.parameters()):
            return m
    return None


def least_dimensions(rule: str, bench: Bench, owner: str) -> int:
    convolutional = bench.model.encoders[owner].kernel_rule == "conv4d"
    return {"auto": 4 if convolutional else 2, "ndim2": 2, "all": 0}[rule]


@pytest.mark.parametrize("count", [2, 3, 6])
def test_the_boost_acts_on_all_of_an_encoder_and_never_on_the_head(count: int) -> None:
    bench = Bench("boost", modalities(count), boost={"ema_alpha": 1})
    modulation = bench.modulate()
    before = gradients(bench.model)
    bench.apply(modulation)
    after = gradients(bench.model)
    for i, m in enumerate(bench.names):
        assert float(modulation.gain(m)) == pytest.approx(1 + 0.5 * i / (count - 1))
    for name, parameter in bench.model.named_parameters():
        owner = owner_of(parameter, bench)
        factor = float(modulation.gain(owner)) if owner else 1.0
        assert torch.equal(after[name], before[name] * factor), name


def test_a_rule_that_fits_no_parameter_is_refused() -> None:
    from asgml.core.model.model import ModelError

    with pytest.raises(ModelError, match=r"'visual' has no parameters of rule conv4d.*params=all"):
        Bench("ogm", ("audio", "visual"), ogm={"params": "conv4d"})


def test_encoders_that_share_parameters_are_refused() -> None:
    from asgml.core.model.encoders.mlp import Mlp
    from asgml.core.model.fusion.build import make_fusion
    from asgml.core.model.model import ModelError, MultimodalModel

    shared = Mlp((5,))
    model = MultimodalModel(
        {"left": shared, "right": shared},
        make_fusion("concat", 0, "split", {"left": 128, "right": 128}, 3),
    )
    with pytest.raises(ModelError, match="share parameters"):
        model.parameter_groups()


def test_the_groups_of_a_model_are_its_encoders_whole_and_apart() -> None:
    """For any names of modalities: no name is searched for a substring."""
    from asgml.core.model.model import make_model

    names = ("video_audio", "audio", "fusion", "0")
    model = make_model(dict.fromkeys(names, (5,)), 3, {}, "sum", 0, "split")
    groups = model.parameter_groups()
    head = {id(parameter) for parameter in model.fusion.parameters()}
    for m in names:
        ids = {id(parameter) for parameter in groups[m].kernels + groups[m].others}
        assert ids == {id(parameter) for parameter in model.encoders[m].parameters()}
        assert groups[m].kernels and not head & ids
