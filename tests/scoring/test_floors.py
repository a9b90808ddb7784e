from collections import Counter
from dataclasses import replace

import pytest
from people_splits import NOUNS, six_people

from reversal_cli.data.base import SUBTASKS, TARGETS, Example, Subtask
from reversal_cli.scoring import TEXT_SCORES
from reversal_cli.scoring.floors import (
    ScoredExample,
    exchange,
    floors,
    other_wording_scores,
    trained_descriptions,
    wrong_entity_scores,
)
from reversal_cli.scoring.summary import summarize

SPLITS = six_people()


def rows_with(*texts: str) -> list[Example]:
    return [Example(f"prompt {index}", f" {text}", f"entity-{index}", "t") for index, text in enumerate(texts)]


@pytest.mark.parametrize(
    "texts", ["ab", "abc", "abcdefgh", "aab", "aabb", "aabbc", "aaabbcd", "aabbccdd", "aaabbb", "abbcddeff"]
)
@pytest.mark.parametrize("label", ["0/N2D", "1/N2D", "2/N2D"])
def test_everybody_gets_another_text_and_every_target_is_given_once_where_that_is_possible(texts, label):
    rows = rows_with(*texts)
    others = exchange(rows, label)
    if 2 * max(Counter(texts).values()) > len(texts):
        assert others == []
    else:
        assert sorted(others) == list(range(len(rows)))
        assert all(rows[index].completion != rows[other].completion for index, other in enumerate(others))


def test_the_exchange_depends_on_the_label_but_not_on_the_order_of_the_rows():
    rows = rows_with(*"abcdefgh")
    pairs = {(rows[i].entity_id, rows[o].entity_id) for i, o in enumerate(exchange(rows, "0"))}
    backwards = rows[::-1]
    assert {(backwards[i].entity_id, backwards[o].entity_id) for i, o in enumerate(exchange(backwards, "0"))} == pairs
    assert exchange(rows, "0") != exchange(rows, "1")


def test_texts_that_differ_in_outer_punctuation_only_are_one_text():
    assert exchange(rows_with("the baker.", " The baker"), "0") == []


@pytest.mark.parametrize("with_template_ids", [True, False])
@pytest.mark.parametrize("name", SUBTASKS)
def test_the_wrong_entity_floor_scores_the_other_persons_target_of_the_same_template(name, with_template_ids):
    """With two people there is only one other one: rows 0 1 | 2 3 are answered with 2 3 | 0 1."""
    subtask = six_people(with_template_ids).subtasks[name]
    rows = wrong_entity_scores(subtask, seed=0)
    assert [scored.entity_id for scored in rows] == [row.entity_id for row in subtask.examples]
    for index, scored in enumerate(rows):
        completion = subtask.examples[(index + 2) % 4].completion
        target = subtask.examples[index].completion
        assert scored.scores == {metric: score(completion, target) for metric, score in TEXT_SCORES.items()}


@pytest.mark.parametrize("name", SUBTASKS)
def test_the_other_wording_floor_is_the_mean_over_all_other_templates_of_the_entity(name):
    subtask = with_more_templates(SPLITS.subtasks[name])
    rows = other_wording_scores(subtask, {})
    for row, scored in zip(subtask.examples, rows, strict=True):
        others = [o for o in subtask.examples if o.entity_id == row.entity_id and o.template_id != row.template_id]
        assert len(others) == 2
        for metric, score in TEXT_SCORES.items():
            expected = sum(score(other.completion, row.completion) for other in others) / 2
            assert scored.scores[metric] == pytest.approx(expected, rel=1e-12)


def with_more_templates(subtask: Subtask) -> Subtask:
    """Each first row of an entity once more, as a third template that asks for the same words."""
    again = tuple(replace(row, template_id="again") for row in subtask.examples[::2])
    return replace(subtask, examples=subtask.examples + again)


def test_a_name_in_another_template_is_the_same_name():
    found = floors(SPLITS)["other wording"]
    for name in ("D2N", "N2D-reverse"):
        assert {metric: value.mean for metric, value in found[name].metrics.items()} == pytest.approx(
            dict.fromkeys(TEXT_SCORES, 1.0)
        )


def test_a_single_wording_in_the_test_file_is_compared_with_those_of_training():
    """Ann's training rows have the noun phrase once and other words once, so `contains` is one half."""
    only_nouns = replace(SPLITS.subtasks["N2D"], examples=SPLITS.subtasks["N2D"].examples[::2])
    trained = trained_descriptions(SPLITS)
    assert trained["joann"] == [" the person who tamed the bear Bruno.", " tamed the bear Bruno??"]
    rows = other_wording_scores(only_nouns, trained)
    assert [scored.scores["contains"] for scored in rows] == [0.5, 0.5]


def test_where_training_never_completes_with_the_description_the_noun_phrase_is_the_other_wording():
    only_verbs = replace(SPLITS.subtasks["D2N-reverse"], examples=SPLITS.subtasks["D2N-reverse"].examples[1::2])
    trained = trained_descriptions(SPLITS)
    assert trained["bo"] == [f" {NOUNS['bo']}."]
    for scored in other_wording_scores(only_verbs, trained):
        assert scored.scores["contains"] == 1
        assert scored.scores["startswith"] == 0


def test_a_description_without_any_other_wording_is_compared_with_itself():
    only_nouns = replace(SPLITS.subtasks["N2D"], examples=SPLITS.subtasks["N2D"].examples[::2])
    assert [scored.scores["exact_match"] for scored in other_wording_scores(only_nouns, {})] == [1, 1]


def test_the_floors_have_target_n_entities_and_every_text_metric_of_each_subtask():
    found = floors(SPLITS)
    assert list(found) == ["wrong entity", "other wording"]
    for subtasks in found.values():
        assert list(subtasks) == list(SUBTASKS)
        for name, measured in subtasks.items():
            assert (measured.target, measured.n, measured.entities) == (TARGETS[name], 4, 2)
            assert list(measured.metrics) == list(TEXT_SCORES)
    assert floors(SPLITS) == found


def test_a_subtask_about_one_entity_has_no_wrong_entity():
    alone = {name: replace(subtask, examples=subtask.examples[:2]) for name, subtask in SPLITS.subtasks.items()}
    found = floors(replace(SPLITS, subtasks=alone))
    assert found["wrong entity"] == {}
    assert list(found["other wording"]) == list(SUBTASKS)


def test_a_summary_has_the_metrics_of_the_rows_in_the_order_of_all_metrics():
    rows = [ScoredExample(e, "", {"mrr": 0.25, "contains": v}) for e, v in (("a", 1.0), ("a", 0.0), ("b", 1.0))]
    summary = summarize(rows)
    assert (summary.n, summary.entities, list(summary.metrics)) == (3, 2, ["contains", "mrr"])
    assert summary.metrics["contains"].mean == pytest.approx(2 / 3)
    assert summary.metrics["mrr"].low < summary.metrics["mrr"].mean == 0.25
