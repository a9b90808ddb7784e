"""The training objectives. A new one is one file and one line here."""

from reversal_cli.objectives.abi import Abi
from reversal_cli.objectives.base import ObjectiveOptions
from reversal_cli.objectives.bico import Bico
from reversal_cli.objectives.fim import Fim
from reversal_cli.objectives.masked_ft import MaskedFt
from reversal_cli.objectives.mlm_u import MlmU
from reversal_cli.objectives.ntp import Ntp
from reversal_cli.objectives.plm import Plm
from reversal_cli.objectives.prefix_lm import PrefixLm
from reversal_cli.objectives.untrained import Untrained

OBJECTIVES: dict[str, type[ObjectiveOptions]] = {
    "ntp": Ntp,
    "bico": Bico,
    "abi": Abi,
    "masked-ft": MaskedFt,
    "mlm-u": MlmU,
    "fim": Fim,
    "plm": Plm,
    "prefix-lm": PrefixLm,
}

OBJECTIVE_SPECS: dict[str, type[ObjectiveOptions]] = {**OBJECTIVES, "none": Untrained}
"""What objective.name may be: also the checkpoint as it is."""
