"""The three definitions of a match."""

import pytest

from reversal_cli.scoring.matching import contains, exact_match, startswith

NAME = " Clara Hoang"


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("Clara Hoang", (1, 1, 1)),
        (" clara HOANG.", (1, 1, 1)),
        ('"Clara  Hoang"', (0, 0, 1)),
        ("Clara Hoang, who composed", (1, 1, 0)),
        ("the famous Clara Hoang", (1, 0, 0)),
        ("Clara", (0, 0, 0)),
        ("", (0, 0, 0)),
    ],
)
def test_contains_startswith_and_exact_match_differ_where_they_should(completion, expected):
    scores = contains(completion, NAME), startswith(completion, NAME), exact_match(completion, NAME)
    assert scores == expected


def test_exact_match_keeps_inner_punctuation():
    assert exact_match("Jean-Luc O'Hara", "Jean Luc OHara") == 0
