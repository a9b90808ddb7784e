"""What a run asks of a cluster: it may not change a result."""

import pytest

from reversal_cli.errors import ReversalError
from reversal_cli.spec.decisive import spec_differences
from reversal_cli.spec.experiment import ExperimentSpec, ResourcesSpec
from reversal_cli.spec.loading import load_experiment
from reversal_cli.spec.validation import Setting


def test_resources_are_no_part_of_the_digest_and_no_difference_to_an_earlier_manifest():
    plain = ExperimentSpec(name="x")
    asking = ExperimentSpec(name="x", resources=ResourcesSpec(cpus=4, gpus=0.5))
    assert asking.digest == plain.digest == "bce901fbe0f6"
    earlier = plain.model_dump(mode="json")
    del earlier["resources"]
    for spec in (plain, asking):
        assert spec_differences(earlier, spec.model_dump(mode="json")) == []


def test_the_untrained_run_asks_for_the_same():
    experiment = load_experiment(None, [Setting("resources.gpus", 0.5, "--set")])
    assert [spec.resources.gpus for spec in (*experiment.baselines, *experiment.specs)] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("gpus", 1.5, "1.5 GPUs cannot be given; expected a fraction of one, or a whole number"),
        ("gpus", -1, "resources.gpus"),
        ("cpus", 0, "resources.cpus"),
        ("cpus", 1.5, "resources.cpus"),
    ],
)
def test_resources_that_cannot_be_given_are_refused(key, value, message):
    with pytest.raises(ReversalError, match=message):
        load_experiment(None, [Setting(f"resources.{key}", value, "--set")])
