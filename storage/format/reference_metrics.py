"""The metrics of a run that has unimodal references; other runs have no columns for them."""

from __future__ import annotations

from asgml.storage.format.metrics import rows_of

# fmt: off
REFERENCE_METRICS = (
    *rows_of("steps",
        # name                unit panel                      each  better log
        ("teacher_score",     "",  "",                        True, "",    False,
         "probability that the teacher of the modality gives the true class, mean over the batch "
         "(smp, g2d)"),
    ),
    *rows_of("epochs",
        # name                unit panel                      each  better log
        ("unimodal_reference", "", "own validation accuracy", True, "",    False,
         "best validation accuracy of the modality trained alone, in the run that is its "
         "reference"),
        ("unimodal_gap",       "", "",                        True, "",    False,
         "unimodal_reference minus val_own_accuracy: accuracy that the modality has alone and "
         "its unimodal logits lack inside the joint model"),
        ("encoder_gap",        "", "encoder gap",             True, "",    False,
         "unimodal_reference minus val_probe_accuracy: accuracy that the modality has alone and "
         "its encoder lacks inside the joint model; above 0 it is held down"),
    ),
)
# fmt: on
