"""From TOML and flags to specs: precedence, grids, names, and the one line for each mistake."""

import tomllib
from pathlib import Path

import pytest

from reversal_cli.errors import ReversalError
from reversal_cli.objectives import OBJECTIVE_SPECS
from reversal_cli.objectives.fim import Fim
from reversal_cli.spec.decisive import spec_differences
from reversal_cli.spec.experiment import ExperimentSpec
from reversal_cli.spec.loading import Experiment, flag_settings, load_experiment, parse_set
from reversal_cli.spec.presets import RECIPES, recipe_of
from reversal_cli.spec.toml import parse_value, write_toml

WITH_MASKS = " or ".join(
    f"'{n}'" for n, options in OBJECTIVE_SPECS.items() if "mask_probability" in options.model_fields
)
EXPERIMENTS = Path(__file__).parents[2] / "experiments"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def load(text: str, *assignments: str, **flags: object) -> Experiment:
    """The experiment of a file x.toml with this text, `--set` values and flags such as `epochs=3`."""
    Path("x.toml").write_text(text)
    keys = {"epochs": "training.epochs", "objective": "objective.name", "model": "model.name", "name": "name"}
    given = {f"--{name}": (keys[name], value) for name, value in flags.items()}
    return load_experiment(Path("x.toml"), flag_settings(given, assignments))


def mistake(text: str, *assignments: str, **flags: object) -> str:
    with pytest.raises(ReversalError) as caught:
        load(text, *assignments, **flags)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_without_anything_the_defaults_are_the_preset_with_ntp():
    spec = load_experiment(None).specs[0]
    assert (spec.name, spec.seed, spec.model.name, spec.objective.name) == ("tiny-llama-ntp", 0, "tiny-llama", "ntp")


def test_precedence_is_default_then_recipe_then_file_then_flag():
    recipe = RECIPES["tiny-llama", "bico"]["training"]["epochs"]
    file = "[objective]\nname = 'bico'\n[training]\nepochs = 77\n"
    assert load("[model]\nname = 'org/model'").specs[0].training.epochs == 20
    assert load("[objective]\nname = 'bico'").specs[0].training.epochs == recipe
    assert load(file).specs[0].training.epochs == 77
    assert load(file, "training.epochs=78").specs[0].training.epochs == 78
    assert load(file, epochs=79).specs[0].training.epochs == 79


def test_a_partial_section_keeps_the_other_fields():
    training = load("[model]\nname = 'org/model'\n[training.lora]\nr = 8").specs[0].training
    assert (training.lora.r, training.lora.alpha, training.batch_size) == (8, 16, 4)


def test_a_grid_is_a_product_and_names_a_folder_per_point():
    text = "[grid]\n'model.name' = ['tiny-llama', 'org/Big-1b']\nobjective.name = ['ntp', 'bico']\nseed = [0, 1]"
    experiment = load(text)
    assert [(spec.name, spec.seed) for spec in experiment.specs] == [
        (f"x/{point}", seed)
        for point in ("tiny-llama-ntp", "tiny-llama-bico", "Big-1b-ntp", "Big-1b-bico")
        for seed in (0, 1)
    ]
    assert [spec.name for spec in experiment.baselines] == ["x/tiny-llama-untrained", "x/Big-1b-untrained"]


def test_each_grid_point_has_its_own_recipe():
    ntp, bico = load("[grid]\nobjective.name = ['ntp', 'bico']").specs
    assert ntp.training.epochs == RECIPES["tiny-llama", "ntp"]["training"]["epochs"]
    assert bico.training.learning_rate == RECIPES["tiny-llama", "bico"]["training"]["learning_rate"]
    assert bico.objective.bico_share == RECIPES["tiny-llama", "bico"]["objective"]["bico_share"]


def test_an_objective_without_a_recipe_of_its_own_is_trained_as_others_of_its_preset():
    assert ("tiny-glm", "plm") not in RECIPES and ("smollm2-135m-instruct", "plm") not in RECIPES
    for model, epochs, batch_size in (("tiny-llama", 14, 32), ("tiny-glm", 14, 32), ("smollm2-135m-instruct", 3, 8)):
        training = load(f"model.name = '{model}'\nobjective.name = 'plm'").specs[0].training
        assert (training.tuning, training.epochs, training.batch_size) == ("full", epochs, batch_size)
    assert load("model.name = 'org/x'\nobjective.name = 'plm'").specs[0].training.tuning == "lora"
    assert recipe_of("tiny-llama", "none") == {}


def test_a_family_that_an_objective_cannot_train_is_refused_with_the_reason(monkeypatch):
    fim = "model.name = 'tiny-glm'\nobjective.name = 'fim'\n"
    assert mistake(fim) == (
        "x.toml: model 'tiny-glm' is a glm model; objective.sentinels is 'three', and a GLM of 2022 has 2 tokens to "
        "lend; choose 'two'"
    )
    assert load(f"{fim}objective.sentinels = 'two'").specs[0].objective.extra_tokens == 2
    tagged = "model.name = 'tiny-glm'\nobjective.name = 'masked-ft'\ntransform = {name = 'reverse', tag = true}"
    assert "wants 3 tokens without a meaning, and a GLM of 2022 has 2 to lend" in mistake(tagged)
    monkeypatch.setattr(Fim, "on", {"rotary": "causal"})
    assert mistake(f"{fim}objective.sentinels = 'two'") == (
        "x.toml: model 'tiny-glm' is a glm model; objective 'fim' is for models of family rotary; choose such a model"
    )


def test_a_flag_replaces_a_grid_axis():
    text = "[grid]\nobjective.name = ['ntp', 'bico']\nseed = [0, 1]"
    assert [(spec.name, spec.seed) for spec in load(text, "seed=5", objective="bico").specs] == [("x/bico", 5)]


def test_in_a_grid_over_objectives_a_key_of_one_of_them_is_for_that_one():
    ntp, bico = load("[grid]\nobjective.name = ['ntp', 'bico']", "objective.bico_share=0.25").specs
    assert bico.objective.bico_share == 0.25
    assert not hasattr(ntp.objective, "bico_share")


def test_a_seed_grid_alone_needs_no_folder_per_point():
    assert [(spec.name, spec.seed) for spec in load("[grid]\nseed = [0, 1]").specs] == [("x", 0), ("x", 1)]


def test_the_baseline_is_untrained_and_can_be_left_out():
    (baseline,) = load("").baselines
    assert (baseline.name, baseline.objective.name) == ("x-untrained", "none")
    assert load("baseline = false").baselines == ()
    assert load("[objective]\nname = 'none'").baselines == ()


def test_the_baseline_is_ranked_where_any_run_of_its_model_is():
    denoised_first = "[[runs]]\nobjective.name = 'mlm-u'\n[[runs]]\nobjective.name = 'ntp'"
    other_model = "[[runs]]\nobjective.name = 'mlm-u'\nmodel.name = 'HuggingFaceTB/SmolLM2-135M'"
    experiment = load(f"{denoised_first}\n{other_model}")
    assert [spec.evaluation.likelihood for spec in experiment.specs] == [False, True, False]
    ranked = {baseline.model.name: baseline.evaluation.likelihood for baseline in experiment.baselines}
    assert list(ranked.items()) == [("tiny-llama", True), ("HuggingFaceTB/SmolLM2-135M", False)]


def test_the_baseline_does_not_depend_on_how_the_others_are_trained():
    assert load("", epochs=3).baselines == load("", epochs=4).baselines


@pytest.mark.parametrize("file", sorted(EXPERIMENTS.rglob("*.toml")), ids=lambda file: file.stem)
def test_every_shipped_experiment_loads(file):
    if tomllib.loads(file.read_text(encoding="utf-8")).get("kind") != "pretrain":
        assert load_experiment(file).specs


@pytest.mark.parametrize(
    ("size", "objectives", "model"),
    [
        ("llama2-7b", ("ntp", "bico"), "meta-llama/Llama-2-7b-hf"),
        ("llama2-13b", ("ntp", "bico"), "meta-llama/Llama-2-13b-hf"),
        ("glm-2b", ("ntp", "abi"), "THUDM/glm-2b"),
        ("glm-10b", ("ntp", "abi"), "THUDM/glm-10b"),
    ],
)
def test_the_paper_experiments_are_the_published_recipe(size, objectives, model):
    for objective in objectives:
        spec = load_experiment(EXPERIMENTS / f"paper/{size}-{objective}.toml").specs[0]
        training = spec.training
        assert spec.model.name == model
        dtype = "float16" if size.startswith("llama") else "bfloat16"
        assert spec.objective.name == objective
        assert (training.lora.r, training.lora.alpha, training.lora.dropout, training.tuning) == (32, 16, 0.01, "lora")
        assert (training.learning_rate, training.warmup_steps, training.batch_size) == (2e-5, 100, 4)
        assert (training.epochs, training.stop_after_epochs, training.max_length) == (20, 10, 256)
        assert (training.dtype, training.schedule, spec.evaluation.max_new_tokens) == (dtype, "linear", 40)
        if objective == "bico":
            assert (spec.objective.mask_probability, spec.objective.bico_share) == (0.15, 0.5)


def test_a_printed_spec_reads_back_as_the_same_experiment():
    spec = load("[objective]\nname = 'bico'\n[dataset.generator]\nentities = 5").specs[0]
    Path("again.toml").write_text(write_toml(spec.model_dump(mode="json")))
    assert load_experiment(Path("again.toml")).specs[0] == spec


def test_the_digest_changes_with_every_field_but_the_device():
    spec = load("").specs[0]
    assert load("", "training.device=cpu").specs[0].digest == spec.digest
    for assignment in ("seed=1", "training.epochs=3", "name=y", "objective.loss_on=completion", "dataset.path=other"):
        assert load("", assignment).specs[0].digest != spec.digest


WITH_CURVE = (
    "training.eval_every=2",
    "training.eval_limit=7",
    "training.eval_likelihood=true",
    "dataset.generator.validation_templates=3",
)


def test_a_curve_and_its_prompts_are_no_part_of_the_experiment():
    plain = load("[dataset.generator]\nentities = 5").specs[0]
    curved = load("[dataset.generator]\nentities = 5", *WITH_CURVE).specs[0]
    assert curved.training.eval_every == 2 and curved.digest == plain.digest
    assert spec_differences(plain.model_dump(mode="json"), curved.model_dump(mode="json")) == []


def test_when_a_training_is_saved_is_no_part_of_the_experiment():
    plain = load("").specs[0]
    saved = load("", "training.save_every_steps=7", "training.save_every_minutes=0.5").specs[0]
    assert saved.training.save_every_steps == 7 and saved.digest == plain.digest
    earlier = plain.model_dump(mode="json")
    del earlier["training"]["save_every_steps"], earlier["training"]["save_every_minutes"]
    assert spec_differences(earlier, saved.model_dump(mode="json")) == []


def test_differences_name_the_field_and_both_values():
    old, new = (load("", f"training.epochs={epochs}").specs[0].model_dump(mode="json") for epochs in (10, 20))
    assert spec_differences(old, new) == ["training.epochs 10 -> 20"]
    new["training"]["device"] = "cpu"
    assert spec_differences(old, new) == ["training.epochs 10 -> 20"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("2e-5", 2e-5),
        ("true", True),
        ("[0.05, 0.95]", [0.05, 0.95]),
        ("tiny-llama", "tiny-llama"),
        ("'3'", "3"),
        ("org/name", "org/name"),
        ("", ""),
        ("2024-01-01", "2024-01-01"),
        ("1\nother = 2", "1\nother = 2"),
    ],
)
def test_a_set_value_is_toml_or_else_the_text_itself(text, value):
    assert parse_value(text) == value


def test_a_set_table_is_its_keys():
    assert [(s.key, s.value) for s in parse_set("training={epochs = 3, lora = {r = 4}}")] == [
        ("training.epochs", 3),
        ("training.lora.r", 4),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[training]\nepoch = 3", "x.toml: unknown key 'training.epoch'; did you mean 'training.epochs'?"),
        ("epochs = 3", "x.toml: unknown key 'epochs'; did you mean 'training.epochs'?"),
        ("[training]\nepochs = 'ten'", "x.toml: training.epochs is 'ten'; expected a whole number"),
        ("[training]\nepochs = 0", "x.toml: training.epochs is 0; expected at least 1"),
        ("[training]\ntuning = 'lor'", "x.toml: training.tuning is 'lor'; expected 'lora' or 'full'"),
        ("training = 3", "x.toml: training is 3; expected a table"),
        ("baseline = 3", "x.toml: baseline is 3; expected true or false"),
        ("[grid]\nseed = 3", "x.toml: grid key 'seed' is 3; expected a list of values, such as [0, 1]"),
        ("grid = 3", "x.toml: grid is 3; expected a table of lists, such as seed = [0, 1]"),
        ("[grid]\nseed = [1, 1]", "x.toml: two runs would share the folder x/seed-1; list each of them once"),
        ("[grid]\nsed = [1]", "x.toml: unknown key 'sed'; did you mean 'seed'?"),
        ("seed = 1\n[grid]\nseed = [1]", "x.toml: 'seed' is given twice; keep one of them"),
        (
            "[objective]\nname = 'bicco'",
            f"x.toml: unknown objective 'bicco'; did you mean 'bico'? ({', '.join(sorted(OBJECTIVE_SPECS))})",
        ),
        (
            "[objective]\nname = 'ntp'\nbico_share = 0.3",
            "x.toml: 'objective.bico_share' belongs to objective 'bico', but the objective is 'ntp' (x.toml); "
            "leave it out or choose objective 'bico'",
        ),
        (
            "[objective]\nname = 'ntp'\nmask_probability = 0.3",
            f"x.toml: 'objective.mask_probability' belongs to objective {WITH_MASKS}, but the objective is 'ntp' "
            "(x.toml); leave it out or choose one of these",
        ),
        (
            "[objective]\nname = 'bico'\nmask_probability = [0.9, 0.1]",
            "x.toml: objective.mask_probability: the range [0.9, 0.1] is empty; give [low, high]",
        ),
    ],
)
def test_a_mistake_in_a_file_is_one_line_with_the_file_the_key_and_the_cure(text, message):
    assert mistake(text) == message


def test_a_mistake_in_a_flag_names_the_flag():
    good = "[training]\nepochs = 3"
    assert mistake(good, epochs=0) == "--epochs: training.epochs is 0; expected at least 1"
    assert mistake(good, "training.epochs=x") == "--set: training.epochs is 'x'; expected a whole number"
    assert mistake(good, "training.epochs=5", epochs=4).startswith(
        "--epochs and --set: 'training.epochs' is given twice"
    )
    assert mistake(good, "training").startswith("--set training: expected section.key=value")
    assert "the objective is 'ntp' (--objective)" in mistake("[objective]\nbico_share = 0.3", objective="ntp")


def test_broken_toml_tells_the_line():
    assert "at line 2" in mistake("seed = 1\n[training\n")


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "a//b", "a/../b", ".hidden", "a b", ""])
def test_a_name_that_is_no_safe_folder_is_refused(name):
    if name:
        assert f"experiment name '{name}' is not a folder name" in mistake("", name=name)
    else:
        # An empty name is no name: the point's own is taken.
        assert load("", name=name).specs[0].name == "tiny-llama-ntp"


def test_an_unknown_model_is_told_apart_from_a_missing_folder():
    Path("empty").mkdir()
    assert "did you mean 'tiny-llama'?" in mistake("", model="tiny-lama")
    assert "no folder './nope'" in mistake("", model="./nope")
    assert "has no config.json" in mistake("", model="empty")
    assert load("", model="org/name").specs[0].model.name == "org/name"


def test_a_spec_is_frozen():
    spec = load("").specs[0]
    with pytest.raises(ValueError, match="frozen"):
        spec.seed = 3
    assert isinstance(spec, ExperimentSpec)


@pytest.mark.parametrize(
    ("assignments", "ranked"),
    [
        (["objective.name=bico"], True),
        (["objective.name=bico", "objective.decoder=denoise"], False),
        (["objective.name=bico", "objective.decoder=denoise", "evaluation.likelihood=true"], True),
        (["objective.name=mlm-u", "model.name=smollm2-135m-instruct"], False),
    ],
    ids=str,
)
def test_denoised_answers_are_ranked_on_request(assignments, ranked):
    (spec,) = load("", *assignments).specs
    assert spec.evaluation.likelihood is ranked


def test_the_decoder_of_one_objective_of_a_grid_is_not_that_of_the_others():
    specs = load("[objective]\ndecoder = 'denoise'\n[grid]\nobjective.name = ['ntp', 'bico', 'abi']\n").specs
    assert [spec.evaluation.likelihood for spec in specs] == [True, False, True]
