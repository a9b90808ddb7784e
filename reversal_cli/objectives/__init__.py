"""The training objectives. A new one is one file and one line here."""

from reversal_cli.objectives.abi import Abi
from reversal_cli.objectives.bico import Bico
from reversal_cli.objectives.ntp import Ntp

OBJECTIVES = {"ntp": Ntp, "bico": Bico, "abi": Abi}
