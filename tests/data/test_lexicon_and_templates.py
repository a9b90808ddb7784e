import re
from itertools import pairwise

import pytest

from reversal_cli.data.name_description.entities import make_entities
from reversal_cli.data.name_description.lexicon import BENCHMARK, CORPUS, LARGE_BENCHMARK
from reversal_cli.data.name_description.occupations import ADJECTIVES, OCCUPATIONS
from reversal_cli.data.name_description.templates import TEMPLATES, fill, split_templates
from reversal_cli.seeded_order import ordered, unique_pairs

ALL_TEMPLATES = [template for templates in TEMPLATES.values() for template in templates]
PARTS = {"benchmark": BENCHMARK, "large benchmark": LARGE_BENCHMARK, "corpus": CORPUS}


def shared_english() -> set[str]:
    """Every lower-case word that templates, occupations and adjectives use."""
    occupations = " ".join(" ".join((*one[:3], *one.kinds, one.link)) for one in OCCUPATIONS)
    templates = " ".join(template.prompt + " " + template.ending for template in ALL_TEMPLATES)
    return set(re.findall(r"[a-z]+", f"{occupations} {templates} {' '.join(ADJECTIVES)}".lower()))


@pytest.mark.parametrize("lexicon", [BENCHMARK, LARGE_BENCHMARK], ids=["benchmark", "large benchmark"])
def test_benchmark_and_corpus_share_no_name_word_and_no_title_word(lexicon):
    benchmark, corpus = lexicon.name_words | lexicon.title_words, CORPUS.name_words | CORPUS.title_words
    assert not {word.lower() for word in benchmark} & {word.lower() for word in corpus}


@pytest.mark.parametrize("part", PARTS)
def test_name_words_title_words_and_shared_english_are_three_disjoint_sets(part):
    names = {word.lower() for word in PARTS[part].name_words}
    titles = {word.lower() for word in PARTS[part].title_words}
    assert not names & titles
    assert not (names | titles) & shared_english()


@pytest.mark.parametrize("part", PARTS)
def test_no_list_repeats_a_word_and_the_lists_of_a_pair_have_one_length_or_a_multiple(part):
    lexicon = PARTS[part]
    for starts, ends in ((lexicon.first_names, lexicon.surnames), (lexicon.title_starts, lexicon.title_ends)):
        assert len(set(starts + ends)) == len(starts) + len(ends)
        assert max(len(starts), len(ends)) % min(len(starts), len(ends)) == 0


def test_the_lexicon_is_large_enough():
    assert BENCHMARK.capacity >= 9000
    assert LARGE_BENCHMARK.capacity >= 300_000
    assert CORPUS.capacity >= 1200


@pytest.mark.parametrize("ends", ["surnames", "title_ends"])
def test_no_last_word_is_the_beginning_of_another(ends):
    found = sorted({word for lexicon in PARTS.values() for word in getattr(lexicon, ends)})
    assert not [(one, two) for one, two in pairwise(found) if two.startswith(one)]


def test_every_occupation_has_object_kinds_of_its_own_and_no_two_people_of_a_default_benchmark_share_one():
    kinds = [kind for occupation in OCCUPATIONS for kind in occupation.kinds]
    assert len(OCCUPATIONS) >= 90
    assert min(len(occupation.kinds) for occupation in OCCUPATIONS) >= 2
    assert len(set(kinds)) == len(kinds)
    assert all(occupation.gerund.endswith("ing") for occupation in OCCUPATIONS)


@pytest.mark.parametrize("template", ALL_TEMPLATES, ids=lambda template: template.id)
def test_a_template_joins_its_parts_cleanly(template):
    slot = "{name}" if template.direction == "N2D" else "{description}"
    assert re.findall(r"\{.*?\}", template.prompt) == [slot]
    assert template.prompt == template.prompt.strip()
    assert template.prompt[0] == "{" or template.prompt[0].isupper()
    assert template.ending.endswith(".")
    text = "".join(fill(template, "Ada Berg", "the quiet composer")) + template.ending
    assert "  " not in text
    assert not re.search(r"\ba [aeiou]|\ban [^aeiou]|[,.] ?[,.]", text, re.IGNORECASE)


@pytest.mark.parametrize("template", ALL_TEMPLATES, ids=lambda template: template.id)
def test_a_verb_phrase_follows_who_or_its_subject_and_a_gerund_never_follows_who(template):
    slot = "{description}" if template.direction == "D2N" else "$"
    before = (template.prompt + "$").partition(slot)[0]
    after_who = before.rstrip().endswith("who")
    if template.form == "verb":
        assert after_who or re.search(r"(\{name\}|once|Someone)$", before.rstrip())
    else:
        assert not after_who


def test_prompts_are_fifty_or_more_per_direction_and_all_different():
    for templates in TEMPLATES.values():
        assert len({template.prompt for template in templates}) == len(templates) >= 50
        assert len({template.id for template in templates}) == len(templates)


def test_the_noun_phrase_is_the_most_common_form_but_not_the_only_one():
    for templates in TEMPLATES.values():
        forms = [template.form for template in templates]
        assert 0.5 < forms.count("noun") / len(forms) < 0.7
        assert {"noun", "verb", "gerund"} == set(forms)


def test_many_sentences_begin_with_neither_the_name_nor_the_description():
    for templates in TEMPLATES.values():
        assert sum(template.prompt.startswith("{") for template in templates) < len(templates) / 2


def test_train_test_and_validation_templates_are_disjoint_and_change_with_the_seed():
    split = split_templates("N2D", train=30, test=10, validation=5, seed=0)
    assert [len(part) for part in split] == [30, 10, 5]
    assert len({template for part in split for template in part}) == 45
    assert split != split_templates("N2D", train=30, test=10, validation=5, seed=1)


def test_a_description_that_opens_the_sentence_gets_a_capital():
    template = next(template for template in TEMPLATES["D2N"] if template.prompt == "{description} is named")
    assert fill(template, "Ada Berg", "the quiet composer") == ("The quiet composer is named", " Ada Berg")


def test_unique_pairs_use_every_word_once_before_any_word_twice():
    pairs = list(unique_pairs("abc", "xyz", "label"))
    assert len(set(pairs)) == 9
    for begin in (0, 3, 6):
        starts, ends = zip(*pairs[begin : begin + 3], strict=True)
        assert (set(starts), set(ends)) == (set("abc"), set("xyz"))


@pytest.mark.parametrize(("starts", "ends"), [("abc", "uvwxyz"), ("uvwxyz", "abc")])
def test_unique_pairs_of_a_longer_list_use_all_its_words_before_any_of_them_twice(starts, ends):
    pairs = list(unique_pairs(starts, ends, "label"))
    assert len(set(pairs)) == 18
    for begin in (0, 6, 12):
        one, two = zip(*pairs[begin : begin + 6], strict=True)
        assert (set(one), set(two)) == (set(starts), set(ends))
    for begin in range(0, 18, 3):
        assert [len(set(words)) for words in zip(*pairs[begin : begin + 3], strict=True)] == [3, 3]


def test_the_order_is_the_same_on_every_machine():
    assert ordered("abcdef", "seed 0") == ["e", "a", "b", "f", "d", "c"]


def test_all_entities_have_unique_names_and_titles_and_consistent_forms():
    entities = make_entities(BENCHMARK, 9000, seed=0)
    assert len({entity.name for entity in entities}) == 9000
    assert len({title(entity.noun) for entity in entities}) == 9000
    for entity in entities:
        assert title(entity.noun) == title(entity.verb) == title(entity.gerund)
        assert entity.verb.split(" the ")[1] == entity.gerund.split(" the ")[1]
        assert entity.noun.startswith("the ")
        assert 6 <= len(entity.noun.split()) <= 9


def test_words_of_the_first_entities_are_all_different():
    entities = make_entities(BENCHMARK, 100, seed=3)
    words = [word for entity in entities for word in (*entity.name.split(), *title(entity.noun).split())]
    assert len(set(words)) == 4 * 100


@pytest.mark.parametrize("name_words", [2, 3, 4])
def test_names_have_as_many_words_as_asked_and_stay_unique(name_words):
    names = [entity.name.split() for entity in make_entities(BENCHMARK, 500, seed=0, name_words=name_words)]
    assert {len(name) for name in names} == {name_words}
    assert all(len(set(name)) == name_words for name in names)
    assert len({tuple(name) for name in names}) == 500


def title(description: str) -> str:
    return " ".join(description.split()[-2:])
