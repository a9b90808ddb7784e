"""Methods over several seeds: their differences, by hand, and what may be compared."""

import shutil

import pytest
from report_measures import add_likelihood, make_seeds
from report_runs import make_results, make_run

from reversal_cli.cli import main
from reversal_cli.files.reading import read_json
from reversal_cli.report import accuracy_tables, load_results
from reversal_cli.report.plots import write_plots
from reversal_cli.runs.directory import RunDirectory, write_json
from reversal_cli.runs.find import find_runs


def tables(folder, start: str):
    return [table for table in accuracy_tables(load_results([folder]).frame) if table.title.startswith(start)]


def test_methods_are_compared_with_ntp_seed_by_seed(tmp_path):
    """BICO - NTP: 10, 20, 30 points: t = 3.464 with 2 degrees, p 0.074; of 8 sign flips 2 go as far; 3.264 * 10 points
    are detectable; the interval reaches 4.303 * 10 / sqrt(3) = 24.8 to either side. ABI - NTP: 40, 40, 43: t = 41,
    p 0.0006. Holm doubles the smaller p of two."""
    make_seeds(tmp_path, {"abi": [0.4, 0.5, 0.63], "ntp": [0.0, 0.1, 0.2], "bico": [0.1, 0.3, 0.5]})
    (table,) = tables(tmp_path, "Differences over seeds (contains)")
    rows = {row[1]: row[3:] for row in table.rows if row[0] == "N2D-reverse"}
    assert rows == {
        "abi": ["3", "+41.0 ± 1.7", "[+36.7, +45.3]", "< 0.001", "0.001", "0.250", "0.500", "5.7"],
        "bico": ["3", "+20.0 ± 10.0", "[-4.8, +44.8]", "0.074", "0.074", "0.250", "0.500", "32.6"],
    }
    assert table.notes[0] == "Reference: ntp (tiny-llama)."


def make_seeds_elsewhere(folder, n2d_reverse: dict[str, list[float]]) -> None:
    """As `make_seeds`, with a benchmark per seed in another place."""
    make_seeds(folder, n2d_reverse, own=True)
    for run in find_runs([folder]):
        content = read_json(run.manifest_path)
        content["spec"]["dataset"]["path"] = f"/elsewhere/y-seed-{content['spec']['seed']}"
        content["spec"]["dataset"]["generator"]["validation_templates"] = 0  # on which no other file depends
        write_json(run.manifest_path, content)


def test_seeds_of_one_benchmark_are_compared_wherever_it_lies(tmp_path):
    make_seeds(tmp_path / "here", {"ntp": [0.0, 0.1]}, own=True)
    make_seeds_elsewhere(tmp_path / "there", {"abi": [0.4, 0.5]})
    (methods,) = tables(tmp_path, "Methods")
    assert [row[0] for row in methods.rows] == ["ntp", "abi"]
    (differences,) = tables(tmp_path, "Differences over seeds (contains)")
    assert [row[4] for row in differences.rows if row[:2] == ["N2D-reverse", "abi"]] == ["+40.0 ± 0.0"]
    assert not any("not compared" in note for note in load_results([tmp_path]).notes)


def test_a_benchmark_that_was_changed_for_one_seed_is_not_compared(tmp_path):
    make_seeds(tmp_path / "here", {"ntp": [0.0, 0.1]}, own=True)
    make_seeds_elsewhere(tmp_path / "there", {"abi": [0.4, 0.5]})
    changed = RunDirectory(tmp_path / "there/abi/seed-1")
    metrics = read_json(changed.metrics_path)
    write_json(changed.metrics_path, metrics | {"dataset": dict.fromkeys(metrics["dataset"], "c" * 64)})
    assert tables(tmp_path, "Differences over seeds") == []
    assert all(len({row[0] for row in table.rows}) == 1 for table in tables(tmp_path, "Methods")[1:])
    notes = load_results([tmp_path]).notes
    assert any(note.endswith("their runs are not compared") for note in notes)
    (several,) = [note for note in notes if note.startswith("seed")]
    assert several.startswith("seed 1 has 2 datasets (") and several.endswith("): no seeds are pooled")


def test_datasets_are_compared_with_that_of_the_first_table(tmp_path):
    for method, seeds in (("ntp", (0, 1)), ("bico", (0, 1))):
        for seed in seeds:
            make_run(tmp_path, method, method, {}, seed=seed, data=f"x-{seed}")
    results = load_results([tmp_path / "ntp", tmp_path / "bico"])
    first, second = results.frame["dataset"].unique()
    (note,) = [note for note in results.notes if note.startswith("datasets")]
    assert note.startswith(f"datasets {first} and {second} differ in ")


def test_methods_are_in_one_order_in_the_tables_of_all_seeds(tmp_path):
    for seed, methods in enumerate((("ntp", "abi", "bico"), ("bico", "ntp", "abi"))):
        for method in methods:
            make_run(tmp_path, method, method, {}, seed=seed, data=f"x-seed-{seed}")
    found = tables(tmp_path, "Accuracy (contains")
    assert [[row[0] for row in table.rows] for table in found] == [["ntp", "abi", "bico"]] * 2


def test_of_two_ntp_the_one_with_more_seeds_is_the_reference(tmp_path):
    make_seeds(tmp_path, {"ntp": [0.0, 0.1, 0.2], "bico": [0.1, 0.3, 0.5]})
    make_run(tmp_path, "a-single-ntp", "ntp", {"N2D-reverse": 0.9}, seed=0, epochs=2)
    (table,) = tables(tmp_path, "Differences over seeds (contains)")
    assert table.notes[0] == "Reference: ntp (tiny-llama)."
    assert [row[1] for row in table.rows if row[0] == "N2D-reverse"] == ["bico"]


@pytest.mark.parametrize("name", ["ntp", "zzz"])
def test_of_two_ntp_of_a_glm_the_one_in_its_blank_is_the_reference_and_alone_the_other(tmp_path, name):
    make_seeds(tmp_path, {"a-causal-ntp": [0.0, 0.1], "bico": [0.1, 0.3], name: [0.0, 0.2]})
    for run in find_runs([tmp_path]):
        content = read_json(run.manifest_path)
        if content["spec"]["name"] != "bico":
            causal = {"glm_form": "causal"} if content["spec"]["name"] == "a-causal-ntp" else {}
            content["spec"]["objective"] = {"name": "ntp"} | causal
        write_json(run.manifest_path, content)
    (table,) = tables(tmp_path, "Differences over seeds (contains)")
    assert table.notes[0] == f"Reference: {name} (tiny-llama)."
    assert next(row[1:3] for row in table.rows if row[0] == "N2D-reverse") == ["a-causal-ntp", "ntp (causal)"]
    shutil.rmtree(tmp_path / name)
    (table,) = tables(tmp_path, "Differences over seeds (contains)")
    assert table.notes[0] == "Reference: a-causal-ntp (tiny-llama)."


@pytest.mark.parametrize("reference", ["study/bico", "bico"])
def test_another_reference_can_be_named(tmp_path, reference):
    """ABI - BICO: 30, 20, 13 points."""
    make_seeds(tmp_path, {"study/abi": [0.4, 0.5, 0.63], "study/bico": [0.1, 0.3, 0.5], "study/ntp": [0.0, 0.0, 0.0]})
    every = accuracy_tables(load_results([tmp_path]).frame, reference=reference)
    (table,) = [table for table in every if table.title.startswith("Differences over seeds")]
    assert table.notes[0] == "Reference: study/bico (tiny-llama)."
    rows = {row[1]: row[4] for row in table.rows if row[0] == "N2D-reverse"}
    assert rows == {"study/abi": "+21.0 ± 8.5", "study/ntp": "-30.0 ± 20.0"}


def test_a_reference_without_a_seed_in_common_is_said_to_be_so(tmp_path):
    make_seeds(tmp_path, {"ntp": [0.0], "bico": [0.1]})
    frame = load_results([tmp_path]).frame
    (methods,) = [table for table in accuracy_tables(frame, reference="bico") if table.title.startswith("Methods")]
    assert methods.notes[-1] == "No differences over seeds: no method has two seeds in common with bico."
    assert not any("No differences" in table.note for table in accuracy_tables(frame))


def test_a_reference_with_several_recipes_is_named_with_its_own(tmp_path):
    make_seeds(tmp_path, {"bico": [0.1, 0.3], "ntp": [0.0, 0.1]})
    for seed in (0, 1):
        make_run(tmp_path / "other", "bico", "bico", {"N2D-reverse": 0.9}, seed=seed, epochs=2)
    frame = load_results([tmp_path]).frame
    every = accuracy_tables(frame, reference="bico")
    (table,) = [table for table in every if table.title.startswith("Differences over seeds")]
    recipes = set(frame[frame["experiment"] == "bico"]["recipe"])
    assert table.notes[0] in {f"Reference: bico (tiny-llama, {recipe})." for recipe in recipes}
    assert len(recipes) == 2


def test_a_reference_that_is_no_trained_run_is_refused(tmp_path, capsys):
    results = str(make_results(tmp_path))
    assert main(["report", results, "--reference", "bicos"]) == 2
    assert "--reference: unknown trained experiment 'bicos'; did you mean 'bico'?" in capsys.readouterr().err
    assert main(["report", results, "--reference", "untrained"]) == 2
    assert main(["report", results, "--reference", "bico", "--format", "csv"]) == 2
    assert "--reference" in capsys.readouterr().err


def test_the_nearest_reference_is_suggested_without_the_folder_of_its_name(tmp_path, capsys):
    make_seeds(tmp_path, {"study/masked-ft": [0.1], "study/ntp": [0.0]})
    assert main(["report", str(tmp_path), "--reference", "masked-tf"]) == 2
    assert "unknown trained experiment 'masked-tf'; did you mean 'masked-ft'?" in capsys.readouterr().err


def test_a_reference_that_two_experiments_have_the_name_of_is_refused(tmp_path, capsys):
    make_seeds(tmp_path, {"a/bico": [0.1, 0.3], "b/bico": [0.1, 0.3]})
    assert main(["report", str(tmp_path), "--reference", "bico"]) == 2
    assert "--reference bico: a/bico and b/bico are called so; expected one; give its whole name" in (
        capsys.readouterr().err
    )
    assert main(["report", str(tmp_path), "--reference", "b/bico"]) == 0


def test_naming_a_reference_shows_the_methods(tmp_path, capsys):
    make_seeds(tmp_path, {"ntp": [0.0], "bico": [0.5]})
    assert main(["report", str(tmp_path), "--reference", "bico"]) == 0
    assert "Methods (contains)" in capsys.readouterr().out


def test_equal_methods_have_no_t_test(tmp_path):
    make_seeds(tmp_path, {"ntp": [0.0, 0.0], "bico": [0.0, 0.0]})
    (table,) = tables(tmp_path, "Differences over seeds")
    assert table.rows[2][3:] == ["2", "+0.0 ± 0.0", "–", "–", "–", "1.000", "1.000", "–"]


def test_methods_with_other_seeds_are_named(tmp_path):
    make_seeds(tmp_path, {"ntp": [0.0, 0.0, 0.1], "bico": [0.5, 0.9], "abi": [0.7]})
    (methods,) = tables(tmp_path, "Methods")
    assert "Means are over different seeds: 0, 1, 2 of ntp; 0, 1 of bico; 0 of abi." in methods.notes
    (differences,) = tables(tmp_path, "Differences over seeds")
    assert {row[1] for row in differences.rows} == {"bico"}
    assert "Left out, without two seeds in common with the reference: abi." in differences.notes
    # Two seeds that differ by 40 points say next to nothing, and no difference is as large as what they would find.
    assert differences.rows[2][5] == "[-100.0, +100.0]" and differences.rows[2][-1] == "> 100"


def test_a_method_that_lacks_the_metric_in_a_seed_is_named_too(tmp_path):
    make_seeds(tmp_path, {"ntp": [0.0, 0.0], "bico": [0.5, 0.9], "abi": [0.5, 0.9]})
    for run in ("ntp/seed-0", "ntp/seed-1", "bico/seed-1", "abi/seed-0", "abi/seed-1"):
        add_likelihood(RunDirectory(tmp_path / run))
    found = accuracy_tables(load_results([tmp_path]).frame, "rank_top1")
    (differences,) = [table for table in found if table.title.startswith("Differences over seeds")]
    assert {row[1] for row in differences.rows} == {"abi"}
    assert "Left out, without two seeds in common with the reference: bico." in differences.notes


def test_methods_with_the_same_seeds_need_no_word_about_them(tmp_path):
    make_seeds(tmp_path, {"ntp": [0.0, 0.0], "bico": [0.5, 0.9]})
    make_run(tmp_path, "untrained", "none", {}, seed=0)  # one for both seeds
    notes = [*tables(tmp_path, "Methods")[0].notes, *tables(tmp_path, "Differences")[0].notes]
    assert not any(note.startswith(("Means are over", "Left out")) for note in notes)


def test_without_two_common_seeds_there_are_no_differences(tmp_path):
    assert tables(make_results(tmp_path), "Differences") == []


def test_seeds_with_a_benchmark_each_are_one_method_and_still_no_accuracy_table(tmp_path):
    make_seeds(tmp_path, {"ntp": [0.0, 0.0, 0.0], "bico": [0.1, 0.2, 0.3]}, own=True)
    assert len(tables(tmp_path, "Accuracy")) == 3
    assert load_results([tmp_path]).notes == [
        "2 experiments have a dataset per seed: apart in tables of accuracy, together in those of methods"
    ]
    (table,) = tables(tmp_path, "Methods")
    assert [row[2:] for row in table.rows][1][:1] == ["3"]
    assert "20.0 ± 10.0" in table.rows[1]
    assert all(f"results/data/x-seed-{seed}" in table.note for seed in range(3))
    (differences,) = tables(tmp_path, "Differences")
    assert differences.rows[2][:5] == ["N2D-reverse", "bico", "bico", "3", "+20.0 ± 10.0"]
    write_plots(load_results([tmp_path]), tmp_path / "plots", "contains")
    assert (tmp_path / "plots/tokens.svg").is_file()
