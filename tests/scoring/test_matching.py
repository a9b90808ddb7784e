"""The three definitions of a match."""

import pytest

from reversal_cli.scoring.matching import contains, contains_without_stop, exact_match, startswith

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


@pytest.mark.parametrize(
    ("completion", "expected"),
    [(" the owl, of course.", 1), (" The Owl.", 1), (" the ow", 0), ("", 0)],
)
def test_contains_without_stop_asks_for_the_target_up_to_its_full_stop(completion, expected):
    assert contains_without_stop(completion, " the owl.") == expected


def test_contains_without_stop_is_contains_where_the_target_has_no_full_stop():
    for completion in (" Clara Hoang, who", " Clara Hoan"):
        assert contains_without_stop(completion, NAME) == contains(completion, NAME)
