"""The GLM of Du et al. (2022, arXiv 2103.10360): glm-roberta-large, glm-2b, glm-10b.

A pre-LayerNorm transformer with learned positions in two rows: where a token stands in the text with blanks, and where
it stands in its blank. What may attend to what is only in the attention mask: a text that is read in both directions,
followed by its blanks, which are written from left to right. Names of modules are those of the published weights.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import Cache, DynamicCache, PreTrainedConfig, PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import CausalLMOutputWithPast

from reversal_cli.models.cpu_attention import attend

LAYER_NORM_EPS = 1e-5


class GlmAbiConfig(PreTrainedConfig):
    """The fields of a published config.json that decide the network. Defaults are those of its configuration class.

    The model type is our own: "glm", which the published files say, is GLM-4's in transformers.
    """

    model_type = "glm_abi"

    def __init__(
        self,
        num_layers: int = 24,
        vocab_size: int = 30592,
        hidden_size: int = 1024,
        num_attention_heads: int = 16,
        max_sequence_length: int = 512,
        embedding_dropout_prob: float = 0.1,
        attention_dropout_prob: float = 0.1,
        output_dropout_prob: float = 0.1,
        initializer_range: float = 0.02,
        gelu: str = "tanh",
        **kwargs: Any,
    ):
        """gelu: "tanh" (how the published weights were trained) or "erf" (what the hub's modelling code computes).

        max_sequence_length: the largest position; the tables have one row more.
        """
        if gelu not in ("tanh", "erf"):
            raise ValueError(f"gelu is {gelu!r}; expected 'tanh' or 'erf'")
        sizes = (num_layers, vocab_size, hidden_size, num_attention_heads, max_sequence_length)
        if not all(isinstance(size, int) and size > 0 for size in sizes) or hidden_size % num_attention_heads:
            raise ValueError(
                "a size is not a whole number above 0, or hidden_size is not a multiple of num_attention_heads"
            )
        rates = (embedding_dropout_prob, attention_dropout_prob, output_dropout_prob)
        if not all(isinstance(rate, int | float) and 0 <= rate < 1 for rate in (*rates, initializer_range)):
            raise ValueError("a dropout probability or initializer_range is not a number from 0 to 1")
        self.num_layers = num_layers
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_attention_heads = num_attention_heads
        self.max_sequence_length = max_sequence_length
        self.embedding_dropout_prob = embedding_dropout_prob
        self.attention_dropout_prob = attention_dropout_prob
        self.output_dropout_prob = output_dropout_prob
        self.initializer_range = initializer_range
        self.gelu = gelu
        super().__init__(**{**kwargs, "tie_word_embeddings": True})

    @property
    def num_hidden_layers(self) -> int:
        """What transformers' cache asks for."""
        return self.num_layers


class ResidualLinear(nn.Linear):
    """A linear layer whose output is added to the residual stream: its new weights are drawn smaller."""


class GlmAttention(nn.Module):
    def __init__(self, config: GlmAbiConfig, layer: int):
        super().__init__()
        self.layer = layer
        self.heads = config.num_attention_heads
        self.dropout = config.attention_dropout_prob
        self.query_key_value = nn.Linear(config.hidden_size, 3 * config.hidden_size)
        self.dense = ResidualLinear(config.hidden_size, config.hidden_size)

    def forward(self, hidden: Tensor, attention_mask: Tensor, cache: Cache | None) -> Tensor:
        """hidden: [b, s, h * d]; attention_mask: bool [b, 1, s, keys]. Returns [b, s, h * d]."""
        batch, length, width = hidden.shape
        # Three whole blocks (all queries, all keys, all values), not interleaved by head as in later GLMs.
        blocks = self.query_key_value(hidden).chunk(3, dim=-1)
        query, key, value = (
            block.view(batch, length, self.heads, width // self.heads).transpose(1, 2) for block in blocks
        )  # [b, h, s, d]
        if cache is not None:
            key, value = cache.update(key, value, self.layer)  # [b, h, keys, d]
        dropout = self.dropout if self.training else 0.0
        mixed = attend(query, key, value, attn_mask=attention_mask, dropout_p=dropout)
        return self.dense(mixed.transpose(1, 2).reshape(batch, length, width))


class GlmMlp(nn.Module):
    def __init__(self, config: GlmAbiConfig):
        super().__init__()
        self.approximate = "tanh" if config.gelu == "tanh" else "none"
        self.dense_h_to_4h = nn.Linear(config.hidden_size, 4 * config.hidden_size)
        self.dense_4h_to_h = ResidualLinear(4 * config.hidden_size, config.hidden_size)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.dense_4h_to_h(nn.functional.gelu(self.dense_h_to_4h(hidden), approximate=self.approximate))


class GlmLayer(GradientCheckpointingLayer):
    def __init__(self, config: GlmAbiConfig, layer: int):
        super().__init__()
        self.input_layernorm = nn.LayerNorm(config.hidden_size, eps=LAYER_NORM_EPS)
        self.attention = GlmAttention(config, layer)
        self.post_attention_layernorm = nn.LayerNorm(config.hidden_size, eps=LAYER_NORM_EPS)
        self.mlp = GlmMlp(config)
        self.dropout = nn.Dropout(config.output_dropout_prob)

    def forward(self, hidden: Tensor, attention_mask: Tensor, cache: Cache | None = None) -> Tensor:
        hidden = hidden + self.dropout(self.attention(self.input_layernorm(hidden), attention_mask, cache))
        return hidden + self.dropout(self.mlp(self.post_attention_layernorm(hidden)))


class GlmStack(nn.Module):
    def __init__(self, config: GlmAbiConfig):
        super().__init__()
        rows = config.max_sequence_length + 1
        self.position_embeddings = nn.Embedding(rows, config.hidden_size)
        self.block_position_embeddings = nn.Embedding(rows, config.hidden_size)
        self.embedding_dropout = nn.Dropout(config.embedding_dropout_prob)
        self.layers = nn.ModuleList([GlmLayer(config, layer) for layer in range(config.num_layers)])
        self.final_layernorm = nn.LayerNorm(config.hidden_size, eps=LAYER_NORM_EPS)

    def forward(self, words: Tensor, position_ids: Tensor, attention_mask: Tensor, cache: Cache | None) -> Tensor:
        """words: [b, s, hidden_size]; position_ids: int64 [b, 2, s]. Returns the final hidden states."""
        positions, block_positions = position_ids.unbind(dim=1)  # each [b, s]
        hidden = words + self.position_embeddings(positions) + self.block_position_embeddings(block_positions)
        hidden = self.embedding_dropout(hidden)
        for layer in self.layers:
            hidden = layer(hidden, attention_mask, cache=cache)
        return self.final_layernorm(hidden)


class GlmAbiModel(PreTrainedModel):
    """GLM with its output layer, whose weights are those of the word embeddings."""

    config_class = GlmAbiConfig
    base_model_prefix = "glm"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _no_split_modules = ("GlmLayer",)
    _tied_weights_keys = {"lm_head.weight": "word_embeddings.weight"}  # noqa: RUF012 (transformers' convention)

    def __init__(self, config: GlmAbiConfig):
        super().__init__(config)
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.transformer = GlmStack(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool = False,
        logits_to_keep: int = 0,
        **_: Any,
    ) -> CausalLMOutputWithPast:
        """Logits [b, s, v] of the token after each position (labels are never shifted here).

        input_ids: int64 [b, s]. attention_mask: bool or 0/1, nonzero = may attend. [b, 1, s, keys] is used as it is;
        [b, keys] hides keys of causal attention (the hub's code would read that as bidirectional); None is causal.
        position_ids: int64 [b, 2, s]; [b, s] or None (0, 1, ...) mean a text without blanks, whose second row is 0.
        With a cache, keys are the cached tokens followed by these. logits_to_keep: of the last tokens; 0: of all.
        """
        batch, length = input_ids.shape
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache()
        past = 0 if past_key_values is None else past_key_values.get_seq_length()
        if position_ids is None:
            position_ids = torch.arange(past, past + length, device=input_ids.device).expand(batch, length)
        if position_ids.ndim == 2:
            position_ids = torch.stack([position_ids, torch.zeros_like(position_ids)], dim=1)  # [b, 2, s]
        if attention_mask is None or attention_mask.ndim == 2:
            attention_mask = causal_mask(attention_mask, length, past, input_ids.device)
        words = self.word_embeddings(input_ids)
        hidden = self.transformer(words, position_ids, attention_mask.bool(), past_key_values)
        hidden = hidden[:, -logits_to_keep:]  # -0 is 0: all of them
        return CausalLMOutputWithPast(logits=self.lm_head(hidden), past_key_values=past_key_values)

    def get_input_embeddings(self) -> nn.Embedding:
        return self.word_embeddings

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.word_embeddings = value

    def get_output_embeddings(self) -> nn.Linear:
        return self.lm_head

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """N(0, initializer_range); what adds to the residual stream is scaled by 1 / sqrt(2 * layers), as in GLM's own
        training."""
        std = self.config.initializer_range
        if isinstance(module, ResidualLinear):
            std /= (2 * self.config.num_layers) ** 0.5
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=std)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
        if isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)


def causal_mask(keys: Tensor | None, length: int, past: int, device: torch.device) -> Tensor:
    """bool [b or 1, 1, length, past + length]: each query may attend itself and what is before it, minus hidden keys.

    A query always sees itself: attention to nothing has no value, and what padding computes is never used.
    """
    before = torch.ones(length, past + length, dtype=torch.bool, device=device).tril(past)
    if keys is None:
        return before[None, None]
    itself = torch.ones_like(before).triu(past) & before
    return (before & keys.bool()[:, None, :] | itself)[:, None]
