"""The four subtasks as tasks of EleutherAI's lm-evaluation-harness: YAML, prompts, scores, and how to run them."""

import inspect
from pathlib import Path

from reversal_cli.data.base import SUBTASKS, Splits, Subtask
from reversal_cli.files.writing import json_lines
from reversal_cli.scoring import matching

GROUP = "reversal"
METRICS = (matching.contains, matching.startswith, matching.exact_match)


def save(splits: Splits, max_new_tokens: int, folder: Path) -> None:
    """Fills a folder for `--include_path`."""
    for name, text in task_files(splits, max_new_tokens).items():
        (folder / name).write_text(text, encoding="utf-8")


def task_files(splits: Splits, max_new_tokens: int) -> dict[str, str]:
    """Name -> text of every file of a folder for `--include_path`. The folder can be moved and needs no other file."""
    files = {"README.md": README.format(max_new_tokens=max_new_tokens), "utils.py": utils_text()}
    files[f"{GROUP}.yaml"] = GROUP_YAML.format(tasks=", ".join(task_name(name) for name in SUBTASKS))
    for name, subtask in splits.subtasks.items():
        task, source = task_name(name), f"{SUBTASKS[name]}.jsonl"
        files[f"{task}.jsonl"] = json_lines(documents(subtask))
        files[f"{task}.yaml"] = TASK_YAML.format(
            task=task, max_new_tokens=max_new_tokens, source=source, sha256=splits.sha256[source]
        )
    return files


def task_name(subtask: str) -> str:
    """`N2D-reverse` is `reversal_n2d_reverse`: a comma or a dash would be awkward on the harness's command line."""
    return f"{GROUP}_{subtask.lower().replace('-', '_')}"


FILE_NAMES = frozenset(
    {"README.md", "utils.py", f"{GROUP}.yaml"}
    | {f"{task_name(name)}.{ending}" for name in SUBTASKS for ending in ("jsonl", "yaml")}
)


def documents(subtask: Subtask) -> list[dict[str, str]]:
    """One document per prompt, in dataset order; `id` is the id of its prediction by `reversal eval`."""
    return [
        {
            "id": f"{subtask.name}/{index}",
            "entity_id": example.entity_id,
            "template_id": example.template_id,
            "prompt": example.prompt,
            "completion": example.completion,
        }
        for index, example in enumerate(subtask.examples)
    ]


def utils_text() -> str:
    """utils.py: the source of our own metrics, so that the two cannot drift apart."""
    return UTILS + "".join(f"\n\n{inspect.getsource(function)}" for function in (*METRICS, matching.normalize))


GROUP_YAML = """\
# No mean over the four: it would hide the difference between them.
group: reversal
task: [{tasks}]
metadata:
  version: 1.0
"""

TASK_YAML = """\
task: {task}
custom_dataset: !function utils.load_rows  # not dataset_path: json, which looks for files where the harness is started
dataset_kwargs:
  data_file: {task}.jsonl
test_split: test
output_type: generate_until
num_fewshot: 0
# Names of fields, not templates: a prompt reaches the model as it is.
doc_to_text: prompt
doc_to_target: completion
target_delimiter: ""  # a completion begins with its own space
generation_kwargs:
  until: []  # the harness adds the eos token
  do_sample: false
  max_gen_toks: {max_new_tokens}
  repetition_penalty: 1.0  # whatever the checkpoint's generation_config.json says
process_results: !function utils.score
metric_list:
  - metric: contains
    aggregation: mean
    higher_is_better: true
  - metric: startswith
    aggregation: mean
    higher_is_better: true
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
metadata:
  version: 1.0
  source_file: {source}
  source_sha256: {sha256}
"""

UTILS = '''\
"""What the tasks of this folder call: `load_rows` and `score`. The metrics are the source of `reversal eval`'s."""

import json
import string
from pathlib import Path

import datasets


def load_rows(data_file, **_metadata):
    """The split `test`: the rows of one file beside this one. The harness also passes its metadata."""
    lines = Path(__file__).with_name(data_file).read_text(encoding="utf-8").split("\\n")
    return {"test": datasets.Dataset.from_list([json.loads(line) for line in lines if line])}


def score(doc, results):
    """Metric -> 0.0 or 1.0 for one prompt; results holds its completion."""
    return {metric.__name__: metric(results[0], doc["completion"]) for metric in (contains, startswith, exact_match)}
'''

README = """\
# The reversal curse, for lm-evaluation-harness

Written by `reversal export lm-eval`. Four tasks, and the group `reversal` of all four:

| task | subtask | prompt | answer |
| --- | --- | --- | --- |
| reversal_n2d | N2D | the name | the description |
| reversal_d2n | D2N | the description | the name |
| reversal_n2d_reverse | N2D-reverse | the description | the name, trained as name ... description |
| reversal_d2n_reverse | D2N-reverse | the name | the description, trained as description ... name |

## Run

```bash
pip install "lm-eval[hf]>=0.4.13"
```

and, in this folder,

```bash
lm_eval run --model hf --model_args pretrained=CHECKPOINT,dtype=float32 \\
  --include_path . --tasks reversal --batch_size 64 --output_path OUT --log_samples
```

where CHECKPOINT is a folder (`/path/to/results/NAME/seed-0/model` of a run with full training) or a hub id. A run with
LoRA has `/path/to/results/NAME/seed-0/adapter` on a base model:

```bash
lm_eval run --model hf --model_args pretrained=BASE,peft=ADAPTER,dtype=bfloat16 \\
  --include_path . --tasks reversal --batch_size 64 --output_path OUT --log_samples
```

Choose the dtype of `reversal eval`, which stands in the run's manifest.json under `evaluation`.

## What makes the numbers those of `reversal eval`

- The same prompts, greedily completed by at most {max_new_tokens} tokens, until eos. Leave out `--apply_chat_template`,
  `--system_instruction`, `--num_fewshot` and `--gen_kwargs`.
- bos: leave out `add_bos_token`. The harness then does what the tokenizer does, as `reversal` does. (Versions before
  October 2025 dropped the bos; `add_bos_token=True` may add one that a checkpoint without bos has never seen.)
- contains, startswith and exact_match in `utils.py` are the source of `reversal`'s. contains is the "exact match" of Lv
  et al. (2311.07468), startswith that of Berglund et al. (2309.12288).
- The checkpoint's generation_config.json: `reversal` ignores it, the harness follows it except for sampling and
  repetition_penalty, which the tasks set. Check that it holds nothing else that changes a completion, such as
  no_repeat_ngram_size, and that its eos_token_id is the tokenizer's.
- The harness cuts a prompt that leaves fewer than {max_new_tokens} tokens of the model's positions, at its beginning.
- The harness only continues text, so the numbers of a model that answers by filling a blank (GLM, and ABI on Llama) are
  not those of `reversal eval`.

## Standard errors

**The harness's stderr is too small.** It treats the prompts of a task as independent, but those about one entity are
right or wrong together, and ten prompts about one entity are not ten entities. `reversal eval` gives intervals over
entities and templates. The logged samples have what that needs: `doc.entity_id` and `doc.template_id` beside the three
scores; `doc.id` is the id of the same prompt in `predictions/<subtask>.jsonl`.
"""
