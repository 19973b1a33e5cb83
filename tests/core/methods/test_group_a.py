"""The methods that scale, drop and add: golden numbers, slow twins, options, what they refuse."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from core_kit import (
    Bench,
    after_steps,
    assert_same_bits,
    gradients,
    make_trainer,
    modalities,
    reading,
    small_config,
    small_data,
    through_a_file,
    train,
    train_small,
    weights,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from asgml.core.config.config import ConfigError
from asgml.core.measures.unimodal import discrepancy_ratio, mean_entropy, true_class_scores
from asgml.core.methods.registry import RegistryError, parse_method
from asgml.core.methods.spec import MethodError
from asgml.core.modulators.acceleration import Accelerate, acceleration, lag_ratio
from asgml.core.modulators.arl import code_shares, paper_shares
from asgml.core.modulators.boost_scheduler import gap_strength
from asgml.core.modulators.cggm import balance, direction_loss
from asgml.core.modulators.mlb import Mlb, mlb_coefficient
from asgml.core.modulators.mslr import Mslr, parse_factors, progress
from asgml.core.modulators.ogm import Ogm, OgmGe, journal_coefficient
from asgml.core.modulators.opm import drop_rate, dropped
from asgml.core.modulators.signals import batch_signal, correction
from asgml.core.types import Backward, Batch, Evaluation, Forward

NAMES = ("audio", "visual")
RATIOS = (1.0, 1.25, 1.5, 2.0, 3.0)


def near(expected: object) -> object:
    return pytest.approx(expected, abs=6e-7)


def doubles(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def example() -> Backward:
    """Two samples of three classes; audio knows more than visual."""
    audio, visual, labels = (
        torch.tensor([[2.0, 0, 0], [0, 1, 0]]),
        torch.tensor([[0.5, 0, 0], [0, 0.2, 0]]),
        torch.tensor([0, 1]),
    )
    forward = Forward(
        Batch({}, labels), {}, audio + visual, {"audio": audio, "visual": visual}, labels
    )
    return Backward(forward, {}, {"audio": torch.tensor(3.0), "visual": torch.tensor(1.0)})


SCORES = st.lists(st.floats(0.01, 64), min_size=2, max_size=6)
ALPHA = st.floats(0, 3)

# -- OGM's journal variant ------------------------------------------------------------


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [
        (0.8, [1, 0.804065, 0.630306, 0.390725, 0.228778]),
        (1.0, [1, 0.755081, 0.537883, 0.238406, 0.035972]),
        (2.6, [1, 0.363211, 0, 0, 0]),
    ],
)
def test_the_throttle_table_of_the_journal(alpha: float, expected: list[float]) -> None:
    assert journal_coefficient(doubles(*RATIOS), alpha).tolist() == near(expected)
    assert journal_coefficient(doubles(0.2, 0.999), alpha).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("kind", "variant", "expected"),
    [
        (Ogm, "journal", 0.434905),
        (OgmGe, "journal", 0.434905),
        (Ogm, "cvpr", 1 - math.tanh(1.640286)),
    ],
)
def test_the_variant_is_an_option(kind: type[Ogm], variant: str, expected: float) -> None:
    made = kind(NAMES, {"alpha": 1.0, "variant": variant})
    assert float(made.modulate(example()).gain("audio")) == near(expected)
    assert float(made.modulate(example()).gain("visual")) == 1


def test_three_modalities_in_the_journal() -> None:
    assert journal_coefficient(discrepancy_ratio(doubles(1.2, 0.8, 0.6)), 1.0).tolist() == near(
        [0.364851, 1, 1]
    )


@settings(max_examples=40, deadline=None)
@given(scores=SCORES, alpha=ALPHA)
def test_the_journal_by_loops(scores: list[float], alpha: float) -> None:
    slow = []
    for i, mine in enumerate(scores):
        ratio = sum(mine / other for j, other in enumerate(scores) if j != i) / (len(scores) - 1)
        slow.append(max(0.0, 1 - alpha * math.tanh(ratio - 1)) if ratio > 1 else 1.0)
    assert journal_coefficient(
        discrepancy_ratio(doubles(*scores)), alpha
    ).tolist() == pytest.approx(slow, abs=1e-9)


def test_noise_on_the_dominant_modality_alone() -> None:
    bench = Bench("ogm_ge", NAMES, ogm_ge={"noise": "dominant"})
    modulation = bench.modulate()
    before = gradients(bench.model)
    bench.apply(modulation)
    after = gradients(bench.model)
    silent = [m for m in NAMES if float(modulation.gain(m)) == 1]
    assert [float(modulation.noise_level(m)) for m in NAMES] == [
        float(m not in silent) for m in NAMES
    ]
    assert len(silent) == 1
    encoder = {id(p) for p in bench.model.encoders[silent[0]].parameters()}
    changed = {
        name
        for name, p in bench.model.named_parameters()
        if id(p) in encoder and not torch.equal(after[name], before[name])
    }
    assert not changed


# -- OGM*, PMR's Acc -----------------------------------------------------------------


@pytest.mark.parametrize("method", ["ogm_star", "pmr_acc"])
def test_the_weak_factor_of_the_full_example(method: str) -> None:
    modulation = Accelerate(NAMES, {"alpha": 0.8}).modulate(example())
    assert {key: float(gain) for key, gain in modulation.gains.items()} == near(
        {("audio", "kernels"): 1, ("visual", "kernels"): 1.864838}
    )
    assert parse_method(method)[0].target.endswith(":Accelerate")


def test_the_constant_of_the_released_code() -> None:
    modulation = Accelerate(NAMES, {"alpha": 0.8, "coefficient": "constant"}).modulate(example())
    assert [float(modulation.gain(m)) for m in NAMES] == [1, 4]


@settings(max_examples=40, deadline=None)
@given(scores=SCORES, alpha=ALPHA)
def test_acceleration_by_loops(scores: list[float], alpha: float) -> None:
    slow = []
    for i, mine in enumerate(scores):
        lag = sum(other / mine for j, other in enumerate(scores) if j != i) / (len(scores) - 1)
        slow.append(1 + math.tanh(alpha * lag) if lag > 1 + 1e-12 else 1.0)
    fast = acceleration(lag_ratio(doubles(*scores)), alpha).tolist()
    even = [abs(score / max(scores) - 1) < 1e-9 for score in scores]
    assert [f for f, skip in zip(fast, even, strict=True) if not skip] == pytest.approx(
        [s for s, skip in zip(slow, even, strict=True) if not skip], abs=1e-9
    )
    if len(set(scores)) == len(scores):
        assert fast[scores.index(max(scores))] == 1


# -- MLB -----------------------------------------------------------------------------


def test_mlb_of_the_full_example() -> None:
    modulation = Mlb(NAMES, {"alpha": 1.0, "beta_max": 5.0}).modulate(example())
    assert {key: float(gain) for key, gain in modulation.gains.items()} == near(
        {("audio", "all"): 0.628338, ("visual", "all"): 3.260378}
    )


def test_mlb_through_the_learning_rate() -> None:
    modulation = Mlb(NAMES, {"alpha": 1.0, "beta_max": 5.0, "via": "lr"}).modulate(example())
    assert {m: float(rate) for m, rate in modulation.rates.items()} == near(
        {"audio": 0.628338, "visual": 3.260378}
    )
    assert not modulation.acts


def test_mlb_of_three_modalities() -> None:
    lag = lag_ratio(doubles(1.2, 0.8, 0.6))
    assert lag.tolist() == near([0.583333, 1.125, 1.666667])
    assert mlb_coefficient(lag, 1.0, 5.0).tolist() == pytest.approx(
        [0.605881, 1.497412, 3.331131], abs=1e-6
    )


@settings(max_examples=40, deadline=None)
@given(scores=SCORES, alpha=ALPHA, beta_max=st.floats(1, 10))
def test_mlb_by_loops(scores: list[float], alpha: float, beta_max: float) -> None:
    slow = []
    for i, mine in enumerate(scores):
        lag = sum(other / mine for j, other in enumerate(scores) if j != i) / (len(scores) - 1)
        reach = (beta_max if lag > 1 else 2.0) - 1
        slow.append(1 + reach * math.tanh(alpha * (lag - 1)))
    assert mlb_coefficient(lag_ratio(doubles(*scores)), alpha, beta_max).tolist() == pytest.approx(
        slow, abs=1e-8
    )


@pytest.mark.parametrize("method", ["uniform", "mlb"])
def test_the_unimodal_losses_are_added(method: str) -> None:
    bench = Bench(method, modalities(3), **{method: {"gamma": 0.7}})
    forward = bench.look_back().forward
    slow = 0.0
    for logits in forward.unimodal_logits.values():
        for row, label in zip(logits.tolist(), forward.labels.tolist(), strict=True):
            slow += math.log(sum(math.exp(value - row[label]) for value in row)) / len(
                forward.labels
            )
    loss: Any = bench.modulator.loss(forward)
    assert loss.item() == pytest.approx(0.7 * slow, rel=1e-5)


@pytest.mark.parametrize("method", ["uniform", "mlb"])
def test_their_losses_train_auxiliary_heads(method: str, tmp_path: Path) -> None:
    trainer, _ = train_small(tmp_path / "run", method=method, fusion={"alone": "heads"}, epochs=1)
    fresh = make_trainer(
        tmp_path / "fresh",
        small_data(),
        small_config(method=method, fusion={"alone": "heads"}),
        silent=True,
    )
    heads = [name for name in weights(fresh) if name.startswith("fusion.heads")]
    assert heads and all(
        not torch.equal(weights(trainer)[name], weights(fresh)[name]) for name in heads
    )
    with pytest.raises(ConfigError, match=r"heads would never be trained"):
        small_config(method="ogm", fusion={"alone": "heads"})


# -- MSLR ----------------------------------------------------------------------------


def mslr(**options: Any) -> Mslr:
    return Mslr(
        NAMES, {"variant": "keep", "memory": 3, "factors": "audio=0.9, visual=1.1", **options}
    )


def rates(method: Mslr) -> list[float]:
    return [float(rate) for rate in method.modulate(example()).rates.values()]


def test_mslr_keeps_its_factors() -> None:
    assert rates(mslr()) == [0.9, 1.1]
    assert rates(mslr(factors="")) == [1, 1]


def test_mslr_smooths_to_one_in_the_last_epoch() -> None:
    made = mslr(variant="smooth")
    made.epochs = 5
    seen = []
    for epoch in range(6):
        made.begin_epoch(epoch)
        seen.append(rates(made))
    assert [audio for audio, _ in seen] == pytest.approx([0.9, 0.925, 0.95, 0.975, 1, 1])
    assert [visual for _, visual in seen] == pytest.approx([1.1, 1.075, 1.05, 1.025, 1, 1])


def test_mslr_follows_the_validation_accuracy() -> None:
    made = mslr(variant="dynamic")
    assert rates(made) == [0.9, 1.1]
    for audio in (0.1, 0.2, 0.3, 0.6):
        made.end_epoch(0, Evaluation(1.0, 0.5, {"audio": audio, "visual": 0.0}, {}))
    assert rates(made) == pytest.approx([0.9 * 0.6 / ((0.2 + 0.3 + 0.6) / 3), 1.1])
    assert progress([]) == progress([0.0, 0.0]) == 1
    twin = mslr(variant="dynamic")
    twin.load_state_dict(through_a_file(made.state_dict()))
    assert rates(twin) == rates(made)


@pytest.mark.parametrize(
    "text", ["smell=1", "audio", "audio=-1", "audio=0", "audio=inf", "audio=much", "=1"]
)
def test_mslr_refuses_factors_that_mean_nothing(text: str) -> None:
    with pytest.raises(MethodError, match=r"mslr\.factors"):
        parse_factors(text, NAMES)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_rate_is_a_learning_rate_of_one_encoder(optimizer: str, tmp_path: Path) -> None:
    """The first step of visual's encoder is half as long; all other parameters step as before."""
    stepped = {}
    for factors in ("", "visual=0.5"):
        settings = {"variant": "keep", "factors": factors}
        config = small_config(
            method="mslr", mslr=settings, optimizer={"name": optimizer, "lr": 0.01}
        )
        trainer = make_trainer(tmp_path / f"run{factors}", small_data(), config, silent=True)
        start = weights(trainer)
        trainer.components.batches.begin_epoch()
        trainer.step(next(iter(trainer.components.batches.rest_of_epoch())))
        stepped[factors] = {
            name: value - start[name]
            for name, value in weights(trainer).items()
            if value.is_floating_point()
        }
    own = {
        f"_encoders.1.{name}"
        for name, _ in trainer.components.model.encoders["visual"].named_parameters()
    }
    for name, plain in stepped[""].items():
        torch.testing.assert_close(
            stepped["visual=0.5"][name], plain * (0.5 if name in own else 1.0), rtol=1e-2, atol=1e-6
        )
    assert max(float(stepped[""][name].abs().max()) for name in own) > 1e-4


# -- OPM -----------------------------------------------------------------------------


def test_the_drop_rates_of_opm() -> None:
    assert drop_rate(doubles(0.5, 1.0, 1.5, 2.0, 3.0), 0.5, 0.5).tolist() == near(
        [0, 0, 0.615529, 0.690399, 0.741007]
    )
    assert drop_rate(doubles(3.0), 1.0, 1.0).tolist() == [1]


@pytest.mark.parametrize("seed", range(3))
def test_dropping_by_loops(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    features = {
        "audio": torch.randn(9, 4, generator=generator),
        "visual": torch.randn(9, 2, generator=generator),
    }
    labels, kept, q = (
        torch.arange(9),
        torch.rand(9, 2, generator=generator) < 0.5,
        torch.tensor([0.6, 0.3]),
    )
    share = (4 * 0.6 + 2 * 0.3) / 6
    slow: list[tuple[int, list[float]]] = []
    for i in range(9):
        if kept[i].any():
            row = [
                float(value) / (1 - share) if kept[i, j] else 0.0
                for j, m in enumerate(features)
                for value in features[m][i]
            ]
            slow.append((i, row))
    fed, left = dropped(features, labels, kept, q)
    assert left.tolist() == [i for i, _ in slow]
    assert 0 < len(slow) < 9
    assert torch.cat(list(fed.values()), dim=1).tolist() == [
        pytest.approx(row, rel=1e-5) for _, row in slow
    ]


def test_a_batch_of_which_nothing_is_left_is_kept() -> None:
    features = {"audio": torch.ones(2, 3), "visual": torch.ones(2, 3)}
    fed, labels = dropped(
        features, torch.tensor([0, 1]), torch.zeros(2, 2, dtype=torch.bool), torch.ones(2)
    )
    assert len(labels) == 2 and all(torch.equal(fed[m], features[m]) for m in features)


def test_opm_drops_the_dominant_modality_as_often_as_it_says() -> None:
    bench = Bench("opm", NAMES, opm={"first_epoch": 0, "p_exe": 0.6})
    features = {
        m: feature.detach() for m, feature in bench.model.encode(bench.batch.inputs).items()
    }
    opm: Any = bench.modulator.parts["opm"].inner
    q = dict(zip(NAMES, opm.drop_rates(features, bench.batch.labels).tolist(), strict=True))
    strong, weak = sorted(NAMES, key=lambda m: -q[m])
    assert q[strong] > 0.5 and q[weak] == 0
    zeros = batches = 0
    for _ in range(1000):
        fed, labels = bench.modulator.before_fusion(features, bench.batch.labels)
        assert len(labels) == 6 and bool((fed[weak] != 0).any(dim=1).all())
        missing = int((fed[strong] == 0).all(dim=1).sum())
        zeros, batches = zeros + missing, batches + (not torch.equal(fed[weak], features[weak]))
    assert batches / 1000 == pytest.approx(0.6, abs=0.06)
    assert zeros / 6000 == pytest.approx(0.6 * q[strong], abs=0.05)


def test_opm_warms_up_and_draws_from_its_own_generator() -> None:
    bench = Bench("opm", NAMES, opm={"p_exe": 1.0})
    features = bench.model.encode(bench.batch.inputs)
    untouched = torch.get_rng_state()
    own = bench.components.method_generator.get_state()
    for epoch in range(7):
        bench.modulator.begin_epoch(epoch)
        fed, _ = bench.modulator.before_fusion(features, bench.batch.labels)
        assert (fed is features) == (epoch < 5)
        assert torch.equal(bench.components.method_generator.get_state(), own) == (epoch < 5)
    assert torch.equal(torch.get_rng_state(), untouched)


# -- CGGM ----------------------------------------------------------------------------


def test_the_balance_of_cggm() -> None:
    three = balance(doubles(0.05, 0.01, -0.02))
    assert three.tolist() == near([-0.25, 0.75, 1.5])
    assert (1.3 * three).tolist() == near([-0.325, 0.975, 1.95])
    assert (1.3 * balance(doubles(0.04, 0.01))).tolist() == near([0.26, 1.04])
    assert (1.3 * balance(doubles(0.04, -0.0399))).tolist() == pytest.approx(
        [-518.6, 519.9], abs=0.06
    )


def test_the_gains_of_cggm_are_clipped() -> None:
    """Without bounds they would be -0.325, 0.975 and 1.95."""
    bench = Bench("cggm", modalities(3), cggm={"clamp": 1.5})
    backward = bench.look_back()
    inner: Any = bench.modulator.parts["cggm"].inner
    inner._train = lambda forward: torch.tensor([0.05, 0.01, -0.02])
    modulation = inner.modulate(backward)  # once: a second time no classifier would have improved
    assert [float(modulation.gain(m)) for m in bench.names] == pytest.approx(
        [0, 0.975, 1.5], abs=1e-5
    )


def test_the_direction_term_by_loops() -> None:
    b, cosines = [0.3, 1.2, 0.0], [0.5, -0.2, 0.9]
    slow = (sum(abs(x) for x in b) - sum(x * c for x, c in zip(b, cosines, strict=True))) / 3
    assert float(direction_loss(doubles(*b), doubles(*cosines))) == pytest.approx(slow)


def test_cggm_over_steps_by_loops() -> None:
    """Gains from the accuracies of its own classifiers, clamped; the classifiers learn and leave the encoders alone."""
    bench = Bench(
        "cggm", modalities(3), cggm={"rho": 1.3, "clamp": 2.0, "ema": 0.5, "classifier_lr": 0.05}
    )
    inner: Any = bench.modulator.parts["cggm"].inner
    smoothed = [0.0, 0.0, 0.0]
    for _ in range(6):
        backward = bench.look_back()
        accuracies = []
        for m in bench.names:
            predicted = inner.classifiers[m](backward.forward.features[m].detach()).argmax(dim=1)
            accuracies.append(
                sum(
                    int(a) == int(b)
                    for a, b in zip(predicted, backward.forward.labels, strict=True)
                )
                / 6
            )
        newest = [0.5 * a + 0.5 * s for a, s in zip(accuracies, smoothed, strict=True)]
        change = [n - s for n, s in zip(newest, smoothed, strict=True)]
        total, smoothed = sum(change) + 1e-8, newest
        raw = [1.3 * (total - d) / total for d in change]
        before = gradients(bench.model)
        modulation = bench.modulator.modulate(backward)
        assert_same_bits(gradients(bench.model), before)
        if abs(total) > 1e-3:  # nearer to 0 the two kinds of arithmetic differ
            expected = [min(max(value, 0.0), 2.0) for value in raw]
            assert [float(modulation.gain(m)) for m in bench.names] == pytest.approx(
                expected, rel=1e-3, abs=1e-3
            )
    assert min(accuracies) > 0.9, "the classifiers did not learn"


def test_the_direction_term_reaches_the_output_layer_alone() -> None:
    bench = Bench("cggm", NAMES, fusion={"hidden": 7})
    bench.modulate()
    forward = bench.look_back().forward
    bench.components.optimizer.zero_grad(set_to_none=True)
    loss: Any = bench.modulator.loss(forward)
    loss.backward()
    assert list(gradients(bench.model)) == ["fusion.classifier.weight"]


def test_cggm_needs_an_output_layer_for_its_direction() -> None:
    with pytest.raises(MethodError, match=r"one output layer.*fusion\.kind=concat"):
        Bench("cggm", NAMES, fusion={"kind": "sum"})
    assert Bench("cggm", NAMES, fusion={"kind": "sum"}, cggm={"direction": False}).modulate().acts
    assert Bench("cggm", NAMES, fusion={"alone": "heads"}, loss={"gamma": 1.0}).modulate().acts


# -- ARL -----------------------------------------------------------------------------


def test_the_shares_of_arl() -> None:
    assert paper_shares(doubles(1.0, 1.4), doubles(0.55, 0.45), 8.0).tolist() == near(
        [0.805687, 0.194313]
    )


def test_the_shares_of_the_released_script_by_loops() -> None:
    entropies, dependence = [0.2, 1.6], [0.55, 0.45]
    clamped = [max(value / sum(entropies), 0.3) for value in entropies]
    inverse = [1 / value for value in clamped]
    q = [value / sum(inverse) for value in inverse]
    terms = [math.exp(8 * dependence[1] * q[0]), math.exp(8 * dependence[0] * q[1])]
    assert code_shares(doubles(*entropies), doubles(*dependence), 8.0).tolist() == near(
        [term / sum(terms) for term in terms]
    )


def test_the_entropy_of_arl_by_loops() -> None:
    logits = torch.tensor([[[2.0, 0, -1], [0, 0, 0]], [[1e4, 0, 0], [0, 1e4, 0]]])
    slow = []
    for modality in logits.tolist():
        total = 0.0
        for row in modality:
            terms = [math.exp(value - max(row)) for value in row]
            total -= sum(t / sum(terms) * math.log(t / sum(terms)) for t in terms if t > 0)
        slow.append(total / 2)
    assert mean_entropy(logits).tolist() == pytest.approx(slow, abs=1e-6)


def test_arl_zeroes_the_other_features() -> None:
    bench = Bench("arl", NAMES, arl={"start_epoch": 0})
    forward = bench.look_back().forward
    inner: Any = bench.modulator.parts["arl"].inner
    weight, bias = bench.model.fusion.classifier.weight, bench.model.fusion.classifier.bias
    width = forward.features["audio"].shape[1]
    audio, visual = inner.ablated(forward)
    torch.testing.assert_close(audio, forward.features["audio"] @ weight[:, :width].T + bias)
    torch.testing.assert_close(visual, forward.features["visual"] @ weight[:, width:].T + bias)


def test_arl_starts_late_and_never_slows() -> None:
    bench = Bench("arl", NAMES)
    forward = bench.look_back().forward
    losses = []
    for epoch in range(7):
        bench.modulator.begin_epoch(epoch)
        gains = [float(bench.modulator.modulate(bench.look_back()).gain(m)) for m in NAMES]
        loss: Any = bench.modulator.loss(forward)
        losses.append(loss.item())
        assert sum(gains) == pytest.approx(3) and min(gains) >= 1
        assert (gains == [1.5, 1.5]) == (epoch < 5)
    assert losses[5] == pytest.approx(4 * losses[4], rel=1e-6)


@pytest.mark.parametrize("count", [1, 3])
def test_arl_is_refused_where_it_is_not_defined(count: int) -> None:
    with pytest.raises(MethodError, match=f"two modalities, this data has {count}"):
        Bench("arl", modalities(count))


# -- the boost's options -------------------------------------------------------------


def boosted(gaps: list[float], **options: Any) -> list[float]:
    """The visual scale after each of these gaps between audio and visual."""
    bench = Bench("boost", NAMES, boost={"ema_alpha": 1, **options})
    scales = []
    for gap in gaps:
        bench.modulator.observe(reading({"audio": 0.3 + gap, "visual": 0.3}))
        scales.append(float(bench.modulate().gain("visual")))
    return scales


def test_without_options_the_gap_does_not_count() -> None:
    assert boosted([0.001, 0.01, 0.4]) == pytest.approx([1.5, 1.5, 1.5])


def test_without_options_the_scales_are_those_of_the_document_bit_for_bit() -> None:
    """Smoothed weakness, as before there were options; a factor that is not exactly 1 would show in the last bit."""
    bench = Bench("boost", NAMES, begun=False, boost={"alpha": 0.7, "ema_alpha": 0.3})
    weakness = 0.3 * 1.0 + 0.7 * 0.0  # a bench has seen one reading, with visual the weak one
    for i, weak in enumerate([1.0, 1.0, 0.0, 1.0, 0.0]):
        assert float(bench.modulate().gain("visual")) == 1 + 0.7 * weakness
        bench.modulator.observe(reading({"audio": 0.3 + 0.01 * i if weak else 0.1, "visual": 0.2}))
        weakness = 0.3 * weak + (1 - 0.3) * weakness


def test_with_a_gap_scale_the_boost_grows_with_the_gap() -> None:
    assert boosted([0.0, 0.05, 0.1, 0.2, 0.4], gap_scale=0.2) == pytest.approx(
        [1, 1.125, 1.25, 1.5, 1.5]
    )


def test_in_the_dead_band_nothing_is_boosted() -> None:
    assert boosted([0.03, 0.05, 0.049], dead_band=0.05 - 1e-9) == pytest.approx([1, 1.5, 1])
    assert gap_strength(0.1, 0.4, 0.2) == 0 and gap_strength(0.3, 0.4, 0.2) == pytest.approx(0.75)


def test_the_utilization_is_corrected_for_its_start() -> None:
    """After one reading a moving average of 0.1 holds a tenth of what it averages, and so does the gap."""
    assert correction(1, 0.1) == pytest.approx(10) and correction(5, 0.1) * 0.245706 == near(0.6)
    bench = Bench(
        "boost",
        NAMES,
        begun=False,
        boost={"ema_alpha": 1, "gap_scale": 0.4, "bias_corrected": True},
    )
    boost: Any = bench.modulator.parts["boost"].inner
    boost.average.count = 0
    bench.modulator.begin_epoch(0)
    bench.modulator.observe(reading({"audio": 0.04, "visual": 0.02}))
    assert float(bench.modulate().gain("visual")) == pytest.approx(1 + 0.5 * 0.2 / 0.4)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [1.5] * 4),
        ("linear", [1.5, 1.375, 1.25, 1.125]),
        ("cosine", [1.5, 1.426777, 1.25, 1.073223]),
    ],
)
def test_alpha_follows_its_schedule(schedule: str, expected: list[float]) -> None:
    bench = Bench("boost", NAMES, epochs=4, boost={"ema_alpha": 1, "schedule": schedule})
    seen = []
    for epoch in range(4):
        bench.modulator.begin_epoch(epoch)
        bench.modulator.observe(reading({"audio": 0.7, "visual": 0.4}))
        seen.append(float(bench.modulate().gain("visual")))
    assert seen == near(expected)


def test_alpha_follows_the_gap() -> None:
    assert boosted([0.2, 0.4, 0.1], schedule="gap") == pytest.approx([1.5, 1.5, 1.125])


@pytest.mark.parametrize(
    ("kind", "audio"),
    [
        ("discrepancy", 1.363103 / 2),
        ("grad_norm", 0.75),
        ("loss", math.sqrt(math.exp(2) / (math.exp(2) + 2) * math.exp(1) / (math.exp(1) + 2))),
    ],
)
def test_the_signals_without_probes(kind: str, audio: float) -> None:
    found = batch_signal(kind, example())
    assert found["audio"] == near(audio) and found["audio"] > found["visual"]


@pytest.mark.parametrize("signal", ["discrepancy", "grad_norm", "loss"])
def test_a_boost_without_probes_boosts_the_weak(signal: str) -> None:
    bench = Bench(
        "boost", NAMES, probe={"enabled": False}, boost={"signal": signal, "ema_alpha": 1}
    )
    for parameter in bench.model.encoders["visual"].parameters():
        parameter.data.mul_(0.1)
    before = bench.modulate()
    after = bench.modulate()
    assert [float(before.gain(m)) for m in NAMES] == [1, 1], (
        "what a step shows acts from the next one on"
    )
    weak = min(NAMES, key=batch_signal(signal, bench.look_back()).__getitem__)
    assert {m: float(after.gain(m)) for m in NAMES} == {m: 1.5 if m == weak else 1 for m in NAMES}


def test_a_boost_by_probes_is_refused_without_them() -> None:
    for signal in ("probe", "probe_val"):
        with pytest.raises(ConfigError, match=r"probe\.enabled=false"):
            small_config(method="boost", boost={"signal": signal}, probe={"enabled": False})


def test_probes_on_validation_samples() -> None:
    """The score is the probes' accuracy on the chosen samples; looking there leaves the model and the batch norm as they were."""
    data = small_data(NAMES)
    bench = Bench(
        "boost", NAMES, data=data, boost={"signal": "probe_val", "val_samples": 5, "ema_alpha": 1}
    )
    boost: Any = bench.modulator.parts["boost"].inner
    before = weights(bench.trainer)
    assert bench.model.training
    slow = {}
    bench.model.eval()
    for m in NAMES:
        right = 0
        for i in boost.samples.tolist():
            feature = bench.model.encoders[m](data.splits["val"].inputs[m][i : i + 1])
            right += int(bench.components.probes.networks[m](feature).argmax()) == int(
                data.splits["val"].labels[i]
            )  # type: ignore[union-attr]
        slow[m] = right / 5
    bench.model.train()
    past = dict(boost.average.values)
    bench.modulator.observe(reading({"audio": 0.0, "visual": 1.0}))
    assert boost.average.values == pytest.approx({m: 0.1 * slow[m] + 0.9 * past[m] for m in NAMES})
    assert bench.model.training
    assert_same_bits(weights(bench.trainer), before)
    assert len(set(boost.samples.tolist())) == 5


@pytest.mark.parametrize(
    "options",
    [
        {"signal": "discrepancy"},
        {"signal": "probe_val"},
        {"schedule": "gap", "bias_corrected": True},
    ],
)
def test_the_boost_resumes_where_it_was(options: dict[str, Any]) -> None:
    ours, theirs = Bench("boost", NAMES, boost=options), Bench("boost", NAMES, boost=options)
    for i in range(3):
        ours.modulate()
        ours.modulator.observe(reading({"audio": 0.2 * i, "visual": 0.1}))
    theirs.modulator.load_state_dict(through_a_file(ours.modulator.state_dict()))
    for gap in (0.1, 0.3):
        for bench in (ours, theirs):
            bench.modulator.observe(reading({"audio": 0.1 + gap, "visual": 0.1}))
        assert [float(ours.modulate().gain(m)) for m in NAMES] == [
            float(theirs.modulate().gain(m)) for m in NAMES
        ]


# -- Adam ----------------------------------------------------------------------------


def trained(root: Path, optimizer: str, **sections: Any) -> dict[str, Tensor]:
    """Six steps with a boost that is there from the first step on."""
    root.mkdir()
    settings = {"ema_alpha": 1, **sections.pop("boost", {})}
    config = small_config(
        epochs=2,
        optimizer={"name": optimizer, "lr": 0.01, "weight_decay": 0},
        boost=settings,
        **sections,
    )
    trainer = make_trainer(root, small_data(train=25), config, silent=True)
    trainer.components.modulator.observe(reading({"audio": 0.7, "visual": 0.4}))
    frozen = trainer.components.modulator.parts.get("boost")
    if frozen:
        frozen.observe = lambda reading: None  # type: ignore[method-assign]
    trainer.train()
    return weights(trainer)


def distance(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> float:
    return max(
        float((ours[name] - theirs[name]).abs().max())
        for name in ours
        if ours[name].is_floating_point()
    )


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_adam_cancels_a_scaled_gradient_but_not_a_scaled_learning_rate(
    optimizer: str, tmp_path: Path
) -> None:
    plain = trained(tmp_path / "plain", optimizer, method="baseline")
    gradient = trained(tmp_path / "gradient", optimizer, method="boost")
    rate = trained(tmp_path / "lr", optimizer, method="boost", boost={"via": "lr"})
    assert distance(rate, plain) > 2e-3
    if optimizer == "sgd":
        assert distance(gradient, rate) < 1e-5, "without weight decay the two are the same"
    else:
        assert distance(gradient, plain) < 0.2 * distance(rate, plain)


@pytest.mark.parametrize(
    ("settings", "warned"),
    [
        ({"method": "ogm_ge+boost", "optimizer": {"name": "adam"}}, ["ogm_ge", "boost"]),
        ({"method": "boost", "boost": {"via": "lr"}, "optimizer": {"name": "adamw"}}, []),
        ({"method": "mslr", "optimizer": {"name": "adam"}}, []),
        ({"method": "boost"}, []),
    ],
)
def test_a_method_that_adam_cancels_is_told_at_the_start(
    settings: dict[str, Any], warned: list[str], tmp_path: Path
) -> None:
    trainer = make_trainer(tmp_path / "run", small_data(), small_config(epochs=1, **settings))
    after_steps(trainer, {2: trainer.components.command_handler.stop})
    alerts = [event for event in train(trainer).events if event.kind == "alert"]
    assert [str(event.get("message")).split()[0] for event in alerts] == warned
    assert all(event.step == 0 and event.get("level") == "warning" for event in alerts)


# -- company -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ogm+ogm_ge", "ogm and ogm_ge both throttle"),
        ("ogm_star+pmr_acc", "both accelerate"),
        ("mlb+ogm", "both throttle"),
        ("pmr_acc+mlb", "both accelerate"),
        ("uniform+mlb", "both add the unimodal losses"),
        ("uniform+arl", "both add the unimodal losses"),
        ("baseline+opm", "composes with nothing"),
        ("boost+boost", "named twice"),
    ],
)
def test_two_that_do_the_same_are_refused(text: str, reason: str) -> None:
    with pytest.raises(RegistryError, match=reason):
        parse_method(text)


@pytest.mark.parametrize(
    "text",
    ["ogm_ge+pmr_acc", "opm+ogm", "uniform+ogm_ge+boost", "cggm+boost", "arl+mslr", "mlb+boost"],
)
def test_these_go_together(text: str) -> None:
    assert Bench(text, NAMES).modulate() is not None


def test_a_run_has_one_rule_of_kernels() -> None:
    with pytest.raises(ConfigError, match=r"ogm\.params=all, pmr_acc\.params=auto"):
        small_config(method="ogm+pmr_acc", ogm={"params": "all"})


def test_scores_of_the_example() -> None:
    assert true_class_scores(example().forward).tolist() == near([1.363103, 0.831015])
