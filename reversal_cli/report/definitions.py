"""Check that a column holds numbers of one definition."""

from collections.abc import Sequence

import pandas as pd

from reversal_cli.errors import ReversalError


def check_definitions(part: pd.DataFrame, metrics: Sequence[str]) -> None:
    """Raises ReversalError with two runs whose definitions of a metric differ.

    Runs of earlier versions, which did not record definitions, are not checked.
    """
    for metric in dict.fromkeys(metrics):
        lines = part[(part["metric"] == metric) & (part["definition"] != "")]
        by_definition = lines.drop_duplicates("definition")
        if len(by_definition) > 1:
            first, second = (line for line in by_definition.head(2).itertuples())
            raise ReversalError(
                f"{first.experiment} seed {first.seed} and {second.experiment} seed {second.seed}: found two "
                f"definitions of {metric}, {first.definition} and {second.definition}; expected one in a column; "
                "evaluate both with one version (`reversal eval` keeps predictions), or report them apart"
            )
