"""What tables call the method of a run: its objective, and its transform if it has one."""

from reversal_cli.objectives import OBJECTIVES
from reversal_cli.runs.records import StoredObjective, StoredSpec, StoredTransform
from reversal_cli.spec.decisive import later_fields
from reversal_cli.transforms import TRANSFORMS


def variant(spec: StoredSpec) -> str:
    """Objective and transform, each with the option that distinguishes its variants: `abi (single)`, or
    `ntp + reverse (word)`; how the model answers, if not as causal models do: `mlm-u (denoise)`; and `ntp (causal)` of
    a GLM of 2022 without its blank."""
    declaration = OBJECTIVES.get(spec.objective.name)
    objective = _with_option(spec.objective, declaration.variant_option if declaration else None)
    options = spec.objective.content()
    decoder = options.get("decoder", later_fields(spec.objective.name)["objective.decoder"])
    forms = [decoder] * (decoder != "continue") + ["causal"] * (options.get("glm_form") == "causal")
    return objective + "".join(f" ({form})" for form in forms) + transform_suffix(spec)


def transform_suffix(spec: StoredSpec) -> str:
    """` + reverse (word)`; empty without a transform."""
    declaration = TRANSFORMS.get(spec.transform.name)
    if declaration is None:
        return f" + {spec.transform.name}"
    return "" if declaration.is_identity else f" + {_with_option(spec.transform, declaration.variant_option)}"


def _with_option(part: StoredObjective | StoredTransform, option: str | None) -> str:
    options = part.content()
    return f"{part.name} ({options[option]})" if option in options else part.name
