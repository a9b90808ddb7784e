"""A benchmark of its own for every seed: other entities, and other templates held out."""

from typing import Any

from reversal_cli.data.name_description.options import Options
from reversal_cli.errors import ReversalError
from reversal_cli.spec.experiment import ExperimentSpec


def with_own_benchmark(spec: ExperimentSpec) -> ExperimentSpec:
    """The spec with the benchmark of its seed, if it asks for one: `results/data/x-seed-3`, generated with seed 3.

    Raises ReversalError for a generator that is given another seed.
    """
    if not spec.dataset.per_seed:
        return spec
    generator = spec.dataset.generator or Options()
    if generator.seed:
        raise ReversalError(
            f"dataset.generator.seed is {generator.seed}, but with dataset.per_seed each run's benchmark has the seed "
            "of the run; remove one of them"
        )
    dataset = spec.dataset.model_copy(
        update={
            "path": f"{spec.dataset.path.rstrip('/')}{_suffix(spec.seed)}",
            "generator": generator.model_copy(update={"seed": spec.seed}),
            "per_seed": False,
        }
    )
    return spec.model_copy(update={"dataset": dataset})


def shared_options(dataset: dict[str, Any], seed: int) -> dict[str, Any] | None:
    """The options that the benchmarks of all seeds share, and that their training and test files depend on, of the
    dumped dataset of a run; None if the run has none of its own."""
    generator, path = dataset.get("generator"), str(dataset.get("path"))
    if not isinstance(generator, dict) or generator.get("seed") != seed or not path.endswith(_suffix(seed)):
        return None
    return {key: value for key, value in generator.items() if key not in ("seed", "validation_templates")}


def _suffix(seed: int) -> str:
    return f"-seed-{seed}"
