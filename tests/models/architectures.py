"""Small random models of many architectures: what each objective is expected to say to them."""

from typing import Any, NamedTuple

import torch
import transformers
from checkpoints import byte_tokenizer

ENCODER = "reads what stands after a token"
NO_ROTARY = "has no rotary positions"
NO_MIRROR = "no plain rotary attention"
NO_CAUSAL_CLASS = "expected a causal language model of transformers"

SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
}
GROUPED = {**SIZES, "num_key_value_heads": 2}
LATENT = {
    **SIZES,
    "num_key_value_heads": 4,
    "q_lora_rank": 4,
    "kv_lora_rank": 4,
    "qk_rope_head_dim": 2,
    "qk_nope_head_dim": 2,
    "v_head_dim": 4,
    "first_k_dense_replace": 1,
    "n_routed_experts": 2,
    "num_experts_per_tok": 1,
    "n_group": 1,
    "topk_group": 1,
    "moe_intermediate_size": 16,
}
GPT = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 128}
LAYERS_ALONE = {"hidden_size": 32, "num_hidden_layers": 2}
BLOOM = {"hidden_size": 32, "n_layer": 2, "n_head": 4}
LAYERS = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
LLAMA4 = {**GROUPED, "head_dim": 8, "num_local_experts": 2, "intermediate_size_mlp": 48}
GEMMA = {**GROUPED, "head_dim": 8, "query_pre_attn_scalar": 8}


class Architecture(NamedTuple):
    """Classes of transformers by the beginning of their names, and what each objective is answered."""

    prefix: str
    head: str
    options: dict[str, Any]
    ntp: str | None = None
    """None: it works; else words of the refusal."""
    abi: str | None = None
    bico: str | None = None

    def save(self, folder: str) -> str:
        """Writes a random checkpoint; the folder."""
        torch.manual_seed(0)
        tokenizer = byte_tokenizer(bos=True)
        ids = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "vocab_size": len(tokenizer) + 5}
        config_class = getattr(transformers, f"{self.prefix}Config")
        model_class = getattr(transformers, self.head)
        model_class(config_class(**ids, **self.options)).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return str(folder)


WITHOUT_ROTARY = {"abi": NO_ROTARY, "bico": NO_ROTARY}
NEVER = {"ntp": ENCODER, "abi": ENCODER, "bico": ENCODER}
ARCHITECTURES = {
    "bert": Architecture("Bert", "BertLMHeadModel", SIZES, **NEVER),
    "bert-decoder": Architecture("Bert", "BertLMHeadModel", {**SIZES, "is_decoder": True}, **WITHOUT_ROTARY),
    "roberta": Architecture("Roberta", "RobertaForCausalLM", SIZES, **NEVER),
    "t5": Architecture(
        "T5",
        "T5ForConditionalGeneration",
        {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4},
        *[NO_CAUSAL_CLASS] * 3,
    ),
    "rwkv": Architecture(
        "Rwkv", "RwkvForCausalLM", {"hidden_size": 32, "num_hidden_layers": 2}, *["reads padding"] * 3
    ),
    "gpt2": Architecture("GPT2", "GPT2LMHeadModel", GPT, **WITHOUT_ROTARY),
    "gpt-neo": Architecture(
        "GPTNeo",
        "GPTNeoForCausalLM",
        {
            "hidden_size": 32,
            "num_layers": 2,
            "num_heads": 4,
            "attention_types": [[["global", "local"], 1]],
            "max_position_embeddings": 128,
        },
        **WITHOUT_ROTARY,
    ),
    "opt": Architecture("OPT", "OPTForCausalLM", {**SIZES, "ffn_dim": 48, "word_embed_proj_dim": 32}, **WITHOUT_ROTARY),
    "xglm": Architecture(
        "XGLM",
        "XGLMForCausalLM",
        {"d_model": 32, "ffn_dim": 48, "num_layers": 2, "attention_heads": 4, "max_position_embeddings": 128},
        **WITHOUT_ROTARY,
    ),
    "bloom": Architecture("Bloom", "BloomForCausalLM", BLOOM, **WITHOUT_ROTARY),
    "mpt": Architecture("Mpt", "MptForCausalLM", {"d_model": 32, "n_layers": 2, "n_heads": 4}, **WITHOUT_ROTARY),
    "mamba": Architecture("Mamba", "MambaForCausalLM", {**LAYERS, "state_size": 4}, **WITHOUT_ROTARY),
    "falcon-alibi": Architecture("Falcon", "FalconForCausalLM", {**LAYERS, "alibi": True}, **WITHOUT_ROTARY),
    "falcon": Architecture("Falcon", "FalconForCausalLM", LAYERS, bico=NO_MIRROR),
    "gptj": Architecture("GPTJ", "GPTJForCausalLM", {**GPT, "rotary_dim": 4}, bico=NO_MIRROR),
    "deepseek-v3": Architecture("DeepseekV3", "DeepseekV3ForCausalLM", LATENT, bico=NO_MIRROR),
    "gemma2": Architecture("Gemma2", "Gemma2ForCausalLM", GEMMA, abi="its attention is 'eager'", bico="soft-capping"),
    "llama4": Architecture("Llama4Text", "Llama4ForCausalLM", LLAMA4, bico=NO_MIRROR),
    "gpt-neox": Architecture("GPTNeoX", "GPTNeoXForCausalLM", {**SIZES, "rotary_pct": 0.5}),
    "phi": Architecture("Phi", "PhiForCausalLM", SIZES),
    "phi3": Architecture("Phi3", "Phi3ForCausalLM", {**GROUPED, "partial_rotary_factor": 0.5}),
    "stablelm": Architecture("StableLm", "StableLmForCausalLM", {**SIZES, "num_key_value_heads": 4}),
    "persimmon": Architecture("Persimmon", "PersimmonForCausalLM", SIZES),
    "mixtral": Architecture("Mixtral", "MixtralForCausalLM", {**GROUPED, "num_local_experts": 2}),
    "gemma3": Architecture("Gemma3Text", "Gemma3ForCausalLM", GEMMA),
    "qwen3": Architecture("Qwen3", "Qwen3ForCausalLM", {**GROUPED, "head_dim": 8}),
    "olmo2": Architecture("Olmo2", "Olmo2ForCausalLM", GROUPED),
    "cohere": Architecture("Cohere", "CohereForCausalLM", GROUPED),
    "cohere2-one-layer-without-positions": Architecture(
        "Cohere2", "Cohere2ForCausalLM", {**GROUPED, "layer_types": ["sliding_attention", "full_attention"]}
    ),
    "smollm3-one-layer-without-positions": Architecture(
        "SmolLM3", "SmolLM3ForCausalLM", {**GROUPED, "no_rope_layers": [1, 0]}
    ),
}
