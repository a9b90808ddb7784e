"""JSON is read by a fast parser and, if that or a limit objects, by Python's: a reader must not notice which."""

import json

import pytest

from reversal_cli.errors import ReversalError
from reversal_cli.files.reading import LARGEST, iterate_records, numbers, parse_json

SAME_FOR_BOTH = [
    "0.0002372078990245257",
    "[1, 1.0, -0.0, 1e5, 5e-324, 1.7976931348623157e308]",
    f"[{LARGEST}, -{LARGEST}]",
    '{"a": 1, "b": [true, false, null], "a": {"b": 2}}',
    r'"\u00e9 \ud83d\ude00 \" \/ \n"',
    ' {"text": "\u2028é\x7f"}\t',
]


@pytest.mark.parametrize("text", SAME_FOR_BOTH)
def test_a_value_is_the_same_as_pythons_own_parser_reads(text):
    assert repr(parse_json(text)) == repr(json.loads(text))  # repr: 1 is not 1.0, and 0.0 is not -0.0


@pytest.mark.parametrize("text", ["", "{", "[1,]", "[01]", "nul", '{"a": 1} x', '"\t"', "\ufeff1"])
def test_a_broken_text_is_described_by_pythons_own_parser(text):
    with pytest.raises(json.JSONDecodeError) as of_python:
        json.loads(text)
    with pytest.raises(json.JSONDecodeError) as found:
        parse_json(text)
    assert str(found.value) == str(of_python.value)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "-Infinity"])
def test_what_is_not_a_number_is_refused_in_any_place(number):
    for text in (number, f"[0.5, {number}]", f'{{"scores": {{"a": 1.0, "b": {number}}}}}'):
        with pytest.raises(ValueError, match=f"^{number} is not a number$"):
            parse_json(text)


@pytest.mark.parametrize("number", [LARGEST + 1, -LARGEST - 1, 10**400])
def test_a_number_of_more_than_64_bits_is_refused_beside_larger_floats(number):
    with pytest.raises(ValueError, match="a whole number beyond"):
        parse_json(f"[1e300, -1e300, {number}]")


@pytest.mark.parametrize("text", [r'"\ud800"', r'{"a": ["b\udc00"]}', r'{"\ud83d": 1}'])
def test_half_a_character_is_refused_since_it_could_not_be_written_again(text):
    json.loads(text)
    with pytest.raises(ValueError, match=r"^a lone surrogate, half of a character"):
        parse_json(text)


def test_numbers_are_those_of_every_level_without_switches():
    assert numbers({"a": 1, "b": [2.5, {"c": -3}, True, None, "4"]}) == [1, 2.5, -3]


def test_records_before_a_broken_line_can_be_used_and_the_line_is_named(tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_text('{"a": 1}\n\n{"a": 2}\nbroken\n{"a": 3}\n')
    records = iterate_records(path, "try again")
    assert [next(records), next(records)] == [{"a": 1}, {"a": 2}]
    with pytest.raises(ReversalError, match=r"lines\.jsonl:4: broken JSON .*; try again"):
        next(records)
    path.write_text('{"a": 1}\n{"a"')
    assert list(iterate_records(path, "try again")) == [{"a": 1}]
    assert list(iterate_records(tmp_path / "absent.jsonl", "try again")) == []
