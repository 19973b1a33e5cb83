"""Model selection: evaluations of the splits, and the best model so far by the validation split."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from asgml.core.measures.evaluate import evaluate
from asgml.core.measures.finite import all_finite
from asgml.core.measures.task import make_task
from asgml.core.run import checkpoint
from asgml.core.run.rows import chosen_row, reference_row, test_row, validation_row
from asgml.core.training.components import Components
from asgml.core.training.modality_contribution import make_contribution
from asgml.core.types import Evaluation, Forward, Scalar
from asgml.storage.format.reference import references_of


@dataclass
class Best:
    """The best results so far, and the step of the best model."""

    val_accuracy: float = -1.0
    step: int = -1
    on_test_accuracy: float = -1.0
    score: float = -math.inf  # selects the model: accuracy, or in a regression minus the error


class ModelSelection:
    """The evaluation after an epoch, the best model by `Task.score`, and its test at the end."""

    def __init__(self, components: Components) -> None:
        self.components = components
        self.config = components.config
        self.run = components.run
        self.task = make_task(components.data)
        self.references = references_of(components.run.manifest.data)
        self.best = Best()

    def epoch_row(self, epoch: int) -> dict[str, Scalar]:
        """Evaluate what is due after this epoch; return its columns of the table `epochs`."""
        row: dict[str, Scalar] = {}
        last = epoch + 1 == self.config.epochs
        if last or (epoch + 1) % self.config.eval.every == 0:
            row |= self.validate(epoch)
            row |= self.test_epoch() if self.config.eval.test == "epoch" else {}
        early = not last and self.components.early_stopping.exhausted
        if early:
            self._announce_early_end(epoch)
        if (last or early) and self.config.eval.test != "never":
            row |= self.test_at_end()
        return row

    def validate(self, epoch: int) -> dict[str, Scalar]:
        """Evaluate the validation split, pass it to the methods, save the model if it is best."""
        model = self.components.model
        contribution = make_contribution(self.config.diagnose.shapley, model)
        val = self.evaluate("val", on_batch=contribution.add)
        self.components.balancing.modulator.end_epoch(epoch, val)
        score = self.task.score(val)
        self.components.early_stopping.observe(score)
        if self._sound:
            self._compare(score, val.accuracy)
        return {
            **validation_row(val),
            **reference_row(val, self.references),
            **contribution.row(),
            **({"best_val_accuracy": self.best.val_accuracy} if self.best.step >= 0 else {}),
            **self.task.best_row(self.best.score),
        }

    @property
    def _sound(self) -> bool:
        """True where the weights are finite; of others no result counts as a best one."""
        return all_finite(self.components.model.state_dict().values())

    def _compare(self, score: float, accuracy: float) -> None:
        """Keep the model where it is the best so far."""
        self.best.val_accuracy = max(self.best.val_accuracy, accuracy)
        # the first sound model is kept whatever its score: one that is NaN beats nothing
        if score > self.best.score or self.best.step < 0:
            self.best.score, self.best.step = score, self.run.step
            self._save_best()

    def test_epoch(self) -> dict[str, Scalar]:
        """Evaluate the test split after an epoch. It selects nothing."""
        test = self.evaluate("test")
        if not self._sound:
            return test_row(test)
        best = self.best.on_test_accuracy = max(self.best.on_test_accuracy, test.accuracy)
        return {**test_row(test), "best_on_test_accuracy": best}

    def test_at_end(self) -> dict[str, Scalar]:
        """Test the last model and the best one by validation. The last one stays in place."""
        model, best = self.components.model, self.best
        last = self.evaluate("test")
        if best.step < 0:  # no model was ever sound
            return test_row(last)
        counted = last.accuracy if self._sound else -1.0
        present = {name: value.clone() for name, value in model.state_dict().items()}
        path = checkpoint.best_path(self.run.paths.checkpoints, best.step)
        model.load_state_dict(checkpoint.load(path, self.components.device)["model"])
        # the probes belong to the last model: on features of another one they mean nothing
        chosen = self.evaluate("test", probes=False)
        model.load_state_dict(present)
        best.on_test_accuracy = max(best.on_test_accuracy, counted, chosen.accuracy)
        self._emit("test", chosen, model=f"{self.task.choice}, step {best.step}")
        return {
            **test_row(last),
            **chosen_row(chosen),
            "best_on_test_accuracy": best.on_test_accuracy,
        }

    def evaluate_now(self, split: str) -> dict[str, Any]:
        """Evaluate a split for a command. The training continues as if it had not happened."""
        return self._emit(split, self.evaluate(split))

    def evaluate(
        self,
        split: str,
        *,
        probes: bool = True,
        on_batch: Callable[[Forward], None] | None = None,
    ) -> Evaluation:
        return evaluate(
            self.components.model,
            self.components.balancing.probes if probes else None,
            self.components.data.splits[split],
            self.config.eval.batch_size,
            self.components.device,
            on_batch=on_batch,
        )

    def state_dict(self) -> dict[str, Any]:
        return {f"best_{name}": value for name, value in asdict(self.best).items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the best results; other keys of `state` are ignored."""
        known = {name: f"best_{name}" for name in asdict(self.best)}
        self.best = Best(**{name: state[key] for name, key in known.items() if key in state})

    def _save_best(self) -> None:
        state = {
            "model": self.components.model.state_dict(),
            "classes": list(self.components.data.classes),
            "step": self.best.step,
        }
        checkpoint.save(state, checkpoint.best_path(self.run.paths.checkpoints, self.best.step))

    def _announce_early_end(self, epoch: int) -> None:
        reason = self.components.early_stopping.reason
        message = f"{reason}; the training ends after {epoch + 1} of {self.config.epochs} epochs"
        self.run.recorder.event("phase", message=message, part="early_stopping")

    def _emit(self, split: str, evaluation: Evaluation, **more: Any) -> dict[str, Any]:
        """Record an `evaluation` event; return its fields."""
        fields = {
            "split": split,
            "accuracy": evaluation.accuracy,
            "loss": evaluation.loss,
            "own_accuracy": dict(evaluation.unimodal_accuracy),
            **evaluation.scores,
            **more,
        }
        self.run.recorder.event("evaluation", **fields)
        return fields
