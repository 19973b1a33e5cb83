"""A user's own modulator, FILE.py:CLASS: it enters by the same door as the program's methods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from core_kit import (
    assert_same_bits,
    make_trainer,
    small_config,
    small_data,
    train,
    train_small,
    weights,
)

from asgml.core.modulators.user_modulator import ModulatorError, load_user_class, user_knobs
from asgml.core.run.manifest_builder import describe_modulators
from asgml.core.training.trainer import Trainer
from asgml.storage.commands.inbox import make_request, send

HALF = '''
from __future__ import annotations
from dataclasses import dataclass
from asgml.core.modulators.base import Modulator
from asgml.core.modulators.modulation import Modulation
from asgml.storage.format.knobs import Knob

@dataclass
class Note:
    text: str = "dataclasses look for the module they stand in"

class Half(Modulator):
    """Multiplies every gradient by one level.

    More text.
    """

    knobs = (Knob("half.level", "float", 0.5, "the level", 0, 1, 0.1),)

    def modulate(self, backward):
        return Modulation(gains={(m, "all"): self.number("level") for m in self.modalities})
'''


def written(tmp_path: Path, text: str, name: str = "Half") -> str:
    file = tmp_path / "mine.py"
    file.write_text(text, encoding="utf-8")
    return f"{file}:{name}"


def test_it_acts_with_its_own_knob_beside_the_methods(tmp_path: Path) -> None:
    config = small_config(method="boost", modulator=written(tmp_path, HALF))
    trainer = make_trainer(tmp_path / "run", small_data(), config)
    send(
        trainer.run.paths.commands,
        make_request("set", knob="half.level", value=0.25, at_step=6),
    )
    run = train(trainer)
    for m in ("audio", "visual"):
        expected = run.column("steps", f"boost_scale/{m}") * np.array([0.5] * 6 + [0.25] * 6)
        np.testing.assert_allclose(run.column("steps", f"gain/{m}"), expected, rtol=1e-6)
    assert run.manifest is not None
    assert "half.level" in [knob.name for knob in run.manifest.knobs]
    assert run.knobs_at()["half.level"] == 0.25


def test_its_knobs_are_its_own_and_those_of_every_window(tmp_path: Path) -> None:
    config = small_config(modulator=written(tmp_path, HALF))
    names = [knob.name for knob in user_knobs(config)]
    assert names == [
        "half.level",
        "half.strength",
        "half.first_epoch",
        "half.last_epoch",
        "half.ramp_epochs",
    ]
    assert describe_modulators(config)[-1]["summary"] == "Multiplies every gradient by one level."
    assert user_knobs(small_config()) == []


def test_it_obeys_strength_and_window(tmp_path: Path) -> None:
    plain, _ = train_small(tmp_path / "plain")
    trainer = make_trainer(
        tmp_path / "none", small_data(), small_config(modulator=written(tmp_path, HALF))
    )
    trainer.run.live_settings.set("half.strength", 0)
    train(trainer)
    assert_same_bits(weights(trainer), weights(plain))


def test_its_file_is_run_once(tmp_path: Path) -> None:
    target = written(tmp_path, HALF + f"\nopen({str(tmp_path / 'count')!r}, 'a').write('x')\n")
    train_small(tmp_path / "run", modulator=target, epochs=1)
    assert (tmp_path / "count").read_text() == "x"
    assert load_user_class(target) is load_user_class(target)


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("class Half(", "Half", r"cannot be loaded: SyntaxError: .*\(line 1\)"),
        (
            "import torch\nimport a_module_that_is_not_there",
            "Half",
            r"ModuleNotFoundError: No module named .*",
        ),
        (
            "x = 1\ny = 1 / 0",
            "Half",
            r"cannot be loaded: ZeroDivisionError: division by zero \(line 2\)",
        ),
        (
            HALF,
            "Whole",
            "has no class Whole that derives from Modulator; write `from asgml import Modulator`",
        ),
        ("class Half: pass", "Half", "has no class Half that derives"),
        (
            "from core.modulators.base import Modulator",
            "Half",
            "names of version 0.1.0 are now in asgml: `from asgml import Modulator`",
        ),
        (
            "raise ImportError('the user has a storage.py', name='storage.knobs')",
            "Half",
            "names of version 0.1.0 are now in asgml: `from asgml import Modulator`",
        ),
        (HALF, "", "expected FILE.py:CLASS"),
        (
            HALF.replace("half.level", "level"),
            "Half",
            r"knob 'level' must be named half.NAME after its class",
        ),
        (
            HALF.replace("class Half", "class Boost"),
            "Boost",
            "boost is the name of a part of the program",
        ),
        (
            HALF.replace("class Half", "class Loss"),
            "Loss",
            "loss is the name of a part of the program",
        ),
        (HALF + "    def __init__(self): pass\n", "Half", "cannot be made: TypeError"),
    ],
)
def test_errors_are_one_line(tmp_path: Path, text: str, name: str, expected: str) -> None:
    config = small_config(modulator=written(tmp_path, text, name))
    with pytest.raises(ModulatorError, match=expected) as error:
        make_trainer(tmp_path / "run", small_data(), config)
    assert "\n" not in str(error.value)
    assert str(tmp_path / "mine.py") in str(error.value)


@pytest.mark.parametrize("target", ["nowhere.py:Half", "mine.py", "/etc/hostname:Half", ":"])
def test_a_target_that_is_no_python_file_is_one_line(target: str) -> None:
    with pytest.raises(
        ModulatorError, match=r"expected FILE\.py:CLASS|is not a Python file"
    ) as error:
        load_user_class(target)
    assert "\n" not in str(error.value)


def test_a_column_that_is_not_in_the_table_ends_the_run_with_its_name(tmp_path: Path) -> None:
    text = HALF.replace(
        "backward):", "backward):\n        return Modulation(readings={'mood/audio': 1.0})"
    )
    trainer: Trainer = make_trainer(
        tmp_path / "run", small_data(), small_config(modulator=written(tmp_path, text))
    )
    with pytest.raises(KeyError, match="no column 'mood/audio' in the table 'steps'"):
        train(trainer)


def test_its_state_goes_into_the_checkpoint(tmp_path: Path) -> None:
    text = HALF + (
        "    count = 0\n"
        "    def begin_epoch(self, epoch): self.count += 1\n"
        "    def state_dict(self): return {'count': self.count}\n"
        "    def load_state_dict(self, state): self.count = state['count']\n"
    )
    config = small_config(modulator=written(tmp_path, text), epochs=2)
    trainer = make_trainer(tmp_path / "run", small_data(), config)
    train(trainer)
    state: dict[str, Any] = trainer.state_dict()
    again = make_trainer(tmp_path / "again", small_data(), config)
    again.load_state_dict(state)
    assert again.balancing.modulator.state_dict()["half"]["inner"] == {"count": 2}
    train(again)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            "from asgml import Modulator\nclass Idle(Modulator):\n    def act(self): ...\n",
            "Idle defines none of the hooks modulate, loss",
        ),
        (
            "raise SystemExit('bye')\n",
            r"idle.py:Idle' cannot be loaded: SystemExit: bye \(line 1\)",
        ),
    ],
)
def test_a_modulator_that_would_do_nothing_is_refused(
    tmp_path: Path, code: str, reason: str
) -> None:
    (tmp_path / "idle.py").write_text(code)
    with pytest.raises(ModulatorError, match=reason):
        load_user_class(f"{tmp_path / 'idle.py'}:Idle")
