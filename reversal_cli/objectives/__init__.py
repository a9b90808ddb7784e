"""The training objectives. A new one is one file and one line here."""

from reversal_cli.objectives.abi import Abi
from reversal_cli.objectives.base import ObjectiveOptions
from reversal_cli.objectives.bico import Bico
from reversal_cli.objectives.mlm_u import MlmU
from reversal_cli.objectives.ntp import Ntp
from reversal_cli.objectives.untrained import Untrained

OBJECTIVES: dict[str, type[ObjectiveOptions]] = {"ntp": Ntp, "bico": Bico, "abi": Abi, "mlm-u": MlmU}

OBJECTIVE_SPECS: dict[str, type[ObjectiveOptions]] = {**OBJECTIVES, "none": Untrained}
"""What objective.name may be: also the checkpoint as it is."""
