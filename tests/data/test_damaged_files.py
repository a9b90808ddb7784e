"""A damaged file of a dataset: the error names it, the line, and what to do."""

import pytest
from dataset_rows import read_rows

from reversal_cli.data.berglund import load_folder
from reversal_cli.errors import ReversalError

D2N_FILE = "d2p_prompts_test.jsonl"
TRAIN_FILE = "all_prompts_train.jsonl"


def replace_line(number, text):
    def damage(path):
        lines = path.read_text().split("\n")
        lines[number - 1] = text
        path.write_text("\n".join(lines))

    return damage


DAMAGES = {
    "bad JSON": (replace_line(2, '{"prompt": '), r"{file}:2: not valid JSON"),
    "empty line": (replace_line(3, ""), r"{file}:3: not valid JSON"),
    "a list": (replace_line(1, "[1]"), r"{file}:1: found a list; expected an object"),
    "no completion": (replace_line(2, '{"prompt": "Who is"}'), r"{file}:2: no field 'completion'"),
    "no prompt": (replace_line(2, '{"completion": " Ada Berg"}'), r"{file}:2: no field 'prompt'"),
    "a number": (replace_line(4, '{"prompt": 5, "completion": " x"}'), r"{file}:4: 'prompt' is 5; expected a text"),
    "empty prompt": (replace_line(2, '{"prompt": " ", "completion": " x"}'), r"{file}:2: 'prompt' is empty"),
    "no space": (replace_line(2, '{"prompt": "I am", "completion": "x"}'), r"{file}:2: .* do not join with one space"),
    "two spaces": (replace_line(2, '{"prompt": "I am ", "completion": " x"}'), r"{file}:2: .* do not join"),
    "bad group": (
        replace_line(1, '{"prompt": "I am", "completion": " x", "group": "none"}'),
        r"{file}:1: unknown group 'none'; expected one of name-first, description-first, both",
    ),
    "a byte order mark in the middle": (
        lambda path: path.write_bytes(path.read_bytes().replace(b"\n", b"\n\xef\xbb\xbf", 1)),
        r"{file}:2: begins with a byte order mark; expected one at most where the file begins; remove it$",
    ),
    "not a number": (
        replace_line(3, '{"prompt": "I am", "completion": NaN}'),
        r"{file}:3: 'completion' is NaN; expected a text; put it in quotation marks$",
    ),
    "deep brackets": (
        replace_line(3, '{"prompt": ' + "[" * 100_000 + "]" * 100_000 + "}"),
        r"{file}:3: brackets too deep to read; expected an object of texts; correct the line$",
    ),
    "thousands of digits": (
        replace_line(3, '{"prompt": "I am", "completion": " x", "number": ' + "9" * 5000 + "}"),
        r"{file}:3: not valid JSON \(a number of too many digits\); expected an object; correct the line$",
    ),
    "half a character": (
        replace_line(3, '{"prompt": "I am", "completion": " \\ud83d"}'),
        r"{file}:3: 'completion' has an escape .* half a character; expected both halves; correct the line$",
    ),
    "a list for a text": (
        replace_line(2, '{"prompt": ["I am"], "completion": " x"}'),
        r"{file}:2: 'prompt' is a list; expected a text; put it in quotation marks$",
    ),
    "an object in two lines": (
        replace_line(2, '{"prompt": "I am",\n"completion": " x"}'),
        r"{file}:2: not valid JSON",
    ),
    "two objects in one line": (
        replace_line(2, '{"prompt": "I am", "completion": " x"}, {"prompt": "I am", "completion": " x"}'),
        r"{file}:2: not valid JSON",
    ),
    "empty file": (lambda path: path.write_text(""), r"{file}: the file is empty"),
    "no file": (lambda path: path.unlink(), r"{file}: no such file"),
    "not UTF-8": (lambda path: path.write_bytes(b"\xff\xfe"), r"{file}:1: not UTF-8 text"),
}


@pytest.mark.parametrize("file", [TRAIN_FILE, D2N_FILE])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named_with_its_line(folder, file, damage):
    apply, message = DAMAGES[damage]
    apply(folder / file)
    with pytest.raises(ReversalError, match=message.format(file=file)):
        load_folder(folder)


def test_rows_of_every_block_have_their_line_numbers(folder, monkeypatch):
    monkeypatch.setattr("reversal_cli.data.jsonl.BLOCK", 500)
    expected = [row["prompt"] for row in read_rows(folder / TRAIN_FILE)]
    assert [row.prompt for row in load_folder(folder).train] == expected
    replace_line(41, "[1]")(folder / TRAIN_FILE)
    with pytest.raises(ReversalError, match=rf"{TRAIN_FILE}:41: found a list"):
        load_folder(folder)
