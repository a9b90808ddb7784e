"""The three definitions of a match."""

import pytest

from reversal_cli.scoring.matching import contains, exact_match, startswith

NAME = " Daphne Barrington"


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("Daphne Barrington", (1, 1, 1)),
        (" daphne BARRINGTON.", (1, 1, 1)),
        ('"Daphne  Barrington"', (0, 0, 1)),
        ("Daphne Barrington, who composed", (1, 1, 0)),
        ("the famous Daphne Barrington", (1, 0, 0)),
        ("Daphne", (0, 0, 0)),
        ("", (0, 0, 0)),
    ],
)
def test_contains_startswith_and_exact_match_differ_where_they_should(completion, expected):
    scores = contains(completion, NAME), startswith(completion, NAME), exact_match(completion, NAME)
    assert scores == expected


def test_exact_match_keeps_inner_punctuation():
    assert exact_match("Jean-Luc O'Hara", "Jean Luc OHara") == 0
