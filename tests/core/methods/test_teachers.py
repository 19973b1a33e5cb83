"""SMP and G2D: golden numbers by hand, the windows, and teachers that are what they should be."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from core_kit import (
    Bench,
    after_steps,
    assert_same_bits,
    assert_same_rows,
    gradients,
    make_trainer,
    modalities,
    resume_trainer,
    rows_of,
    small_config,
    small_data,
    teachers_for,
    train,
    train_small,
    weights,
)
from methods_kit import AV, example, inner, near
from torch import Tensor

from asgml.core.data.base import Dataset, select_modalities
from asgml.core.methods.spec import MethodError
from asgml.core.modulators.g2d import distillation
from asgml.core.modulators.smp import Smp, holding
from asgml.core.modulators.teachers import ask, true_class_probabilities
from asgml.core.run import checkpoint
from asgml.core.run.unimodal_reference import ReferenceRunError
from asgml.core.training.teachers import load_teachers
from asgml.core.types import Batch

STUDENT = torch.tensor([[1.0, 0, -0.5], [0.2, 1.5, 0]])
AUDIO = torch.tensor([[2.0, 0, 0], [0, 1, 0.5]])
VISUAL = torch.tensor([[0.5, 0, 0.25], [1, 0, 3]])
LABELS = torch.tensor([0, 1])

# -- golden numbers ------------------------------------------------------------------


def test_the_distillation_by_hand() -> None:
    """sum_c p_c (ln p_c - ln q_c) with p of the teacher, in double precision by loops."""
    assert float(distillation(STUDENT, AUDIO)) == near(0.075227884)
    assert float(distillation(STUDENT, VISUAL)) == near(0.711368116)
    assert float(distillation(AUDIO, AUDIO)) == near(0)


def test_the_scores_of_the_teachers_by_hand() -> None:
    scores = true_class_probabilities(torch.stack([AUDIO, VISUAL]), LABELS)
    assert scores.tolist() == near([0.646733217, 0.230619509])


def by_loops(bench: Bench) -> tuple[float, dict[str, float]]:
    """Return the added loss and the teachers' scores, written as the released code has them."""
    features = bench.model.encode(bench.batch.inputs)
    student = torch.log_softmax(bench.model.fusion.fuse(features), dim=1).double()
    added, scores = 0.0, {}
    for m, teacher in inner(bench, "g2d").teachers.items():
        h = teacher.encode({m: bench.batch.inputs[m]})
        t = torch.softmax(teacher.fusion.fuse(h), dim=1).double()
        pairs = zip(t.tolist(), student.tolist(), strict=True)
        added += sum(
            p * (np.log(p) - q) for row, qs in pairs for p, q in zip(row, qs, strict=True)
        ) / len(t)
        added += float(((features[m] - h[m]).double() ** 2).sum()) / h[m].numel()
        scores[m] = float(sum(t[i, y] for i, y in enumerate(bench.batch.labels)) / len(t))
    return added, scores


@pytest.mark.parametrize("count", [2, 3])
def test_the_loss_and_the_scores_agree_with_loops(count: int) -> None:
    bench = Bench("g2d", modalities(count), g2d={"logits": 1.0, "features": 1.0})
    method = inner(bench, "g2d")
    with torch.no_grad():
        added, scores = by_loops(bench)
        assert float(method.loss(bench.model(bench.batch))) == pytest.approx(added, rel=1e-5)
    found = {m: float(method.scores[0][i]) / 6 for i, m in enumerate(bench.names)}
    assert found == pytest.approx(scores, rel=1e-5)


def test_the_kernels_of_the_stronger_teacher_get_nothing_and_all_else_learns() -> None:
    bench = Bench("smp", AV)
    modulation = bench.modulate()
    scores = {m: float(modulation.readings[f"teacher_score/{m}"]) for m in AV}
    strongest = max(scores, key=lambda m: scores[m])
    before = gradients(bench.model)
    bench.apply(modulation)
    now = gradients(bench.model)
    kernels = {id(p) for p in bench.balancing.groups[strongest].kernels}
    for name, parameter in bench.model.named_parameters():
        if name not in before:
            continue
        if id(parameter) in kernels:
            assert not now[name].any()
        else:
            assert torch.equal(now[name], before[name])


# -- which modality is held ----------------------------------------------------------


def held(scores: list[float], count: int) -> list[float]:
    names = [str(i) for i in range(len(scores))]
    return [float(gain) for gain in holding(torch.tensor(scores), count, names).values()]


def test_the_strongest_are_held_and_of_equal_ones_neither() -> None:
    assert held([0.6, 0.2], 1) == [0, 1]
    assert held([0.2, 0.6, 0.4], 1) == [1, 0, 1]
    assert held([0.2, 0.6, 0.4], 2) == [1, 0, 0]
    assert held([0.5, 0.5], 1) == [1, 1]
    assert held([0.5, 0.5, 0.1], 2) == [0, 0, 1]


def smp(names: tuple[str, ...], **options: Any) -> Smp:
    defaults = {"first_epoch": 0, "last_epoch": 9, "signal": "own", "schedule": "strongest"}
    return Smp(names, {**defaults, **options})


def test_the_stages_of_the_sequence_let_one_more_learn_each() -> None:
    four = smp(("a", "b", "c", "d"), schedule="sequential", first_epoch=2, last_epoch=10)
    assert [four.held_in(epoch) for epoch in range(13)] == [0, 0, 3, 3, 3, 2, 2, 2, 1, 1, 1, 0, 0]
    two, plain = smp(AV, schedule="sequential"), smp(AV)
    assert [two.held_in(e) for e in range(12)] == [plain.held_in(e) for e in range(12)]
    short = smp(("a", "b", "c", "d"), schedule="sequential", last_epoch=0)
    assert short.held_in(0) == 3
    endless = smp(("a", "b", "c"), schedule="sequential", last_epoch=-1)
    endless.epochs = 8
    assert [endless.held_in(e) for e in (0, 3, 4, 7, 8)] == [2, 2, 1, 1, 1]


def test_the_order_names_the_strongest_first() -> None:
    names = modalities(3)
    bench = Bench("smp", names, smp={"signal": "order", "order": "text, audio,visual"})
    gains = bench.modulate().gains
    assert {m for m in names if float(gains[m, "kernels"]) == 0} == {"text"}
    for order in ("", "audio", "audio,visual,smell", "audio,audio,visual,text"):
        with pytest.raises(MethodError, match=r"such as smp\.order=audio,visual,text"):
            Bench("smp", names, smp={"signal": "order", "order": order})


def test_the_models_own_scores_are_a_running_mean_from_the_first_on() -> None:
    method, backward = smp(AV), example()
    method.held = 1
    first = true_class_probabilities(
        torch.stack(list(backward.forward.unimodal_logits.values())), LABELS
    )
    gains = method.modulate(backward).gains
    assert torch.allclose(method.running, first) and float(gains["audio", "kernels"]) == 0
    method.running = torch.tensor([0.0, 1.0])
    method.steps = 50
    method.modulate(backward)
    expected = [0.1 * float(first[0]), 0.9 + 0.1 * float(first[1])]
    assert method.running.tolist() == pytest.approx(expected, rel=1e-5)


def test_teachers_are_asked_only_where_their_answer_counts(monkeypatch: Any) -> None:
    asked: list[int] = []

    def counting(teachers: Any, batch: Batch) -> Any:
        asked.append(len(batch.labels))
        return ask(teachers, batch)

    monkeypatch.setattr("asgml.core.modulators.smp.ask", counting)
    bench = Bench("smp", AV, smp={"first_epoch": 1, "last_epoch": 1})
    for epoch in range(3):
        bench.modulator.begin_epoch(epoch)
        bench.modulate()
    assert asked == [6]


def test_g2d_distils_on_when_nothing_is_held_any_more() -> None:
    bench = Bench("g2d", AV, g2d={"smp_last_epoch": 1})
    for epoch, holds in enumerate((True, True, False)):
        bench.modulator.begin_epoch(epoch)
        modulation = bench.modulate()
        assert any(float(gain) == 0 for gain in modulation.gains.values()) == holds
        assert "teacher_score/audio" in modulation.readings
    assert not Bench("g2d", AV, g2d={"smp": False}).modulate().gains


# -- teachers ------------------------------------------------------------------------


def test_a_teacher_is_the_best_model_of_its_run_and_stays_it(tmp_path: Path) -> None:
    data = small_data()
    paths = {m: tmp_path / m for m in AV}
    for m, path in paths.items():
        train_small(path, select_modalities(data, [m]), modalities=[m], epochs=3)
    config = small_config(method="g2d", references={m: str(path) for m, path in paths.items()})
    trainer = make_trainer(tmp_path / "run", data, config)
    teachers = inner_of(trainer, "g2d").teachers
    before = {m: {k: v.clone() for k, v in teachers[m].state_dict().items()} for m in AV}
    run = train(trainer)
    assert run.manifest is not None
    for m, path in paths.items():
        step = run.manifest.data["references"][m]["step"]
        kept = checkpoint.load(checkpoint.best_path(path / "checkpoints", step))["model"]
        for state in (before[m], teachers[m].state_dict()):
            assert_same_bits(dict(state), kept)
        assert not teachers[m].training
        assert not any(p.requires_grad or p.grad is not None for p in teachers[m].parameters())
    assert np.isfinite(rows_of(run, "steps")["teacher_score/audio"]).all()


def inner_of(trainer: Any, method: str) -> Any:
    return trainer.balancing.modulator.members[method].inner


def test_teachers_that_add_nothing_change_no_bit(tmp_path: Path) -> None:
    """They draw no random number, and their graph reaches no weight."""
    plain, _ = train_small(tmp_path / "plain", small_data())
    idle = {"logits": 0.0, "features": 0.0, "smp": False}
    taught, _ = train_small(tmp_path / "taught", small_data(), method="g2d", g2d=idle)
    assert_same_bits(weights(taught), weights(plain))


def test_micro_batches_give_the_losses_and_the_gains_of_the_whole_batch(tmp_path: Path) -> None:
    """Without batch norm, which sees micro-batches."""
    data = small_data(("visual", "thermal"))
    found = []
    for accumulate in (1, 2):
        _, run = train_small(
            tmp_path / str(accumulate),
            data,
            method="g2d",
            encoder="mlp",
            optimizer={"accumulate": accumulate},
        )
        found.append(rows_of(run, "steps"))
    for name in ("loss", "gain/visual", "teacher_score/visual", "teacher_score/thermal"):
        np.testing.assert_allclose(found[0][name], found[1][name], rtol=1e-4, err_msg=name)


CASES: list[tuple[str, dict[str, Any]]] = [
    ("g2d", {"smp_last_epoch": 2}),
    ("smp", {"last_epoch": 2}),
    ("smp", {"signal": "own"}),
    ("smp", {"signal": "order", "order": "text,visual,audio", "schedule": "sequential"}),
]


@pytest.mark.parametrize(("method", "options"), CASES)
def test_a_resumed_training_with_teachers_is_the_same(
    method: str, options: dict[str, Any], tmp_path: Path
) -> None:
    data = small_data(modalities(3))
    config = small_config(method=method, epochs=4, **{method: options})
    whole = make_trainer(tmp_path / "whole", data, config)
    run = train(whole)
    halved = make_trainer(tmp_path / "halved", data, config)
    after_steps(halved, {10: halved.run.command_handler.stop})
    train(halved)
    resumed = resume_trainer(tmp_path / "halved", data, config)
    assert_same_rows(run, train(resumed))
    assert_same_bits(weights(whole), weights(resumed))


# -- refusals and warnings -----------------------------------------------------------


def taught_by(paths: dict[str, Path], data: Dataset, root: Path, method: str = "g2d") -> Any:
    references = {m: str(path) for m, path in paths.items()}
    return make_trainer(root, data, small_config(method=method, references=references))


@pytest.fixture
def copies(tmp_path: Path) -> dict[str, Path]:
    """Return a run of each modality alone that a test may spoil."""
    data = small_data()
    known = teachers_for(data, small_config())
    for m, path in known.items():
        shutil.copytree(path, tmp_path / m)
    return {m: tmp_path / m for m in known}


@pytest.mark.parametrize("method", ["g2d", "smp"])
def test_a_modality_without_a_teacher_is_refused(
    method: str, copies: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(MethodError) as raised:
        taught_by({"audio": copies["audio"]}, small_data(), tmp_path / "run", method)
    message = str(raised.value)
    assert message.startswith(f"{method} learns from teachers") and "visual has none" in message
    assert "references.visual=RUN" in message and "\n" not in message


@pytest.mark.parametrize("method", ["g2d", "smp"])
def test_modalities_without_teachers_are_named_together(method: str) -> None:
    with pytest.raises(MethodError, match=r"audio, visual have none: give references\.audio=RUN"):
        load_teachers(small_config(method=method), small_data(), {}, torch.device("cpu"))


def spoil(edit: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        state = torch.load(path, weights_only=True)
        edit(state)
        torch.save(state, path)

    return write


def first_weight(state: dict[str, Any]) -> Tensor:
    found: Tensor = next(iter(state["model"].values()))
    return found


class Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("trapped"),))


SPOILT: list[tuple[Callable[[Path], object], str]] = [
    (Path.unlink, "has lost its best model, checkpoints/best-"),
    (lambda path: path.write_bytes(b"\x1b[31m"), "has a best model that cannot be read"),
    (lambda path: path.write_bytes(pickle.dumps(Trap())), "has a best model that cannot be read"),
    (lambda path: torch.save([1, 2], path), "has a best model that cannot be read"),
    (spoil(lambda s: s.update(classes=["a", "b", "c"])), "of other classes"),
    (spoil(lambda s: s.pop("model")), "whose weights are not those of its configuration"),
    (spoil(lambda s: s["model"].popitem()), "whose weights are not those of its configuration"),
    (
        spoil(lambda s: s["model"].update({next(iter(s["model"])): torch.zeros(1)})),
        "whose weights are not those of its configuration",
    ),
    (spoil(lambda s: first_weight(s).fill_(float("nan"))), "weights that are not finite"),
]


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize(("make", "words"), SPOILT)
def test_a_teacher_that_is_spoilt_is_refused_in_one_line(
    make: Callable[[Path], object],
    words: str,
    copies: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (best,) = (copies["audio"] / "checkpoints").glob("best-*.pt")
    make(best)
    with pytest.raises(ReferenceRunError) as raised:
        taught_by(copies, small_data(), tmp_path / "run")
    message = str(raised.value)
    assert words in message and str(copies["audio"]) in message and "\n" not in message
    assert not (tmp_path / "trapped").exists(), "the pickle was executed"


def test_a_teacher_that_changed_since_the_run_began_is_refused_at_a_resume(
    copies: dict[str, Path], tmp_path: Path
) -> None:
    trainer = taught_by(copies, small_data(), tmp_path / "run")
    after_steps(trainer, {5: trainer.run.command_handler.stop})
    train(trainer)
    (best,) = (copies["visual"] / "checkpoints").glob("best-*.pt")
    spoil(lambda state: first_weight(state).add_(1))(best)
    with pytest.raises(ReferenceRunError, match="has another model than when this run began"):
        resume_trainer(tmp_path / "run", small_data(), trainer.config)


def test_a_teacher_whose_encoders_code_changed_is_refused(
    copies: dict[str, Path], tmp_path: Path
) -> None:
    code = tmp_path / "enc.py"
    text = (
        "from torch import nn\n\n\nclass Own(nn.Linear):\n    def __init__(self, shape):\n"
        "        super().__init__(shape[0], 4)\n        self.features = 4\n"
    )
    code.write_text(text, encoding="utf-8")
    alone = select_modalities(small_data(), ["visual"])
    own = {"encoder": {"visual": f"{code}:Own"}, "modalities": ["visual"], "epochs": 1}
    train_small(tmp_path / "own", alone, **own)
    paths = {**copies, "visual": tmp_path / "own"}
    taught_by(paths, small_data(), tmp_path / "before", "smp")
    code.write_text(f"{text}\n# edited\n", encoding="utf-8")
    with pytest.raises(ReferenceRunError) as raised:
        taught_by(paths, small_data(), tmp_path / "after", "smp")
    message = str(raised.value)
    assert message.startswith("the reference of visual,") and "\n" not in message
    assert f"another content of {code} (encoder.visual)" in message


def test_features_of_another_width_are_refused(tmp_path: Path) -> None:
    data = small_data(("visual", "thermal"))
    references = teachers_for(data, small_config(encoder="mlp"))
    other = small_config(
        method="g2d", references=references, encoder={"default": "mlp", "thermal": "transformer"}
    )
    with pytest.raises((MethodError, ValueError), match="encoder"):
        make_trainer(tmp_path / "run", data, other)


@pytest.mark.parametrize(
    ("method", "options", "warned"),
    [
        ("smp", {"last_epoch": 150}, "set smp.last_epoch=3"),
        ("smp", {"last_epoch": -1}, "set smp.last_epoch=3"),
        ("smp", {"last_epoch": 6}, ""),
        ("g2d", {"smp_last_epoch": 7}, "set g2d.smp_last_epoch=3"),
        ("g2d", {"smp_last_epoch": 150, "smp": False}, ""),
    ],
)
def test_holding_to_the_end_is_warned_of(
    method: str, options: dict[str, Any], warned: str, tmp_path: Path
) -> None:
    from asgml.core.training.length_warnings import too_short

    found = too_short(small_config(method=method, **{method: options}), 8, 100)
    assert [warned in line for line in found] == ([True] if warned else [])
