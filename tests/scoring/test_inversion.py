"""Bayes inversion: by hand, and on facts that are stored under one key alone."""

import math

from reversal_cli.scoring.inversion import RankedPrompt, inverse_ranks


def prompt(entity: str, logs: dict[str, float], template: str = "t") -> RankedPrompt:
    return RankedPrompt(entity, template, {key: math.log(value) for key, value in logs.items()})


def test_the_entity_whose_prompt_makes_an_answer_likeliest_comes_first():
    # Every prompt prefers "c", as a model that says one description whatever it is asked; columns tell them apart.
    prompts = [
        prompt("a", {"a": 0.30, "b": 0.10, "c": 0.60}),
        prompt("b", {"a": 0.10, "b": 0.30, "c": 0.60}),
        prompt("c", {"a": 0.05, "b": 0.05, "c": 0.90}),
    ]
    assert inverse_ranks(prompts) == [1, 1, 1]


def test_it_is_the_share_of_an_answer_that_counts_not_its_probability():
    # After "a" everything is likelier, the answer of "b" too: as a share it is not.
    prompts = [prompt("a", {"a": 0.8, "b": 0.2}), prompt("b", {"a": 0.01, "b": 0.09})]
    assert inverse_ranks(prompts) == [1, 1]


def test_ties_and_wrong_columns_count_against_the_entity():
    assert inverse_ranks([prompt("a", {"a": 0.5, "b": 0.5}), prompt("b", {"a": 0.5, "b": 0.5})]) == [2, 2]
    assert inverse_ranks([prompt("a", {"a": 0.1, "b": 0.9}), prompt("b", {"a": 0.6, "b": 0.4})]) == [2, 2]


def test_templates_are_asked_apart():
    prompts = [
        prompt("a", {"a": 0.9, "b": 0.1}, "1"),
        prompt("b", {"a": 0.1, "b": 0.9}, "1"),
        prompt("a", {"a": 0.1, "b": 0.9}, "2"),
        prompt("b", {"a": 0.9, "b": 0.1}, "2"),
    ]
    assert inverse_ranks(prompts) == [1, 1, 2, 2]


def test_an_answer_that_reads_as_another_one_is_as_likely_as_it():
    prompts = [prompt("a", {"a": 0.6}), prompt("b", {"b": 0.6})]
    assert inverse_ranks(prompts) == [2, 2]
