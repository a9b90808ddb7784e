"""The training objectives. A new one is one file and one line here."""

from typing import Any

from reversal_cli.objectives.abi import Abi
from reversal_cli.objectives.bico import Bico
from reversal_cli.objectives.ntp import Ntp

OBJECTIVES: dict[str, type[Any]] = {"ntp": Ntp, "bico": Bico, "abi": Abi}
