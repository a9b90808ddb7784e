"""How often do 95 % intervals hold the true mean? Prints the tables of results/published/interval-coverage.md.

    python experiments/interval-coverage.py > results/published/interval-coverage.md

The benchmarks are those of `MODEL`. One core needs about a quarter of an hour.
"""

import argparse
import functools
import itertools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from scipy import special, stats
from tabulate import tabulate

from reversal_cli.statistics.clusters import Clusters, Interval, t_quantile, variance_of_mean
from reversal_cli.statistics.estimate import score_interval, wilson_interval
from reversal_cli.statistics.paired import paired_test

MODEL = """\
Scores are drawn from a probit model with crossed effects: a row is right where the sum of an entity's effect, a
template's effect, standard normal noise and a constant is positive. Effects are normal with a standard deviation of 0
(none), 0.5 (small) or 2 (dominating); the constant makes the mean over all entities and templates that there could be
what it says. Two runs share half of the variance of every effect and of the noise."""
SEED = 0
RESAMPLES = 500
EFFECTS = {"none": 0.0, "small": 0.5, "dominating": 2.0}
SIZES = ((30, 20), (30, 10))
"""(entities, templates)"""
LARGER = (100, 20)
MEANS = (0.02, 0.1, 0.5, 0.9, 0.98)


class Table(NamedTuple):
    """One benchmark: scores float64 [entities, templates], and its rows' clusters."""

    scores: np.ndarray
    clusters: Clusters

    @property
    def rows(self) -> np.ndarray:
        return self.scores.ravel()


Method = Callable[[Table], Interval]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=2000, metavar="N", help="Benchmarks per line.  [default: 2000]")
    samples = parser.parse_args().samples
    command = f"python experiments/interval-coverage.py --samples {samples}"
    print(f"# Coverage of 95 % intervals\n\n`{command}` (seed {SEED})\n")
    print(f"{MODEL}\n\nA cell is the coverage in percent and, in brackets, the mean width in points.\n")
    print("## One run\n")
    lines = itertools.product(SIZES, MEANS, EFFECTS, EFFECTS)
    print(markdown([one_run(size, mean, (e, t), METHODS, samples) for size, mean, e, t in lines]))
    print("\n## Where few entities or templates vary: Wilson's n\n")
    lines = itertools.product(SIZES, (0.02, 0.1, 0.15, 0.85, 0.98), ("none", "small"), ("dominating",))
    print(markdown([one_run(size, mean, (e, t), FALLBACKS, samples) for size, mean, e, t in lines]))
    print("\n## Difference of two runs\n")
    lines = itertools.product(SIZES, ((0.1, 0.1), (0.1, 0.3), (0.5, 0.5), (0.5, 0.9)), EFFECTS, EFFECTS)
    print(markdown([two_runs(size, means, (e, t), samples) for size, means, e, t in lines]))
    print("\n## One run of more entities\n")
    lines = itertools.product((LARGER,), (0.02, 0.05, 0.1, 0.3, 0.5), EFFECTS, EFFECTS)
    chosen_alone = {"`reversal eval`": chosen}
    print(markdown([one_run(size, mean, (e, t), chosen_alone, samples) for size, mean, e, t in lines]))


def one_run(
    size: tuple[int, int], mean: float, effects: tuple[str, str], methods: Mapping[str, Method], samples: int
) -> dict[str, str]:
    """A line of a table: how often each method's interval holds `mean`, and how wide it is.

    effects: keys of `EFFECTS`, of entities and of templates.
    """
    generator = np.random.default_rng([SEED, *size, round(1000 * mean), *map(list(EFFECTS).index, effects)])
    tables = [Table(draw_scores(generator, size, effects, [mean])[0], crossed(size)) for _ in range(samples)]
    found = {name: [method(table) for table in tables] for name, method in methods.items()}
    return head(size, f"{mean:g}", effects) | {name: cell(intervals, mean) for name, intervals in found.items()}


def two_runs(
    size: tuple[int, int], means: tuple[float, float], effects: tuple[str, str], samples: int
) -> dict[str, str]:
    """A line of the table of differences.

    The effects are not part of the seed, as they are in `one_run`: all nine lines of a size and two means scale the
    same random numbers, so that they differ by the effects and not by luck.
    """
    generator = np.random.default_rng([SEED, *size, *(round(1000 * mean) for mean in means)])
    found: dict[str, list[Interval]] = {"entities, bootstrap": [], "`reversal compare`": []}
    for _ in range(samples):
        a, b = draw_scores(generator, size, effects, means)
        difference = Table(b - a, crossed(size))
        found["entities, bootstrap"].append(entity_bootstrap(difference))
        found["`reversal compare`"].append(Interval(*paired_test(difference.rows, difference.clusters)[:2]))
    cells = {name: cell(intervals, means[1] - means[0]) for name, intervals in found.items()}
    return head(size, f"{means[0]:g}, {means[1]:g}", effects) | cells


def draw_scores(
    generator: np.random.Generator, size: tuple[int, int], effects: tuple[str, str], means: list[float]
) -> list[np.ndarray]:
    """0/1 scores [entities, templates] of a run for each mean; runs share half of every variance."""
    entities, templates = size
    sd_entity, sd_template = (EFFECTS[effect] for effect in effects)

    def latent() -> np.ndarray:
        by_entity, by_template = generator.normal(size=(entities, 1)), generator.normal(size=templates)
        return sd_entity * by_entity + sd_template * by_template + generator.normal(size=size)

    constant = np.sqrt(1 + sd_entity**2 + sd_template**2)
    shared = latent() if len(means) > 1 else None
    runs = []
    for mean in means:
        own = latent()
        drawn = own if shared is None else (own + shared) / np.sqrt(2)
        runs.append((drawn + constant * stats.norm.ppf(mean) > 0).astype(float))
    return runs


def crossed(size: tuple[int, int]) -> Clusters:
    entity_of_example, template_of_example = (index.ravel() for index in np.indices(size))
    return Clusters(entity_of_example, template_of_example)


def entity_bootstrap(table: Table) -> Interval:
    """Expanded percentile bootstrap over entities (Hesterberg 2015): the default before this simulation."""
    entities = len(table.scores)
    drawn = drawn_shares(entities, 0) @ table.scores.mean(axis=1)
    return quantiles(drawn, entities)


def pigeonhole_bootstrap(table: Table) -> Interval:
    """Entities and templates drawn with replacement, each on their own (Owen 2007); expanded percentile."""
    entities, templates = table.scores.shape
    by_template = drawn_shares(entities, 0) @ table.scores  # [resamples, templates]
    drawn = (by_template * drawn_shares(templates, 1)).sum(axis=1)
    return quantiles(drawn, min(entities, templates))


@functools.cache
def drawn_shares(units: int, stream: int) -> np.ndarray:
    """float64 [resamples, units]: the share of each unit in resamples with replacement."""
    return np.random.default_rng([SEED, stream]).multinomial(units, [1 / units] * units, size=RESAMPLES) / units


def quantiles(drawn: np.ndarray, units: int) -> Interval:
    tail = stats.norm.cdf(-np.sqrt(units / (units - 1)) * stats.t.ppf(0.975, units - 1))
    return Interval(*np.quantile(drawn, [tail, 1 - tail]))


def wald(table: Table) -> Interval:
    """Mean +- t standard errors of the two-way variance, min(entities, templates) - 1 degrees of freedom."""
    mean, variance = table.rows.mean(), variance_of_mean(table.rows, table.clusters)
    half_width = t_quantile(0.975, min(table.scores.shape) - 1) * np.sqrt(variance.value)
    return Interval(max(0.0, mean - half_width), min(1.0, mean + half_width))


def logit(table: Table) -> Interval:
    """The same on the scale of log odds; Wilson's where nothing varies."""
    mean, variance = table.rows.mean(), variance_of_mean(table.rows, table.clusters)
    if variance.value == 0:
        return wilson_interval(mean, min(table.scores.shape))
    half_width = t_quantile(0.975, min(table.scores.shape) - 1) * np.sqrt(variance.value) / (mean * (1 - mean))
    return Interval(*special.expit(special.logit(mean) + half_width * np.array([-1, 1])))


def plain_wilson(table: Table) -> Interval:
    """Wilson's with the effective number of rows, normal cluster means assumed: without kurtosis, without fallback."""
    mean, variance = float(table.rows.mean()), variance_of_mean(table.rows, table.clusters)
    if variance.value == 0:
        return wilson_interval(mean, min(table.scores.shape))
    return wilson_interval(mean, mean * (1 - mean) / variance.value, t_quantile(0.975, min(table.scores.shape) - 1))


def chosen(table: Table) -> Interval:
    return score_interval(table.rows, float(table.rows.mean()), table.clusters)


def chosen_over_entities(table: Table) -> Interval:
    clusters = Clusters(table.clusters.entity_of_example, None)
    return score_interval(table.rows, float(table.rows.mean()), clusters)


def chosen_with_n_of_entities(table: Table) -> Interval:
    """As chosen, but Wilson's with n = entities where few vary."""
    found, mean = chosen(table), float(table.rows.mean())
    fallback = found == wilson_interval(mean, table.clusters.fewest)
    return wilson_interval(mean, len(table.scores)) if fallback else found


METHODS: dict[str, Method] = {
    "entities, bootstrap": entity_bootstrap,
    "entities, chosen": chosen_over_entities,
    "both, pigeonhole": pigeonhole_bootstrap,
    "both, mean +- t": wald,
    "both, logit": logit,
    "both, plain Wilson": plain_wilson,
    "both, chosen": chosen,
}
FALLBACKS: dict[str, Method] = {"n = entities": chosen_with_n_of_entities, "n = the fewer (chosen)": chosen}


def cell(intervals: list[Interval], truth: float) -> str:
    low, high = np.array(intervals).T
    covered = np.mean((low <= truth + 1e-12) & (truth - 1e-12 <= high))
    return f"{100 * covered:.1f} ({100 * np.mean(high - low):.0f})"


def head(size: tuple[int, int], mean: str, effects: tuple[str, str]) -> dict[str, str]:
    entity, template = effects
    return {
        "entities x templates": f"{size[0]} x {size[1]}",
        "mean": mean,
        "of entities": entity,
        "of templates": template,
    }


def markdown(lines: list[dict[str, str]]) -> str:
    return tabulate(lines, headers="keys", tablefmt="pipe", disable_numparse=True)


if __name__ == "__main__":
    main()
