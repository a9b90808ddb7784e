"""Benchmarks: the generator, the reader of the published folder layout, and the audit."""

DATASETS: dict[str, str] = {
    "name_description": "generated: invented names with descriptions; offline, any size, one seed",
    "folder": "a folder in the layout published by Berglund et al. (2309.12288): its own files or generated ones",
}
"""Dataset kind -> one line for `reversal list`. Texts only, so that listing imports nothing heavy."""
