"""Scores of Bayes inversion, from predictions as they are stored."""

import math

from reversal_cli.runs.inverse_scores import with_inversion
from reversal_cli.runs.records import Prediction, Ranking


def prediction(entity: str, template: str, probabilities: dict[str, float]) -> Prediction:
    logs = {name: math.log(value) for name, value in probabilities.items()}
    ranking = Ranking(
        rank=1, rank_normalized=1, candidates=2, log_probability=logs[entity], tokens=1, log_probabilities=logs
    )
    texts = {"prompt": "p", "target": "t", "completion": " c", "stopped": True}
    return Prediction(
        id=f"N2D/{entity}{template}", entity_id=entity, template_id=template, scores={}, ranking=ranking, **texts
    )


def two_templates(first: str = "1", second: str = "2") -> list[Prediction]:
    """Right in the first template, wrong in the second."""
    return [
        prediction("a", first, {"a": 0.9, "b": 0.1}),
        prediction("b", first, {"a": 0.1, "b": 0.9}),
        prediction("a", second, {"a": 0.1, "b": 0.9}),
        prediction("b", second, {"a": 0.9, "b": 0.1}),
    ]


def test_each_template_is_read_down_its_own_column():
    scores = [prediction.scores for prediction in with_inversion(two_templates())]
    assert [score["inverse_rank_top1"] for score in scores] == [1.0, 1.0, 0.0, 0.0]
    assert [score["inverse_mrr"] for score in scores] == [1.0, 1.0, 0.5, 0.5]


def test_prompts_whose_templates_are_unknown_are_not_mixed_up():
    unknown = two_templates("", "")
    assert with_inversion(unknown) is unknown
    alike = two_templates("1", "1")
    assert with_inversion(alike) is alike


def test_a_prediction_without_log_probabilities_leaves_all_without():
    lacking = two_templates()
    lacking[2] = lacking[2].model_copy(update={"ranking": None})
    assert with_inversion(lacking) is lacking
