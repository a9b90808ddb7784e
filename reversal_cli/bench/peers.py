"""Other tools beside this one: NTP on models that continue a text, which all of them know."""

import itertools
from collections.abc import Callable, Sequence

from reversal_cli.bench.cases import label
from reversal_cli.bench.peer_evaluation import evaluation_turns
from reversal_cli.bench.peer_training import training_turns
from reversal_cli.bench.results import PeerResult
from reversal_cli.bench.turns import is_installed, take_turns
from reversal_cli.data.base import Splits
from reversal_cli.errors import FullMemoryError
from reversal_cli.models.checkpoint import family_of
from reversal_cli.models.memory import explain_out_of_memory
from reversal_cli.objectives.ntp import Ntp
from reversal_cli.spec.experiment import ExperimentSpec

PACKAGES = {"trl": "trl", "lm_eval": "lm-eval"}
"""Module -> package of the extra `bench`."""


def measure_peers(
    specs: Sequence[ExperimentSpec], splits: Splits, steps: int, say: Callable[[str], None]
) -> list[PeerResult]:
    """Every peer on every case that it can do. What is left out gets a line."""
    installed = {module: is_installed(module) for module in PACKAGES}
    for module, package in PACKAGES.items():
        if not installed[module]:
            say(f"--peers: {package} is not installed and left out; `pip install 'reversal[bench]'` adds it")
    results: list[PeerResult] = []
    evaluated: set[str] = set()
    for spec in specs:
        case, name = label(spec), spec.model.name
        if not isinstance(spec.objective, Ntp) or family_of(spec.model) != "rotary":
            say(f"--peers: {case}: left out; other tools train NTP on models that continue a text")
            continue
        say(f"bench {case}: other tools")
        all_turns = [training_turns(spec, splits, steps, installed["trl"])]
        if name not in evaluated:  # the batch size of a training changes no evaluation
            all_turns.append(evaluation_turns(spec, splits, installed["lm_eval"]))
            evaluated.add(name)
        for turns in itertools.chain.from_iterable(all_turns):
            try:
                with explain_out_of_memory(f"{case} beside {turns.peer}: the GPU's memory does not hold both"):
                    results.append(take_turns(case, turns))
            except FullMemoryError as error:
                say(f"left out: {error}")
    return results
