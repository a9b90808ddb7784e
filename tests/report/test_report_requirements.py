"""Requirements such as `bico: N2D-reverse >= 60`."""

import pytest
from report_runs import make_results, make_run

from reversal_cli.cli import main
from reversal_cli.errors import ReversalError
from reversal_cli.report import check_requirements, load_results


@pytest.fixture
def results(tmp_path):
    return make_results(tmp_path)


@pytest.mark.parametrize(
    ("requirement", "failures"),
    [
        ("bico: N2D-reverse >= 60", []),
        ("bico:N2D-reverse>=65%", []),
        ("ntp,none: N2D-reverse == 0", []),
        ("bico,tiny-llama: D2N > 99.9", []),
        ("tiny-llama: D2N-reverse < 2.01", []),
        ("untrained: D2N <= 0", []),
        ("bico: N2D-reverse > 65", ["bico: N2D-reverse > 65: bico seed 1 has 65.00 (contains)"]),
        (
            "bico: N2D-reverse >= 80",
            [
                f"bico: N2D-reverse >= 80: bico seed {seed} has {shown} (contains)"
                for seed, shown in ((0, "75.00"), (1, "65.00"))
            ],
        ),
        ("abi: D2N >= 1", ["abi: D2N >= 1: no finished run has the objective, experiment or model 'abi'"]),
        ("bico,abi: D2N >= 1", ["bico,abi: D2N >= 1: no finished run has the objective, experiment or model 'abi'"]),
    ],
)
def test_a_requirement_holds_for_every_matching_run_or_names_those_that_fail(results, requirement, failures):
    assert check_requirements(load_results([results]).frame, [requirement]) == failures


def test_names_of_different_kinds_narrow_a_requirement(results):
    make_run(results, "big", "bico", {"D2N": 0.5}, model="llama-7b")
    frame = load_results([results]).frame
    assert check_requirements(frame, ["bico,tiny-llama: D2N >= 99"]) == []
    assert check_requirements(frame, ["bico,llama-7b: D2N >= 99"]) == [
        "bico,llama-7b: D2N >= 99: big seed 0 has 50.00 (contains)"
    ]
    none = "ntp,llama-7b: D2N >= 99: no finished run matches all of ntp, llama-7b"
    assert check_requirements(frame, ["ntp,llama-7b: D2N >= 99"]) == [none]


def test_a_percent_is_compared_without_rounding_errors_of_binary_fractions(results):
    assert 100 * 0.29 != 29
    make_run(results, "exact", "bico", {"D2N": 0.29})
    assert check_requirements(load_results([results]).frame, ["exact: D2N == 29", "exact: D2N >= 29"]) == []


@pytest.mark.parametrize("text", ["", "bico", "bico N2D >= 3", "bico: N2D => 3", "bico: N2D >= x", "bico: N2D >= 600"])
def test_a_malformed_requirement_is_an_error_with_the_grammar_and_an_example(results, text):
    with pytest.raises(ReversalError, match=r"--require: found .*; expected '<objective, .* for example 'bico: "):
        check_requirements(load_results([results]).frame, [text])


def test_an_unknown_subtask_in_a_requirement_is_an_error_with_a_suggestion(results):
    with pytest.raises(ReversalError, match="unknown subtask 'N2D-rev'; did you mean 'N2D-reverse'"):
        check_requirements(load_results([results]).frame, ["bico: N2D-rev >= 60"])


def test_an_unknown_name_in_a_requirement_is_an_error_with_a_suggestion(results):
    with pytest.raises(ReversalError, match="unknown objective, experiment or model 'bicco'; did you mean 'bico'"):
        check_requirements(load_results([results]).frame, ["bicco: N2D >= 60"])


def test_a_percent_below_one_is_warned_of_once(results, capsys):
    assert main(["report", str(results), "--require", "bico: D2N >= 0.6", "--require", "bico: D2N >= 0.6"]) == 0
    warning = "warning: --require 'bico: D2N >= 0.6' is in percent: 0.6 means 0.6 %"
    assert capsys.readouterr().err.splitlines().count(warning) == 1


def test_a_met_requirement_is_said_to_be_met_and_one_that_fails_is_not(results, capsys):
    assert main(["report", str(results), "--require", "ntp: D2N >= 99"]) == 0
    assert "met: ntp: D2N >= 99" in capsys.readouterr().err.splitlines()
    assert main(["report", str(results), "--require", "ntp: D2N >= 99", "--require", "bico: N2D >= 99"]) == 1
    shown = capsys.readouterr().err.splitlines()
    assert any(line.startswith("not met: bico: N2D >= 99") for line in shown)
    assert not any(line.startswith("met:") for line in shown)
