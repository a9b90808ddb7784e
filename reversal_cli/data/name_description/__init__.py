"""The generator of the name-description benchmark: offline, no language model, the same bytes for the same options."""

from reversal_cli.data.name_description.generator import (
    GENERATOR_VERSION,
    Options,
    corpus_texts,
    generate,
    write_corpus,
)

__all__ = ["GENERATOR_VERSION", "Options", "corpus_texts", "generate", "write_corpus"]
