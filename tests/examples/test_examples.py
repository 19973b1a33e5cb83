"""The examples: each is run, records what it says it does, and can be steered."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tomli_w
import torch
from torch.utils.data import DataLoader
from torchvision.models import resnet18
from transformers import BertConfig, BertModel
from warm_kit import warm_asgml, warm_python

from asgml.app.launcher import worker_environment
from asgml.core.methods.registry import METHODS
from asgml.core.methods.spec import NEEDS_HEAD, TEACHERS
from asgml.core.model.encoders.base import EncoderError
from asgml.core.training.trainer import Trainer
from asgml.core.worker import prepare_trainer
from asgml.storage.commands.inbox import make_request, send
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import State
from asgml.storage.read.reader import Run

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
COLUMNS = [
    f"{name}/{m}"
    for name in ("grad_norm", "grad_norm_after", "gain", "boost_scale", "throttle")
    for m in ("audio", "visual")
]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def as_program(*words: str, cwd: Path, python: Sequence[str] = ()) -> str:
    """Run `python WORDS` as a user would, asgml not yet imported; return its output."""
    done = subprocess.run(
        [*(python or warm_python()), *words],
        cwd=cwd,
        env=worker_environment(os.environ),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_run(path: Path, steps: int) -> Run:
    """Check that a finished run with everything in it lies there; return it."""
    run = Run.open(path)
    assert run.state() == "finished" and run.problems == []
    assert run.rows("steps") == steps and run.rows("probes") == steps // 4
    for name in ["loss", "accuracy", *COLUMNS]:
        assert np.isfinite(run.column("steps", name)).all(), name
    assert {event.kind for event in run.events} >= {"started", "phase", "finished"}
    assert (
        max(run.column("steps", "noise/audio")) == 1
        and max(run.column("steps", "boost_scale/audio")) >= 1
    )
    return run


def test_the_plain_loop_is_a_program(tmp_path: Path) -> None:
    as_program(str(EXAMPLES / "plain_loop.py"), "runs/mine", "--epochs", "2", cwd=tmp_path)
    run = check_run(tmp_path / "runs" / "mine", 16)
    assert run.rows("epochs") == 2 and np.isfinite(run.column("epochs", "best_val_accuracy")).all()
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    shown = as_program("show", "runs/mine", "--json", cwd=tmp_path, python=warm_asgml())
    assert '"finished"' in shown
    words = ("export", "runs/mine", "out", "--to", "csv")
    as_program(*words, cwd=tmp_path, python=warm_asgml())
    assert (tmp_path / "out" / "steps.csv").read_text().count("\n") == 17


def test_the_plain_loop_obeys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that lie there when it begins are answered, and act."""
    example, made = load("plain_loop"), load("plain_loop").Balancer

    def with_commands(*given: Any, **options: Any) -> Any:
        balancer = made(*given, **options)
        commands = tmp_path / "mine" / "commands"
        send(commands, make_request("set", knob="lr", value=0.01, at_step=3))
        send(commands, make_request("set", knob="boost.alpha", value=0.0, at_step=6))
        send(commands, make_request("checkpoint", at_step=5))
        send(commands, make_request("set", knob="boost.alpha", value=99))
        send(commands, make_request("stop", at_step=12))
        return balancer

    monkeypatch.setattr(example, "Balancer", with_commands)
    net = example.train(tmp_path / "mine")
    run = Run.open(tmp_path / "mine")
    assert run.state() == "stopped" and run.rows("steps") == 13, (
        "the step that hears of it is finished"
    )
    said = [
        (event.get("command"), event.step, event.get("answer"))
        for event in run.events
        if event.kind == "command"
    ]
    assert said == [
        ("set", 0, "rejected"),
        ("set", 3, "applied"),
        ("checkpoint", 5, "applied"),
        ("set", 6, "applied"),
        ("stop", 12, "applied"),
    ]
    assert run.column("steps", "lr").tolist() == [0.05] * 3 + [0.01] * 10
    scales = np.stack([run.column("steps", f"boost_scale/{m}") for m in ("audio", "visual")])
    assert scales[:, 4:6].max() > 1 and (scales[:, 6:] == 1).all()
    saved = torch.load(tmp_path / "mine" / "checkpoints" / "step-00000013.pt", weights_only=True)
    assert saved["balancer"]["step"] == 13
    assert all(torch.equal(saved["net"][name], value) for name, value in net.state_dict().items())


class Nobody:
    """Stands in for the Balancer and does nothing at all."""

    stopping = False

    def __init__(self, *given: Any, **options: Any) -> None: ...

    def __enter__(self) -> Nobody:
        return self

    def __exit__(self, *error: object) -> None: ...

    def begin_epoch(self, epoch: int) -> None: ...

    def process_pending(self) -> None: ...

    def end_epoch(self, **values: float) -> None: ...

    def step(self, **seen: Any) -> None: ...

    def value(self, name: str) -> float:
        return 0.05


def test_the_plain_loop_with_the_baseline_is_the_loop_without_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = load("plain_loop")
    balanced = example.train(tmp_path / "other", epochs=2, train=96).state_dict()
    ours = example.train(tmp_path / "mine", method="baseline", epochs=2, train=96).state_dict()
    monkeypatch.setattr(example, "Balancer", Nobody)
    plain = example.train(None, epochs=2, train=96).state_dict()
    assert all(torch.equal(ours[name], plain[name]) for name in plain)
    assert any(not torch.equal(balanced[name], plain[name]) for name in plain), (
        "the method does nothing"
    )


def test_a_modulator_of_ones_own_trains_and_is_steered(tmp_path: Path) -> None:
    target = f"{EXAMPLES / 'my_modulator.py'}:Half"
    small = [
        "--set",
        "data.options.train=96",
        "--set",
        "data.options.val=24",
        "--set",
        "data.options.test=24",
        "--set",
        "batch_size=16",
    ]
    quick = ["--set", "probe.enabled=false"]
    words = [
        "train",
        "--method",
        "baseline",
        "--modulator",
        target,
        "--epochs",
        "1",
        *small,
        *quick,
    ]
    as_program(
        *words,
        *("--device", "cpu", "--name", "mine", "--runs", "runs", "--wait"),
        cwd=tmp_path,
        python=warm_asgml(),
    )
    run = Run.open(tmp_path / "runs" / "mine")
    assert run.state() == "finished" and run.rows("steps") == 6
    assert run.knobs_at()["half.level"] == 0.5
    gains, norms = (
        np.stack([run.column("steps", f"{name}/{m}") for m in ("audio", "visual")])
        for name in ("gain", "grad_norm")
    )
    assert np.array_equal(np.sort(gains, axis=0), np.tile([[0.5], [1.0]], (1, 6)))
    assert np.array_equal(gains.argmin(axis=0), norms.argmax(axis=0))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("none", "out.svg"), "no run in .*; give the directory of a run"),
        (("empty", "out.svg"), "has recorded nothing yet"),
        (("empty", "out.svg", "--size", "wide"), "invalid size value: 'wide'"),
    ],
)
def test_a_picture_of_no_run_is_refused(tmp_path: Path, given: list[str], expected: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "run.toml").touch()
    with pytest.raises(AssertionError, match=expected):
        as_program(str(EXAMPLES / "picture.py"), *given, cwd=tmp_path)
    assert not (tmp_path / "out.svg").exists()


# -- Lightning -----------------------------------------------------------------------


class SmallTrainer:
    """Calls a callback's hooks in the order of Lightning's Trainer with automatic optimization.

    As in Lightning 2.6, a list or tuple is taken for several loaders, one batch of each at a time.
    """

    def __init__(self, max_epochs: int, callbacks: list[Any], **options: Any) -> None:
        self.max_epochs, self.callbacks = max_epochs, callbacks
        self.current_epoch, self.should_stop = 0, False

    def call(self, hook: str, *given: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(self, *given)

    def fit(self, module: Any, loader: Any) -> None:
        batches = list(zip(*loader, strict=True)) if isinstance(loader, list | tuple) else loader
        optimizer = module.configure_optimizers()
        try:
            self.call("on_train_start", module)
            for epoch in range(self.current_epoch, self.max_epochs):
                self.current_epoch = epoch
                self.call("on_train_epoch_start", module)
                for index, batch in enumerate(batches):
                    optimizer.zero_grad()
                    module.training_step(batch, index).backward()
                    self.call("on_before_optimizer_step", module, optimizer)
                    optimizer.step()
                    if self.should_stop:
                        break
                if self.should_stop:
                    break
            self.call("on_train_end", module)
        except BaseException as error:
            self.call("on_exception", module, error)
            raise


@pytest.fixture
def example() -> Iterator[Any]:
    torch.manual_seed(0)
    yield load("lightning_module")


def test_the_lightning_callback_in_a_small_trainer(
    example: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(example, "Trainer", SmallTrainer)
    if example.LightningModule is not torch.nn.Module:
        pytest.skip("lightning is installed: its own trainer is tested")
    example.main(tmp_path / "mine")
    run = check_run(tmp_path / "mine", 24)
    assert run.manifest is not None and run.manifest.total_epochs == 3
    assert set(run.column("steps", "lr")) == {0.05}


def test_the_lightning_callback_stops_and_goes_on(example: Any, tmp_path: Path) -> None:
    data = example.load_data("synthetic", {"train": 96, "val": 24, "test": 24})
    options: dict[str, Any] = {
        "run": tmp_path / "mine",
        "method": "ogm_ge",
        "settings": {"probe.enabled": False},
    }
    balance = example.Balance(dict.fromkeys(data.modalities, 32), 6, **options)
    module = example.Module(data.shapes, 6)
    loader = DataLoader(example.batches(data), batch_size=None)
    start = balance.on_train_start

    def start_and_stop(trainer: Any, made: Any) -> None:
        start(trainer, made)
        send(tmp_path / "mine" / "commands", make_request("stop", at_step=4))

    balance.on_train_start = start_and_stop
    SmallTrainer(4, [balance]).fit(module, loader)
    assert Run.open(tmp_path / "mine").state() == "stopped"

    again = example.Balance(dict.fromkeys(data.modalities, 32), 6, **options)
    again.load_state_dict(balance.state_dict())
    trainer = SmallTrainer(4, [again])
    trainer.current_epoch = 2
    trainer.fit(module, loader)
    run = Run.open(tmp_path / "mine")
    assert run.state() == "finished"
    assert run.column("steps", "step").tolist() == list(range(1, 12))
    assert [event.step for event in run.events if event.kind == "resumed"] == [5]


def test_the_lightning_callback_tells_an_error(example: Any, tmp_path: Path) -> None:
    data = example.load_data("synthetic", {"train": 96, "val": 24, "test": 24})
    balance = example.Balance(dict.fromkeys(data.modalities, 32), 6, run=tmp_path / "mine")
    broken = DataLoader([*example.batches(data), (torch.zeros(3),)], batch_size=None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="zip"):
        SmallTrainer(1, [balance]).fit(example.Module(data.shapes, 6), broken)
    run = Run.open(tmp_path / "mine")
    assert run.state() == "failed" and str(run.events[-1].get("error")).startswith("ValueError")


def test_the_lightning_example_with_lightning(example: Any, tmp_path: Path) -> None:
    pytest.importorskip("lightning")
    example.main(tmp_path / "mine")
    check_run(tmp_path / "mine", 24)


def test_the_lightning_example_says_what_it_lacks(example: Any, tmp_path: Path) -> None:
    if importlib.util.find_spec("lightning") is not None:
        pytest.skip("lightning is installed")
    with pytest.raises(AssertionError, match="this example needs lightning: pip install lightning"):
        as_program(str(EXAMPLES / "lightning_module.py"), "runs/mine", cwd=tmp_path)


# -- documentation -------------------------------------------------------------------


def test_every_example_says_how_to_run_it() -> None:
    for path in EXAMPLES.glob("*.py"):
        assert f"examples/{path.name}" in str(load(path.stem).__doc__), path.name


def test_the_readme_names_the_methods_that_a_loop_cannot_have() -> None:
    """Those of which a capability is always required, but for a head, which a loop may give."""
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    named = text.partition("the step itself (")[2].partition(")")[0].replace("\n", " ")
    refused = [
        name
        for name, row in METHODS.items()
        if any(not setting and deed != NEEDS_HEAD for deed, setting in row.requires.items())
        or TEACHERS in row.requires
    ]
    assert named.split(", ") == sorted(refused)


def test_the_lines_in_the_readme_run(tmp_path: Path) -> None:
    """The loop of examples/README.md, with a net and a loader of ours."""
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    code = (
        text.partition("```python\n")[2]
        .partition("```")[0]
        .replace("runs/mine", str(tmp_path / "mine"))
        .replace("range(20)", "range(2)")
    )
    example = load("plain_loop")
    data = example.load_data("synthetic", {"train": 96, "val": 24, "test": 24})
    net = example.Net(data.shapes, 6, width=64)
    net.audio, net.visual = net.encoders["audio"], net.encoders["visual"]
    inputs = data.splits["train"].inputs
    loader = [
        ({m: inputs[m][i : i + 32] for m in inputs}, data.splits["train"].labels[i : i + 32])
        for i in (0, 32, 64)
    ]
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    names = SimpleNamespace(
        net=net,
        loader=loader,
        optimizer=optimizer,
        criterion=torch.nn.functional.cross_entropy,
        torch=torch,
    )
    exec(compile(code, "examples/README.md", "exec"), vars(names))
    run = Run.open(tmp_path / "mine")
    assert run.state() == "finished" and run.rows("steps") == 6


# -- encoders and data of the user's own ----------------------------------------------


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples in a folder, beside random weights in the files that they read."""
    folder = tmp_path_factory.mktemp("own")
    for name in ("my_data", "my_image_encoder", "my_text_encoder"):
        shutil.copy(EXAMPLES / f"{name}.py", folder)
    torch.manual_seed(0)
    torch.save(resnet18().state_dict(), folder / "resnet18.pt")
    sizes = {"vocab_size": 40, "hidden_size": 16, "intermediate_size": 16}
    counts = {"num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 8}
    BertModel(BertConfig(**sizes, **counts)).save_pretrained(folder / "text_model")
    return folder


def own_trainer(own: Path, root: Path, **changes: Any) -> Trainer:
    """A trainer of both encoders on the data, made as the worker makes it."""
    tree = {
        "method": "ogm_ge+boost",
        "epochs": 1,
        "batch_size": 8,
        "device": "cpu",
        "data": {"name": f"{own}/my_data.py:Postcards", "options": {"samples": 24, "tokens": True}},
        "encoder": {
            "image": f"{own}/my_image_encoder.py:ResNet",
            "text": f"{own}/my_text_encoder.py:TextModel",
        },
        "optimizer": {"lr": 0.01},
        "probe": {"eval_freq": 2, "train_steps": 2},
        **changes,
    }
    RunPaths(root).commands.mkdir(parents=True)
    RunPaths(root).config.write_text(tomli_w.dumps(tree), encoding="utf-8")
    return prepare_trainer(RunPaths(root), resume=False)


def encoder_weights(trainer: Trainer, modality: str) -> dict[str, torch.Tensor]:
    state = trainer.components.model.encoders[modality].state_dict()
    return {name: value.clone() for name, value in state.items()}


def test_a_torchvision_and_a_hugging_face_network_begin_with_their_files(
    own: Path, tmp_path: Path
) -> None:
    trainer = own_trainer(own, tmp_path / "run")
    stored = torch.load(own / "resnet18.pt", weights_only=True)
    found = encoder_weights(trainer, "image")
    assert torch.equal(found["network.network.conv1.weight"], stored["conv1.weight"])
    model = BertModel.from_pretrained(own / "text_model").state_dict()
    name = "embeddings.word_embeddings.weight"
    assert torch.equal(encoder_weights(trainer, "text")[f"network.model.{name}"], model[name])
    encoders = trainer.components.model.encoders
    assert {m: encoder.features for m, encoder in encoders.items()} == {"image": 512, "text": 16}
    trainer.run.close(State.STOPPED)


@pytest.mark.parametrize("frozen", ["", "image", "text"])
def test_they_are_fine_tuned_or_frozen(own: Path, frozen: str, tmp_path: Path) -> None:
    trainer = own_trainer(own, tmp_path / "run", freeze=frozen)
    before = {m: encoder_weights(trainer, m) for m in ("image", "text")}
    trainer.run.close(trainer.train())
    for m, weights in before.items():
        after = encoder_weights(trainer, m)
        same = all(torch.equal(weights[name], after[name]) for name in weights)
        assert same == (m == frozen), m
    run = Run.open(tmp_path / "run")
    assert run.state() == "finished" and np.isfinite(run.column("steps", "loss")).all()
    assert run.manifest is not None and run.manifest.data["protocol"]["data"] == (
        "my_data.py:Postcards"
    )


def test_an_encoder_on_the_other_modality_says_what_does_not_fit(own: Path, tmp_path: Path) -> None:
    encoder = {"text": f"{own}/my_image_encoder.py:ResNet"}
    with pytest.raises(EncoderError, match=r"ResNet18 takes images \(3, H, W\), not \(8,\)"):
        own_trainer(own, tmp_path / "run", encoder=encoder)


def test_tokens_need_an_encoder_of_their_own(own: Path, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"'text' has inputs of torch\.int64.*encoder\.text="):
        own_trainer(own, tmp_path / "run", encoder="auto")


def test_the_data_is_learnt_by_built_in_encoders(own: Path, tmp_path: Path) -> None:
    data = {"name": f"{own}/my_data.py:Postcards", "options": {"samples": 96}}
    changes = {"data": data, "encoder": "auto", "epochs": 8, "optimizer": {"lr": 0.02}}
    trainer = own_trainer(own, tmp_path / "run", method="baseline", **changes)
    trainer.run.close(trainer.train())
    accuracy = Run.open(tmp_path / "run").column("epochs", "val_accuracy")
    assert accuracy[-1] > 0.8, "brightness and words tell the class"
