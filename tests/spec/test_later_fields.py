"""Options that an objective has not always had: a spec that leaves them as they were keeps its digest."""

import pytest

from reversal_cli.report.labels import settings_label
from reversal_cli.runs.records import StoredSpec
from reversal_cli.spec.decisive import decisive_content, spec_differences
from reversal_cli.spec.experiment import ExperimentSpec
from reversal_cli.spec.pretraining import PretrainSpec

CANVAS = {"placeholder": "learned", "eos_padding": 40, "decoder": "maskgit"}


def spec_of(**objective) -> ExperimentSpec:
    return ExperimentSpec(name="x", objective=objective)


@pytest.mark.parametrize(
    ("objective", "decisive"),
    [
        ({"name": "mlm-u"}, {"mask_probability": None, "weighting": "inverse-rate"}),
        ({"name": "mlm-u", **CANVAS}, {"mask_probability": None, "weighting": "inverse-rate", **CANVAS}),
        ({"name": "masked-ft"}, {"mask_probability": None, "corruption": "mask"}),
        (
            {"name": "masked-ft", "form": "prompted"},
            {"mask_probability": None, "corruption": "mask", "form": "prompted"},
        ),
        ({"name": "plm"}, {"ntp_share": 0.5}),
        ({"name": "prefix-lm"}, {}),
        ({"name": "prefix-lm", "positions": "mirrored"}, {"positions": "mirrored"}),
    ],
    ids=str,
)
def test_later_options_decide_only_where_they_change_something(objective, decisive):
    content = decisive_content(spec_of(**objective).model_dump(mode="json"))["objective"]
    assert content == {"name": objective["name"], **decisive}


def test_a_decoder_that_denoises_is_new_for_bico_alone():
    decoder = decisive_content(spec_of(name="bico", decoder="denoise").model_dump(mode="json"))["objective"]["decoder"]
    assert decoder == "denoise"


def test_an_earlier_manifest_of_mlm_u_differs_in_nothing_from_the_same_spec_today():
    today = spec_of(name="mlm-u").model_dump(mode="json")
    earlier = spec_of(name="mlm-u").model_dump(mode="json")
    for option in ("decoder", "eos_padding", "steps", "guidance"):
        del earlier["objective"][option]
    assert spec_differences(earlier, today) == spec_differences(today, earlier) == []
    changed = spec_of(name="mlm-u", **CANVAS).model_dump(mode="json")
    assert "objective.decoder denoise -> maskgit" in spec_differences(earlier, changed)


def test_a_base_made_before_blanks_could_be_protected_is_recognized():
    today = PretrainSpec(name="x", family="glm").model_dump(mode="json")
    earlier = PretrainSpec(name="x", family="glm").model_dump(mode="json")
    del earlier["abi"]["protect"]
    assert spec_differences(earlier, today) == spec_differences(today, earlier) == []


def test_the_settings_of_a_run_name_its_decoder_only_if_it_is_another():
    plain, canvas = (StoredSpec.model_validate(spec_of(name="mlm-u", **o).model_dump()) for o in ({}, CANVAS))
    assert "decoder" not in settings_label(plain)
    assert settings_label(canvas).endswith("placeholder=learned, eos_padding=40, decoder=maskgit")
