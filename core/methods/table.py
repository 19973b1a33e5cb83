"""The table of all methods, in the order in which they are listed. Light: loads no torch.

A method joins the program by one row in a file of this folder, its name below, and one file in
core/modulators. Its settings become a section of the configuration (`[boost]`, `--set
boost.alpha=0.75`); those in `knobs` can also be changed while the training runs.
"""

from __future__ import annotations

from collections.abc import Mapping

from asgml.core.methods.boost import BOOST, OGM_STAR, PMR_ACC
from asgml.core.methods.data import VALUATION
from asgml.core.methods.directions import INFOREG, MMPARETO
from asgml.core.methods.joint_losses import DGL, G_BLENDING, LFM, MMCOSINE
from asgml.core.methods.losses import BASELINE, PMR, UNIFORM
from asgml.core.methods.rates import ASGML_V1, MSES, MSLR
from asgml.core.methods.resets import RELEARNING
from asgml.core.methods.spec import Method
from asgml.core.methods.teachers import G2D, SMP
from asgml.core.methods.throttle import OGM, OGM_GE, OPM
from asgml.core.methods.turns import AUG, MLA, RECONBOOST
from asgml.core.methods.two_sided import AGM, ARL, CGGM, MLB

# The order is that of `asgml methods` and of the configuration's sections.
# fmt: off
METHODS: Mapping[str, Method] = {method.name: method for method in (
    BASELINE, OGM, OGM_GE, BOOST, UNIFORM, OGM_STAR, PMR_ACC, MLB, MSLR, OPM, CGGM, ARL,
    AGM, MMPARETO, PMR, G_BLENDING, RELEARNING, INFOREG, ASGML_V1, SMP, G2D,
    DGL, LFM, VALUATION, MMCOSINE, MSES, MLA, RECONBOOST, AUG,
)}
# fmt: on
