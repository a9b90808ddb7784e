"""The scores of Bayes inversion, which follow from all predictions of a subtask together: no file keeps them."""

from collections.abc import Sequence

from reversal_cli.runs.records import Prediction
from reversal_cli.scoring.inversion import RankedPrompt, inverse_ranks


def with_inversion(predictions: Sequence[Prediction]) -> Sequence[Prediction]:
    """The predictions of a subtask with the scores of Bayes inversion.

    As they are if one lacks the log-probabilities, if templates are unknown, which tell the prompts apart that are
    compared with each other, or if one asks twice about an entity.
    """
    prompts = [
        RankedPrompt(prediction.entity_id, prediction.template_id, prediction.ranking.log_probabilities)
        for prediction in predictions
        if prediction.ranking is not None and prediction.ranking.log_probabilities and prediction.template_id
    ]
    pairs = {(prompt.template_id, prompt.entity_id) for prompt in prompts}
    if len(pairs) < len(predictions):
        return predictions
    return [
        prediction.model_copy(
            update={"scores": {**prediction.scores, "inverse_rank_top1": float(rank == 1), "inverse_mrr": 1 / rank}}
        )
        for prediction, rank in zip(predictions, inverse_ranks(prompts), strict=True)
    ]
