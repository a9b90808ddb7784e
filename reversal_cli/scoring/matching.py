"""The three incompatible definitions of "exact match" in the literature, under different names. Scores are 0 or 1."""

import string


def contains(completion: str, target: str) -> float:
    """1 if the target occurs anywhere in the completion; case and outer white space are ignored.

    The "EM" of Lv et al. (arXiv 2311.07468, `evaluate_completion` in their generate.py). It accepts a completion that
    goes on after the answer, and one that contains the answer late or among others.

    >>> contains(" was Clara Hoang, who", " Clara Hoang")
    1.0
    """
    return float(target.strip().lower() in completion.strip().lower())


def contains_without_stop(completion: str, target: str) -> float:
    """`contains`, without the full stop that ends the target.

    A model that continues the sentence after the right answer does not write the full stop.

    >>> contains_without_stop(" the quiet fox, of course.", " the quiet fox.")
    1.0
    """
    return contains(completion, target.strip().removesuffix("."))


def startswith(completion: str, target: str) -> float:
    """1 if the completion starts with the target; case and outer white space are ignored.

    The exact match of Berglund et al. (arXiv 2309.12288, `evaluate_completion` in their base_evaluator.py). White space
    is stripped from both sides first: whether a decoded completion keeps its leading space depends on the tokenizer.

    >>> startswith("Clara Hoangham", " Clara Hoang")
    1.0
    """
    return float(completion.strip().lower().startswith(target.strip().lower()))


def exact_match(completion: str, target: str) -> float:
    """1 if the whole completion equals the target, both after `normalize`.

    The strictest of the metrics: a model that does not stop after its answer scores 0.

    >>> exact_match(' "clara  Hoang".', "Clara Hoang")
    1.0
    """
    return float(normalize(completion) == normalize(target))


def normalize(text: str) -> str:
    """Lower case, single spaces, no punctuation or white space at either end. Inner punctuation stays."""
    return " ".join(text.lower().split()).strip(string.punctuation + " ")
