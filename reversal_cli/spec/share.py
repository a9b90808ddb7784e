"""A share of an experiment's runs: `--only 2/8` is what the second of eight machines makes."""

import re
from dataclasses import replace
from typing import NamedTuple

from reversal_cli.errors import ReversalError
from reversal_cli.spec.loading import Experiment


class Share(NamedTuple):
    """The `number`-th of all shares, from 1."""

    number: int
    shares: int

    def of(self, experiment: Experiment) -> Experiment:
        """The runs number, number + shares, number + 2 shares, ... of the experiment, baselines first: runs that stand
        together in a file often take equally long, and so each share gets some of the long ones.

        Raises ReversalError if there is none.
        """
        runs = [*experiment.baselines, *experiment.specs]
        chosen = runs[self.number - 1 :: self.shares]
        if not chosen:
            raise ReversalError(
                f"--only: found {self.number}/{self.shares}; expected at most {len(runs)} shares, one for each run; "
                "make fewer shares"
            )
        return replace(
            experiment,
            baselines=tuple(spec for spec in chosen if spec in experiment.baselines),
            specs=tuple(spec for spec in chosen if spec not in experiment.baselines),
        )


def parse_share(text: str) -> Share:
    """
    >>> parse_share("2/8")
    Share(number=2, shares=8)
    """
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text, re.ASCII)
    share = Share(*map(int, match.groups())) if match else None
    if share is None or not 1 <= share.number <= share.shares:
        raise ReversalError(f"--only: found '{text[:40]}'; expected K/N with K from 1 to N, such as 2/8; correct it")
    return share
