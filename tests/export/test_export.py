"""`reversal export`: the folder it writes, and what it refuses."""

import importlib.util
import itertools
import json
from pathlib import Path

import pytest
import yaml

from reversal_cli.cli import main
from reversal_cli.data.berglund import load_folder
from reversal_cli.scoring import METRICS

TASKS = {
    "N2D": "reversal_n2d",
    "D2N": "reversal_d2n",
    "N2D-reverse": "reversal_n2d_reverse",
    "D2N-reverse": "reversal_d2n_reverse",
}
TEXTS = [
    "",
    " ",
    "Clara Hoang",
    " clara HOANG.",
    '"Clara  Hoang"',
    "Clara Hoang, who composed",
    "the famous Clara Hoang",
    "Zoë Ångström\u00a0\u2013 the “dean” of İzmir\u2028next line",
    "zoë ångström",
    "STRASSE straße",
    "東京の作曲家。",
    "{{ prompt }} {x} 50 %\n\n</s>",
]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def data() -> Path:
    small = ["--entities", "2", "--train-templates", "2", "--test-templates", "2"]
    assert main(["generate", *small, "--out", "data", "--quiet"]) == 0
    return Path("data")


@pytest.fixture
def exported(data) -> Path:
    assert main(["export", "lm-eval", "tasks", "--data", "data", "--quiet"]) == 0
    return Path("tasks")


def load_utils(folder: Path):
    """utils.py as the harness loads it: from its file, not from a package."""
    spec = importlib.util.spec_from_file_location("exported_utils", folder / "utils.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_yaml(path: Path) -> dict:
    """With `!function x.y` as the text x.y."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))
    return yaml.load(path.read_text(encoding="utf-8"), Loader)


def test_the_folder_holds_a_task_and_its_rows_per_subtask_a_group_and_how_to_run_them(exported):
    tasks = [f"{task}.{ending}" for task in TASKS.values() for ending in ("jsonl", "yaml")]
    assert {path.name for path in exported.iterdir()} == {"README.md", "reversal.yaml", "utils.py", *tasks}
    assert read_yaml(exported / "reversal.yaml")["task"] == list(TASKS.values())


def test_every_task_asks_for_what_an_evaluation_does(exported):
    utils = load_utils(exported)
    sha256 = load_folder(Path("data")).sha256
    for task in TASKS.values():
        content = read_yaml(exported / f"{task}.yaml")
        assert content["task"] == task and content["output_type"] == "generate_until" and content["num_fewshot"] == 0
        assert content["generation_kwargs"] == {
            "until": [],
            "do_sample": False,
            "max_gen_toks": 40,
            "repetition_penalty": 1.0,
        }
        assert [entry["aggregation"] for entry in content["metric_list"]] == ["mean"] * 3
        assert {entry["metric"] for entry in content["metric_list"]} == set(utils.score({"completion": "a"}, ["b"]))
        assert sha256[content["metadata"]["source_file"]] == content["metadata"]["source_sha256"]


def test_the_readme_says_over_what_the_intervals_of_eval_are(exported):
    text = " ".join((exported / "README.md").read_text().split())
    assert "`reversal eval` gives intervals over entities and templates." in text
    assert "person" not in text and "resample" not in text


def test_the_rows_are_those_of_the_subtasks(exported):
    utils = load_utils(exported)
    for name, subtask in load_folder(Path("data")).subtasks.items():
        config = read_yaml(exported / f"{TASKS[name]}.yaml")
        docs = list(utils.load_rows(**config["metadata"], **config["dataset_kwargs"])[config["test_split"]])
        assert [doc["id"] for doc in docs] == [f"{name}/{row}" for row in range(4)]
        for doc, example in zip(docs, subtask.examples, strict=True):
            assert doc[config["doc_to_text"]] == example.prompt
            assert doc[config["doc_to_target"]] == example.completion
            assert (doc["entity_id"], doc["template_id"]) == (example.entity_id, example.template_id)


def test_the_exported_scores_are_ours_on_any_text(exported):
    utils = load_utils(exported)
    for completion, target in itertools.product(TEXTS, [f" {text}" for text in TEXTS]):
        theirs = utils.score({"completion": target}, [completion])
        assert theirs == {name: METRICS[name].score(completion, target.strip()) for name in theirs}
        assert len(theirs) == 3


def test_texts_survive_the_rows_file_to_the_character(data):
    """Also U+2028, which is a line end to some readers, and a prompt that looks like a template."""
    text = TEXTS[7] + TEXTS[-1].replace("\n\n", " ").strip()
    rows = [json.loads(line) for line in Path("data/p2d_prompts_test.jsonl").read_text().splitlines()]
    rows[1]["prompt"] = text
    Path("data/p2d_prompts_test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert main(["export", "lm-eval", "tasks", "--data", "data", "--quiet"]) == 0
    assert load_utils(Path("tasks")).load_rows("reversal_n2d.jsonl")["test"][1]["prompt"] == text


def test_json_says_what_was_written(data, capsys):
    assert main(["export", "lm-eval", "tasks", "--data", "data", "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert written["files"] == sorted(path.name for path in Path("tasks").iterdir())
    assert (written["format"], written["folder"]) == ("lm-eval", "tasks")


def test_without_data_the_default_benchmark_is_generated(capsys):
    assert main(["export", "lm-eval", "tasks"]) == 0
    err = capsys.readouterr().err
    assert err.startswith("exporting results/data/name_description; for another dataset pass --data FOLDER\n")
    assert "results/data/name_description: was absent, generated it" in err
    assert len(Path("tasks/reversal_d2n.jsonl").read_text().splitlines()) == 600


def test_a_filled_folder_is_replaced_only_with_overwrite(exported, capsys):
    (exported / "README.md").write_text("old")
    (exported / "__pycache__").mkdir()
    assert main(["export", "lm-eval", "tasks", "--data", "data"]) == 2
    assert "tasks: is not empty" in capsys.readouterr().err
    assert (exported / "README.md").read_text() == "old"
    assert main(["export", "lm-eval", "tasks", "--data", "data", "--overwrite", "--quiet"]) == 0
    assert (exported / "README.md").read_text() != "old"
    assert capsys.readouterr() == ("", "")


def test_a_folder_with_other_files_is_never_replaced(exported, capsys):
    (exported / "thesis.tex").write_text("years of work")
    assert main(["export", "lm-eval", "tasks", "--data", "data", "--overwrite"]) == 2
    assert "holds 'thesis.tex'" in capsys.readouterr().err
    assert (exported / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["lm_evl", "tasks"], "export: unknown format 'lm_evl'; did you mean 'lm-eval'?"),
        (["lm-eval", "tasks", "--data", "nope"], "nope: no such folder"),
        (["lm-eval", ".", "--data", "data"], ".: is the current folder, or holds it"),
        (["lm-eval", "data/dataset.json", "--data", "data"], "data/dataset.json: is not a plain folder"),
        (["lm-eval"], "Missing argument 'DIR'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_writes_nothing(arguments, expected, data, capsys):
    assert main(["export", *arguments]) == 2
    err = capsys.readouterr().err
    assert expected in err and err.count("\n") == 1
    assert [path.name for path in Path().iterdir()] == ["data"]
