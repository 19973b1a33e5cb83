"""The Balancer in an external loop: the same bits, run and commands as the trainer's."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from core_kit import (
    assert_same_bits,
    rows_of,
    small_config,
    small_data,
    through_a_file,
    train_small,
    weights,
)
from torch import Tensor, nn
from torch.nn import functional

from asgml.core.balancer import Balancer, LoopError
from asgml.core.config.live_knobs import live_knobs
from asgml.core.config.run_config import ConfigError
from asgml.core.data.base import Dataset
from asgml.core.data.loading.batches import Batches
from asgml.core.methods.registry import METHODS
from asgml.core.methods.spec import NEEDS_HEAD, TEACHERS
from asgml.core.model.model import MultimodalModel, make_model
from asgml.core.modulators.unimodal_loss import UnimodalLoss
from asgml.core.seeds import seed_for
from asgml.core.types import Batch
from asgml.storage.commands.inbox import make_request, send
from asgml.storage.format.knobs import Knob
from asgml.storage.read.reader import Run

PROBE = {"probe.eval_freq": 3, "probe.train_steps": 2}
STEPS = (
    "epoch loss task_loss accuracy lr grad_norm grad_norm_after gain boost_scale throttle noise "
    "discrepancy own_loss own_accuracy grad_norm_clean head_gain"
)
REST = (
    "probe_accuracy probe_loss utilization utilization_gap boost_target train_loss train_accuracy"
)
"""Columns that an external loop fills as the trainer does."""


class Loop:
    """An external loop: the trainer's model, batches and optimizer, by hand around a Balancer."""

    def __init__(
        self,
        data: Dataset | None = None,
        *,
        method: str = "ogm_ge+boost",
        epochs: int = 3,
        seed: int = 0,
        **options: Any,
    ) -> None:
        self.data, self.epochs = data or small_data(), epochs
        torch.manual_seed(seed_for("weights", seed))
        self.model: MultimodalModel = make_model(
            self.data.shapes, len(self.data.classes), {}, "concat", 0, "split"
        )
        self.head: nn.Linear = self.model.fusion.classifier  # type: ignore[assignment]
        self.optimizer = torch.optim.SGD(
            self.model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4
        )
        self.batches = Batches(
            self.data.splits["train"], 8, torch.device("cpu"), seed_for("batches", seed)
        )
        given = {"settings": PROBE, "head": self.head, "classes": self.data.classes, **options}
        self.balancer = Balancer(self.model.encoders, method=method, seed=seed, **given)
        self.adds = method.split("+")[0] in (
            "uniform",
            "mlb",
            "mmpareto",
            "cggm",
            "asgml_v1",
            "arl",
        )
        self.after: dict[int, Callable[[], object]] = {}

    def seen(self, batch: Batch) -> dict[str, Any]:
        features = self.model.encode(batch.inputs)
        return {
            "features": features,
            "logits": self.model.fusion.fuse(features),
            "labels": batch.labels,
        }

    def step(self, batch: Batch) -> None:
        seen = self.seen(batch)
        loss = functional.cross_entropy(seen["logits"], batch.labels)
        if self.adds:
            loss = loss + self.balancer.loss(**seen, task_loss=loss)
        self.optimizer.zero_grad()
        loss.backward()
        self.balancer.step(**seen, loss=loss, lr=0.05)
        self.optimizer.step()
        self.after.get(self.balancer.steps, lambda: None)()

    def train(self, first: int = 0) -> dict[str, Tensor]:
        with self.balancer:
            for epoch in range(first, self.epochs):
                self.batches.begin_epoch()
                self.balancer.begin_epoch(epoch)
                for batch in self.batches.rest_of_epoch():
                    self.step(batch)
                    if self.balancer.stopping:
                        return self.weights()
                self.balancer.end_epoch()
        return self.weights()

    def weights(self) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in self.model.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        parts = {
            "model": self.model,
            "optimizer": self.optimizer,
            "batches": self.batches,
            "balancer": self.balancer,
        }
        return through_a_file({name: part.state_dict() for name, part in parts.items()})

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name in ("model", "optimizer", "batches", "balancer"):
            getattr(self, name).load_state_dict(state[name])


def one_batch(loop: Loop) -> Batch:
    split = loop.data.splits["train"]
    return Batch({m: tensor[:8] for m, tensor in split.inputs.items()}, split.labels[:8])


# -- bit for bit ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "method",
    ["ogm_ge+boost", "ogm_ge+uniform", "mlb", "cggm", "mmpareto", "inforeg", "arl", "asgml_v1"],
)
def test_the_same_weights_and_rows_as_the_trainer(method: str, tmp_path: Path) -> None:
    data = small_data(train=33)  # the last batch is left out: a single sample
    loop = Loop(data, method=method, epochs=4, seed=5, run=tmp_path / "loop")
    loop.adds = loop.adds or "uniform" in method
    ours = loop.train()
    # The loop's unimodal logits are the split of its head.
    trainer, run = train_small(
        tmp_path / "trainer", data, method=method, epochs=4, seed=5, fusion={"alone": "split"}
    )
    assert_same_bits(ours, weights(trainer))
    other = Run.open(tmp_path / "loop")
    assert other.state() == "finished"
    for table in ("steps", "probes", "epochs"):
        left, right = rows_of(other, table), rows_of(run, table)
        for name in right:
            if name.partition("/")[0] in [*STEPS.split(), *REST.split()]:
                np.testing.assert_array_equal(left[name], right[name], err_msg=f"{table}: {name}")
    assert len(rows_of(other, "probes")["step"]) == 5


CLIPS = """
from asgml import Modulation, Modulator
class Clips(Modulator):
    def modulate(self, backward):
        return Modulation(clip=1.0)
"""


def test_a_clip_is_refused_since_the_loop_alone_has_all_gradients(tmp_path: Path) -> None:
    file = tmp_path / "clips.py"
    file.write_text(CLIPS, encoding="utf-8")
    loop = Loop(method="baseline", modulator=f"{file}:Clips")
    with pytest.raises(LoopError, match="clips all gradients of the model, which the loop alone"):
        loop.train()


@pytest.mark.parametrize("recorded", [False, True])
def test_a_baseline_is_the_loop_without_us(recorded: bool, tmp_path: Path) -> None:
    """Probes, records and a generator of torch that nobody else has drawn from."""
    loop = Loop(method="baseline", run=tmp_path / "run" if recorded else None)
    ours, drawn = loop.train(), torch.rand(3)
    plain = Loop(method="baseline")
    plain.balancer.step = lambda **_: None  # type: ignore[method-assign]
    assert_same_bits(ours, plain.train())
    assert torch.equal(drawn, torch.rand(3))
    assert (tmp_path / "run").exists() == recorded


def test_making_one_and_stepping_draws_no_random_number() -> None:
    loop = Loop(settings={**PROBE, "probe.type": "mlp_1layer", "probe.eval_freq": 1})
    before = torch.get_rng_state()
    Balancer(loop.model.encoders, head=loop.head, classes=3, settings={"probe.type": "mlp_1layer"})
    loop.train()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_seed_gives_the_same_noise_on_every_rank() -> None:
    first, second, other = (Loop(method="ogm_ge", seed=0) for _ in range(3))
    other.balancer.balancing.noise.manual_seed(1)
    ours, theirs = first.train(), second.train()
    assert_same_bits(ours, theirs)
    assert any(not torch.equal(ours[name], value) for name, value in other.train().items())


# -- what the loop gives -------------------------------------------------------------


@pytest.mark.parametrize("method", [name for name in METHODS if name != "arl"])
def test_every_method_works_or_is_refused_in_one_line(method: str) -> None:
    requires = METHODS[method].requires.items()
    always = [
        deed
        for deed, setting in requires
        if deed != NEEDS_HEAD and (not setting or deed == TEACHERS)
    ]
    if always:
        with pytest.raises(
            LoopError, match=rf"^{method}( with \S+)? has to {always[0]}: "
        ) as error:
            Loop(method=method)
        assert "\n" not in str(error.value)
        return
    loop = Loop(method=method, epochs=2)
    loop.adds = "loss" in METHODS[method].acts
    assert all(bool(torch.isfinite(value).all()) for value in loop.train().values())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {"method": "mslr"},
            "mslr has to set the learning rate of each modality: the optimizer is the loop's",
        ),
        (
            {"method": "boost", "settings": {"boost.via": "lr"}},
            "boost with via=lr has to set the learning rate",
        ),
        (
            {"method": "boost", "settings": {"boost.signal": "probe_val"}},
            "boost with signal=probe_val has to read the data",
        ),
        (
            {"method": "boost", "settings": {"boost.schedule": "cosine"}},
            "know how many epochs the training has: give epochs=",
        ),
        (
            {"method": "cggm", "head": None},
            "cggm with direction=True has to see the head .*: give head=",
        ),
        ({"method": "arl", "head": None}, "arl has to see the head"),
        (
            {"method": "inforeg", "data": small_data(("audio", "visual", "text"))},
            "inforeg is defined for 2 modalities, these are 3",
        ),
        ({"head": nn.Linear(9, 3)}, r"head is nn.Linear\(9, 3\), expected nn.Linear\(192, 3\)"),
        ({"classes": 4}, r"expected nn.Linear\(192, 4\)"),
        ({"widths": {"audio": 64, "visual": 60}}, r"expected nn.Linear\(124, 3\)"),
        ({"knobs": [Knob("boost.alpha", "float", 1.0, "", 0, 1)]}, "knob 'boost.alpha' is taken"),
    ],
)
def test_what_cannot_be_is_refused_at_once(
    options: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    with pytest.raises(LoopError, match=expected) as error:
        Loop(**{"run": tmp_path / "run", **options})
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists(), "a refused run is not begun"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"optimizer.lr": 0.1}, "settings 'optimizer.lr': expected a setting of a method"),
        ({"alpha": 0.1}, "settings 'alpha': expected"),
        ({"boost.alpha": 9}, "boost.alpha = 9: "),
        ({"boost.alhpa": 1}, "unknown key 'boost.alhpa': did you mean boost.alpha"),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        Loop(settings=settings)


def test_an_encoder_of_another_program_needs_its_width() -> None:
    encoders = {"audio": nn.Linear(4, 6), "visual": nn.Conv2d(1, 2, 3)}
    with pytest.raises(LoopError, match="widths lacks 'visual'"):
        Balancer(encoders, widths={"audio": 6}, classes=2)
    balancer = Balancer(encoders, widths={"audio": 6, "visual": 2}, classes=2)
    assert balancer.balancing.groups["audio"].kernels == (encoders["audio"].weight,)
    assert balancer.balancing.groups["visual"].kernels == (encoders["visual"].weight,)


def test_unimodal_logits_take_the_place_of_a_head() -> None:
    """The same logits, given by the loop, give the same training."""
    with_head, without = Loop(), Loop(head=None)
    seen = without.seen
    without.seen = lambda batch: (
        (now := seen(batch))
        | {"unimodal_logits": without.model.fusion.unimodal_logits(now["features"])}
    )  # type: ignore[method-assign]
    assert_same_bits(without.train(), with_head.train())
    with pytest.raises(LoopError, match="unimodal_logits is missing"):
        Loop(head=None).train()


def test_a_name_of_0_1_0_is_refused_with_the_present_one() -> None:
    loop = Loop()
    seen = loop.seen(one_batch(loop))
    for call in (loop.balancer.step, loop.balancer.loss):
        with pytest.raises(LoopError, match="own_logits is now unimodal_logits"):
            call(**seen, own_logits={})  # type: ignore[operator]
    with pytest.raises(AttributeError, match="attend is now process_pending"):
        loop.balancer.attend()  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="no attribute 'smell'"):
        loop.balancer.smell()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"features": {"audio": torch.zeros(8, 64)}}, r"features\['visual'\] is missing"),
        ({"logits": torch.zeros(8, 4)}, r"logits has shape \(8, 4\), expected \(8, 3\)"),
        ({"labels": torch.zeros(8, 1)}, r"labels has shape \(8, 1\), expected \(8,\)"),
        (
            {"unimodal_logits": {"audio": torch.zeros(8, 3), "visual": torch.zeros(7, 3)}},
            r"unimodal_logits\['visual'\] has shape",
        ),
    ],
)
def test_what_a_step_is_shown_is_checked(change: dict[str, Any], expected: str) -> None:
    loop = Loop()
    seen = loop.seen
    loop.seen = lambda batch: seen(batch) | change  # type: ignore[method-assign]
    loop.balancer.begin_epoch(0)
    batch = one_batch(loop)
    true = seen(batch)
    functional.cross_entropy(true["logits"], batch.labels).backward()
    with pytest.raises(LoopError, match=expected):
        loop.balancer.step(**(true | change), loss=torch.zeros(()))


def test_a_call_out_of_place_says_where_it_belongs() -> None:
    loop = Loop(method="mlb")
    seen = loop.seen(one_batch(loop))
    with pytest.raises(LoopError, match=r"call begin_epoch\(epoch\)"):
        loop.balancer.step(**seen, loss=torch.zeros(()))
    loop.balancer.begin_epoch(0)
    with pytest.raises(
        LoopError, match=r"mlb adds terms to the loss: back-propagate loss \+ balancer.loss"
    ):
        loop.balancer.step(**seen, loss=torch.zeros(()))
    loop.balancer.loss(**seen, task_loss=torch.zeros(()))
    with pytest.raises(LoopError, match=r"between loss.backward\(\) and optimizer.step\(\)"):
        loop.balancer.step(**seen, loss=torch.zeros(()))
    with pytest.raises(LoopError, match="load_state_dict comes too late"):
        loop.balancer.load_state_dict(loop.balancer.state_dict())
    loop.balancer.close()
    with pytest.raises(LoopError, match="the balancer is closed"):
        loop.balancer.begin_epoch(1)


def test_a_user_modulator_that_asks_too_much_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from asgml import Modulation, Modulator\n"
        "class Feeder(Modulator):\n"
        "    def before_fusion(self, features, labels): return features, labels\n"
        "class Detacher(Modulator):\n"
        "    def joint_features(self, features): return features\n"
        "class Shower(Modulator):\n"
        "    def repeats(self): return None\n"
        "class Rater(Modulator):\n"
        "    def modulate(self, backward): return Modulation(rates={'audio': 2.0})\n",
        encoding="utf-8",
    )
    with pytest.raises(
        LoopError, match=r"Feeder\.before_fusion has to change what the fusion is fed"
    ):
        Loop(modulator=f"{file}:Feeder")
    with pytest.raises(LoopError, match=r"Detacher\.joint_features has to change what"):
        Loop(modulator=f"{file}:Detacher")
    with pytest.raises(LoopError, match=r"Shower\.repeats has to show samples once more"):
        Loop(modulator=f"{file}:Shower")
    with pytest.raises(LoopError, match="sets the learning rate"):
        Loop(modulator=f"{file}:Rater").train()


# -- mixed precision, accumulation ---------------------------------------------------


def test_a_step_whose_gradients_are_not_finite_is_not_modulated(tmp_path: Path) -> None:
    """As GradScaler leaves them when it will skip the step: recorded, and forgotten."""
    loop = Loop(run=tmp_path / "run", method="ogm_ge+inforeg", settings=PROBE)
    balancer = loop.balancer
    balancer.begin_epoch(0)
    for poison in (False, True, False):
        seen = loop.seen(one_batch(loop))
        loss = functional.cross_entropy(seen["logits"], seen["labels"])
        loop.optimizer.zero_grad()
        loss.backward()
        if poison:
            next(loop.model.encoders["audio"].parameters()).grad[0] = math.inf  # type: ignore[index]
            before = through_a_file(balancer.state_dict())
        balancer.step(**seen, loss=loss)
        if poison:
            after = balancer.state_dict()
            assert torch.equal(after["noise"], before["noise"]), "noise was drawn"
            assert str(after["modulator"]) == str(before["modulator"]), "a method has seen it"
    balancer.close()
    rows = rows_of(Run.open(tmp_path / "run"), "steps")
    assert rows["noise/audio"].tolist() == [1.0, 0.0, 1.0]
    assert np.isfinite(rows["grad_norm/audio"]).tolist() == [True, False, True]


def poisoned(loop: Loop, *steps: int) -> Loop:
    """The loop, whose loss is NaN in these steps, counted from 1."""
    real = loop.seen

    def seen(batch: Batch) -> dict[str, Any]:
        given = real(batch)
        if loop.balancer.steps + 1 in steps:
            given["logits"] = given["logits"] * math.nan
        return given

    loop.seen = seen  # type: ignore[method-assign]
    return loop


@pytest.mark.parametrize("at_once", [True, False])
def test_a_loop_is_asked_to_stop_and_its_run_has_diverged(at_once: bool, tmp_path: Path) -> None:
    loop = poisoned(Loop(run=tmp_path / "run"), *range(6, 13))
    loop.balancer.divergence._at_once = at_once
    loop.after = {9: loop.balancer.run.recorder.publish}
    loop.train()
    run = Run.open(tmp_path / "run")
    assert run.state() == "diverged" and run.head is not None
    assert run.head.step == (6 if at_once else 10)
    end = next(event for event in run.events if event.kind == "diverged")
    assert end.get("at") == 6 and end.get("column") == "loss" and end.get("checkpoint") is None
    assert end.get("message") == "loss is nan at step 6"
    assert run.rows("epochs") == (1 if at_once else 2)  # none of an epoch that was left


def test_a_loop_that_skips_goes_on_with_sound_weights(tmp_path: Path) -> None:
    settings = {**PROBE, "on_nan": "skip"}
    loop = poisoned(Loop(run=tmp_path / "run", settings=settings), 6)
    skipped: list[int] = []
    loop.after = {
        n: lambda n=n: skipped.append(n) if loop.balancer.skipped else None for n in range(1, 13)
    }
    found = loop.train()
    run = Run.open(tmp_path / "run")
    assert run.state() == "finished" and skipped == [6]
    assert all(value.isfinite().all() for value in found.values() if value.is_floating_point())
    assert np.isfinite(rows_of(run, "epochs")["train_loss"]).all()
    assert sum("left out" in str(event.get("message")) for event in run.events) == 2


def test_gradients_that_overflow_are_no_divergence_of_a_loop(tmp_path: Path) -> None:
    loop = Loop(run=tmp_path / "run")
    with loop.balancer as balancer:
        balancer.begin_epoch(0)
        for _ in range(2):
            seen = loop.seen(one_batch(loop))
            loss = functional.cross_entropy(seen["logits"], seen["labels"])
            loop.optimizer.zero_grad()
            loss.backward()
            next(loop.model.encoders["audio"].parameters()).grad[0] = math.inf  # type: ignore[index]
            balancer.step(**seen, loss=loss)
            balancer.run.recorder.publish()
            assert not balancer.stopping
    assert Run.open(tmp_path / "run").state() == "finished"


def test_autocast_and_a_scaler(tmp_path: Path) -> None:
    """Unscaled gradients are modulated; what is recorded does not know of the scale."""
    loop = Loop(run=tmp_path / "run")
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    loop.balancer.begin_epoch(0)
    for _ in range(4):
        batch = one_batch(loop)
        loop.optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            seen = loop.seen(batch)
            loss = functional.cross_entropy(seen["logits"], batch.labels)
        assert seen["logits"].dtype == torch.bfloat16
        scaler.scale(loss).backward()
        scaler.unscale_(loop.optimizer)
        loop.balancer.step(**seen, loss=loss)
        scaler.step(loop.optimizer)
        scaler.update()
    loop.balancer.close()
    rows = rows_of(Run.open(tmp_path / "run"), "steps")
    assert np.isfinite(rows["own_loss/audio"]).all() and np.isfinite(rows["gain/audio"]).all()
    assert (rows["grad_norm/audio"] < 10).all()


def test_accumulated_gradients_are_modulated_once() -> None:
    loop = Loop(method="boost")
    balancer = loop.balancer
    balancer.begin_epoch(0)
    batch = one_batch(loop)
    for half in (slice(0, 4), slice(4, 8)):
        part = loop.seen(
            Batch({m: tensor[half] for m, tensor in batch.inputs.items()}, batch.labels[half])
        )
        (functional.cross_entropy(part["logits"], part["labels"]) / 2).backward()
    before = {m: norm.clone() for m, norm in balancer.balancing.gradient_norms().items()}
    balancer.balancing.modulator.members["boost"].inner.scheduler.weakness["audio"] = 1.0  # type: ignore[attr-defined]
    balancer.step(**loop.seen(batch), loss=torch.ones(()))
    after = balancer.balancing.gradient_norms()
    assert float(after["audio"] / before["audio"]) == pytest.approx(1.5)
    assert float(after["visual"] / before["visual"]) == pytest.approx(1.0)


def test_a_graph_is_looked_at_once_a_step() -> None:
    loop = Loop(method="mmpareto")
    loop.balancer.begin_epoch(0)
    seen = loop.seen(one_batch(loop))
    loss = functional.cross_entropy(seen["logits"], seen["labels"])
    loop.balancer.loss(**seen, task_loss=loss)
    with pytest.raises(LoopError, match="gradients cannot be accumulated"):
        loop.balancer.loss(**seen, task_loss=loss)


# -- commands ------------------------------------------------------------------------


def answers(run: Run) -> dict[str, tuple[Any, Any]]:
    """Command → answer and reason."""
    return {
        event.get("command"): (event.get("answer"), event.get("reason"))
        for event in run.events
        if event.kind == "command"
    }


def test_a_knob_that_is_set_acts_and_is_answered(tmp_path: Path) -> None:
    settings = {**PROBE, "boost.ema_alpha": 1.0}
    loop = Loop(
        method="boost",
        settings=settings,
        run=tmp_path / "run",
        knobs=[Knob("mine", "int", 1, "", 0, 9)],
    )
    send(
        tmp_path / "run" / "commands", make_request("set", knob="boost.alpha", value=1.0, at_step=7)
    )
    send(tmp_path / "run" / "commands", make_request("set", knob="mine", value=4))
    send(tmp_path / "run" / "commands", make_request("note", note="look"))
    loop.train()
    run = Run.open(tmp_path / "run")
    scale = np.maximum(
        run.column("steps", "boost_scale/audio"), run.column("steps", "boost_scale/visual")
    )
    assert scale.tolist() == [1.0] * 3 + [1.5] * 4 + [2.0] * 5
    assert loop.balancer.value("mine") == 4
    assert [event.get("answer") for event in run.events if event.kind == "command"] == [
        "applied"
    ] * 3
    assert run.knobs_at()["boost.alpha"] == 1.0
    assert "lr" not in run.knobs_at(), "the loop's optimizer is not ours to set"


def test_what_only_the_loop_can_do_is_refused_with_a_reason(tmp_path: Path) -> None:
    loop = Loop(run=tmp_path / "run")
    for kind in ("evaluate", "checkpoint"):
        send(tmp_path / "run" / "commands", make_request(kind))
    loop.train()
    said = answers(Run.open(tmp_path / "run"))
    assert said["evaluate"][0] == said["checkpoint"][0] == "rejected"
    assert (
        "gave no checkpoint=" in said["checkpoint"][1]
        and "the training loop's own" in said["evaluate"][1]
    )


def test_stop_is_a_flag_and_saves_with_the_loops_own_checkpoint(tmp_path: Path) -> None:
    saved: list[int] = []

    def save(path: Path) -> None:
        saved.append(loop.balancer.state_dict()["step"])
        torch.save(loop.state_dict(), path)

    loop = Loop(run=tmp_path / "run", checkpoint=save)
    send(tmp_path / "run" / "commands", make_request("checkpoint", at_step=3))
    send(tmp_path / "run" / "commands", make_request("stop", at_step=5))
    loop.train()
    run = Run.open(tmp_path / "run")
    assert run.state() == "stopped" and run.rows("steps") == 6, (
        "the step that hears of it is finished"
    )
    told = [
        (event.step, event.get("path"), event.get("why"))
        for event in run.events
        if event.kind == "checkpoint"
    ]
    assert told == [
        (3, "checkpoints/step-00000003.pt", "asked for"),
        (6, "checkpoints/step-00000006.pt", "stop"),
    ]
    assert saved == [3, 6]


@pytest.mark.parametrize(
    ("failing", "reason"),
    [(True, "failed: ValueError: no room"), (False, "wrote nothing to step-00000002.pt")],
)
def test_a_checkpoint_that_fails_does_not_end_the_training(
    failing: bool, reason: str, tmp_path: Path
) -> None:
    def save(path: Path) -> None:
        if failing:
            raise ValueError("no room")

    loop = Loop(run=tmp_path / "run", checkpoint=save)
    send(tmp_path / "run" / "commands", make_request("checkpoint", at_step=2))
    send(tmp_path / "run" / "commands", make_request("stop", at_step=4))
    loop.train()
    run = Run.open(tmp_path / "run")
    assert answers(run)["checkpoint"] == ("rejected", f"the loop's checkpoint= {reason}")
    told = [str(event.get("message")) for event in run.events if event.kind == "alert"]
    assert len(told) == 1 and told[0].startswith("stopped without a checkpoint")


def test_a_pause_holds_the_loop_in_its_step(tmp_path: Path) -> None:
    loop = Loop(run=tmp_path / "run")
    commands = tmp_path / "run" / "commands"
    send(commands, make_request("pause", at_step=4))
    thread = threading.Thread(target=loop.train)
    thread.start()
    run = Run.open(tmp_path / "run")
    until(lambda: run.refresh() and run.state() == "paused")
    assert loop.balancer.steps == 4 and thread.is_alive()
    send(commands, make_request("resume"))
    thread.join(60)
    assert not thread.is_alive()
    assert Run.open(tmp_path / "run").rows("steps") == 12


def until(holds: Callable[[], object], patience: float = 60.0) -> None:
    end = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_an_error_of_the_loop_is_told_in_its_run(tmp_path: Path) -> None:
    loop = Loop(run=tmp_path / "run")
    loop.after = {5: lambda: 1 / 0}
    with pytest.raises(ZeroDivisionError):
        loop.train()
    run = Run.open(tmp_path / "run")
    assert run.state() == "failed" and run.rows("steps") == 5
    assert run.events[-1].get("error") == "ZeroDivisionError: division by zero"


def test_an_epoch_is_recorded_with_what_the_loop_found(tmp_path: Path) -> None:
    loop = Loop(run=tmp_path / "run")
    found = iter([0.5, 0.8, 0.6])
    end = loop.balancer.end_epoch
    loop.balancer.end_epoch = lambda **_: end(
        **({"val_accuracy": next(found)} if loop.balancer._order.in_epoch else {})
    )  # type: ignore[method-assign]
    loop.train()
    rows = rows_of(Run.open(tmp_path / "run"), "epochs")
    assert rows["val_accuracy"].tolist() == [0.5, 0.8, 0.6]
    assert rows["best_val_accuracy"].tolist() == [0.5, 0.8, 0.8]
    assert rows["step"].tolist() == [4, 8, 12]


# -- resuming ------------------------------------------------------------------------


def test_a_resumed_loop_goes_on_bit_for_bit(tmp_path: Path) -> None:
    """From a checkpoint in mid-epoch, with a window changed before it and a knob after it."""
    whole, loop = Loop(run=tmp_path / "whole", epochs=4), Loop(run=tmp_path / "run", epochs=4)
    for name in ("whole", "run"):
        send(
            tmp_path / name / "commands",
            make_request("set", knob="ogm_ge.first_epoch", value=9, at_step=5),
        )
        send(
            tmp_path / name / "commands",
            make_request("set", knob="boost.alpha", value=1.0, at_step=9),
        )
    expected = whole.train()
    state: dict[str, Any] = {}
    # the position moves when the next batch is drawn; the trainer saves after that, so do we
    loop.after = {6: lambda: state.update(loop.state_dict()), 11: lambda: 1 / 0}
    with pytest.raises(ZeroDivisionError):
        loop.train()
    state["batches"]["position"] += 1

    again = Loop(run=tmp_path / "run", epochs=4, resume=True)
    again.load_state_dict(state)
    assert_same_bits(again.train(first=1), expected)
    run, reference = Run.open(tmp_path / "run"), Run.open(tmp_path / "whole")
    assert [event.step for event in run.events if event.kind == "resumed"] == [6]
    left, right = rows_of(run, "steps"), rows_of(reference, "steps")
    for name in ("step", "loss", "gain/audio", "noise/visual", "boost_scale/audio"):
        np.testing.assert_array_equal(left[name], right[name], err_msg=name)
    assert right["noise/visual"].tolist() == [1.0] * 8 + [0.0] * 8
    np.testing.assert_array_equal(
        rows_of(run, "epochs")["train_loss"], rows_of(reference, "epochs")["train_loss"]
    )


def test_a_run_is_begun_once_and_resumed_as_what_it_was(tmp_path: Path) -> None:
    with pytest.raises(LoopError, match="resume=True, but there is no run"):
        Loop(run=tmp_path / "run", resume=True)
    Loop(run=tmp_path / "run", epochs=1).train()
    with pytest.raises(LoopError, match="exists; give another, or resume=True"):
        Loop(run=tmp_path / "run")
    with pytest.raises(LoopError, match=r"was begun with method ogm_ge\+boost, this is boost"):
        Loop(run=tmp_path / "run", resume=True, method="boost")
    with pytest.raises(LoopError, match="this state is of method boost"):
        Loop().balancer.load_state_dict(Loop(method="boost").balancer.state_dict())


def test_a_resumed_run_may_have_more_knobs_and_not_fewer(tmp_path: Path) -> None:
    """A later version may declare more; one that the run's readers know must not be gone."""
    mine = [Knob(name, "int", 1, "", 0, 9) for name in ("one", "two")]
    Loop(run=tmp_path / "run", epochs=1, knobs=mine[:1]).train()
    Loop(run=tmp_path / "run", epochs=2, knobs=mine, resume=True).train()
    with pytest.raises(LoopError, match=r"was begun with knobs .*'one'"):
        Loop(run=tmp_path / "run", knobs=mine[1:], resume=True)


def test_the_manifest_says_what_is_known(tmp_path: Path) -> None:
    Loop(run=tmp_path / "run", epochs=1, settings={"boost.alpha": 0.7}).train()
    run = Run.open(tmp_path / "run")
    assert run.manifest is not None
    assert run.manifest.config["boost"]["alpha"] == 0.7 and "optimizer" not in run.manifest.config
    assert run.manifest.total_epochs == 0 and "epochs" not in run.manifest.config
    assert run.manifest.classes == ["c0", "c1", "c2"] and list(run.manifest.modalities) == [
        "audio",
        "visual",
    ]
    small = small_config(method="ogm_ge+boost")
    assert [knob.name for knob in run.manifest.knobs] == [
        knob.name for knob in live_knobs(small) if knob.owner in ("ogm_ge", "boost", "probe")
    ]


def test_the_weight_of_unimodal_losses_is_a_knob_where_it_acts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = Loop(method="baseline", settings={"loss.gamma": 1.0}, run=tmp_path / "run")
    with pytest.raises(LoopError, match="loss adds terms"):
        loop.train()
    assert "loss.gamma" in Run.open(tmp_path / "run").knobs_at()
    calls: list[int] = []
    monkeypatch.setattr(UnimodalLoss, "loss", lambda self, forward: calls.append(1) or 0.0)
    ready = Loop(method="baseline", settings={"loss.gamma": 1.0})
    ready.adds = True
    ready.train()
    assert len(calls) == 12


def test_a_loop_has_alert_rules_of_its_own(tmp_path: Path) -> None:
    rules = [{"rule": "threshold", "metric": "loss", "above": 0, "for_steps": 12}]
    Loop(run=tmp_path / "run", alerts=rules).train()
    told = [event.get("rule") for event in Run.open(tmp_path / "run").events]
    assert told.count("threshold loss") == 1
    with pytest.raises(ConfigError, match=r"alerts\[1\]: rule = 'x'"):
        Loop(alerts=[{"rule": "x"}])
