"""Language models and encoders of text of transformers."""

from __future__ import annotations

from benchmarks.zoo.from_transformers import (
    BLOCKS,
    DIMENSIONS,
    GROUPED,
    HEADS,
    HIDDEN,
    PLAIN,
    ROTARY,
    SIZE,
    SMALL,
    STREAM,
    WORDS,
    entry,
)

MARKS = {"bos_token_id": 1, "eos_token_id": 2}
GPT2 = {"vocab_size": WORDS, "n_embd": STREAM, "n_layer": BLOCKS, "n_head": HEADS, **MARKS}
ENTRIES = (
    entry("GPT-2", "GPT2LMHeadModel", {**GPT2, "n_inner": HIDDEN, "n_positions": 32}, PLAIN),
    entry("GPT-NeoX", "GPTNeoXForCausalLM", SMALL),
    entry(
        "OPT", "OPTForCausalLM", SMALL | {"ffn_dim": HIDDEN, "word_embed_proj_dim": STREAM}, PLAIN
    ),
    entry("BLOOM", "BloomForCausalLM", {**SMALL, "n_layer": BLOCKS, "n_head": HEADS}),
    entry("Falcon", "FalconForCausalLM", SMALL | {"ffn_hidden_size": HIDDEN}),
    # the output of its encoder's pooled token; the pooled units are free as well
    entry("BERT", "BertForSequenceClassification", SMALL, PLAIN + STREAM),
    entry("RoBERTa", "RobertaForSequenceClassification", SMALL, PLAIN + STREAM),
    entry("ELECTRA", "ElectraForSequenceClassification", SMALL | {"embedding_size": 24}),
    entry("ALBERT", "AlbertForSequenceClassification", SMALL | {"embedding_size": 24}),
    entry(
        "DistilBERT",
        "DistilBertForSequenceClassification",
        {"vocab_size": WORDS, "dim": STREAM, "n_layers": BLOCKS, "n_heads": HEADS}
        | {"hidden_dim": HIDDEN, "pad_token_id": 0},
        PLAIN + STREAM,
    ),
    entry("DeBERTa-v2", "DebertaV2ForSequenceClassification", SMALL),
    entry(
        "T5",
        "T5ForConditionalGeneration",
        {"vocab_size": WORDS, "d_model": STREAM, "d_kv": SIZE, "d_ff": HIDDEN}
        | {"num_layers": BLOCKS, "num_heads": HEADS, "decoder_start_token_id": 0},
        both=True,
    ),
    entry("BART", "BartForConditionalGeneration", DIMENSIONS, both=True),
    entry("Llama", "LlamaForCausalLM", GROUPED, ROTARY),
    entry("Mistral", "MistralForCausalLM", GROUPED, ROTARY),
    entry("Qwen2", "Qwen2ForCausalLM", GROUPED, ROTARY),
    entry("Qwen3", "Qwen3ForCausalLM", GROUPED, ROTARY),
    entry("Gemma", "GemmaForCausalLM", GROUPED, ROTARY),
    entry("Gemma 2", "Gemma2ForCausalLM", GROUPED, ROTARY),
    entry("Phi", "PhiForCausalLM", GROUPED),
    entry(
        "Mixtral",
        "MixtralForCausalLM",
        GROUPED | {"num_local_experts": 3, "num_experts_per_tok": 2},
        ROTARY,
    ),
    entry(
        "Mamba",
        "MambaForCausalLM",
        {"vocab_size": WORDS, "hidden_size": STREAM, "num_hidden_layers": BLOCKS}
        | {"state_size": 5, "expand": 2, "conv_kernel": 3, "time_step_rank": 6},
    ),
    entry(
        "GPT-J", "GPTJForCausalLM", {**GPT2, "n_inner": HIDDEN, "n_positions": 32, "rotary_dim": 4}
    ),
    entry(
        "CodeGen",
        "CodeGenForCausalLM",
        {**GPT2, "n_inner": HIDDEN, "n_positions": 32} | {"n_ctx": 32, "rotary_dim": 4},
    ),
    entry(
        "GPT-Neo",
        "GPTNeoForCausalLM",
        SMALL
        | {"num_layers": BLOCKS, "num_heads": HEADS}
        | {"attention_types": [[["global", "local"], 1]], "window_size": 4},
        PLAIN,
    ),
    entry("GPT-BigCode", "GPTBigCodeForCausalLM", {**GPT2, "n_inner": HIDDEN, "n_positions": 32}),
    entry(
        "MPT",
        "MptForCausalLM",
        {"vocab_size": WORDS, "d_model": STREAM, "n_layers": BLOCKS}
        | {"n_heads": HEADS, "expansion_ratio": 2, "max_seq_len": 32},
    ),
    entry("StableLM", "StableLmForCausalLM", GROUPED | {"partial_rotary_factor": 0.5}),
    entry("Starcoder2", "Starcoder2ForCausalLM", GROUPED, ROTARY),
    entry("Cohere", "CohereForCausalLM", GROUPED, ROTARY),
    entry("OLMo", "OlmoForCausalLM", GROUPED, ROTARY),
    entry("OLMo 2", "Olmo2ForCausalLM", GROUPED, ROTARY),
    entry(
        "OLMoE", "OlmoeForCausalLM", GROUPED | {"num_experts": 3, "num_experts_per_tok": 2}, ROTARY
    ),
    entry(
        "Qwen2-MoE",
        "Qwen2MoeForCausalLM",
        GROUPED
        | {
            "num_experts": 3,
            "num_experts_per_tok": 2,
            "moe_intermediate_size": 20,
            "shared_expert_intermediate_size": 24,
        },
    ),
    entry(
        "DeepSeek-V3",
        "DeepseekV3ForCausalLM",
        SMALL
        | {"n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1, "topk_group": 1}
        | {"first_k_dense_replace": 1, "moe_intermediate_size": 20, "n_shared_experts": 1}
        | {"q_lora_rank": 16, "kv_lora_rank": 12, "qk_rope_head_dim": 4}
        | {"qk_nope_head_dim": 8, "v_head_dim": 12},
    ),
    entry(
        "Jamba",
        "JambaForCausalLM",
        GROUPED
        | {"num_experts": 2, "mamba_d_state": 4, "mamba_dt_rank": 3}
        | {
            "attn_layer_period": 2,
            "attn_layer_offset": 1,
            "expert_layer_period": 2,
            "expert_layer_offset": 1,
        },
    ),
    entry("Phi-3", "Phi3ForCausalLM", GROUPED, ROTARY),
    entry("Granite", "GraniteForCausalLM", GROUPED, ROTARY),
    entry("GLM", "GlmForCausalLM", GROUPED),
    entry("Gemma 3", "Gemma3ForCausalLM", GROUPED, ROTARY),
    entry("SmolLM3", "SmolLM3ForCausalLM", GROUPED, ROTARY),
    entry("Nemotron", "NemotronForCausalLM", GROUPED),
    entry(
        "Mamba-2",
        "Mamba2ForCausalLM",
        {"vocab_size": WORDS, "hidden_size": STREAM, "num_hidden_layers": BLOCKS}
        | {
            "state_size": 5,
            "expand": 2,
            "head_dim": 12,
            "num_heads": 8,
            "n_groups": 1,
            "chunk_size": 8,
        },
    ),
    entry(
        "RWKV",
        "RwkvForCausalLM",
        {"vocab_size": WORDS, "hidden_size": STREAM, "num_hidden_layers": BLOCKS}
        | {"attention_hidden_size": STREAM, "intermediate_size": HIDDEN, "context_length": 32},
    ),
    # fixed waves mark the places of its stream
    entry(
        "XGLM",
        "XGLMForCausalLM",
        {"vocab_size": WORDS, "d_model": STREAM, "num_layers": BLOCKS}
        | {"attention_heads": HEADS, "ffn_dim": HIDDEN, "max_position_embeddings": 32},
        PLAIN - STREAM,
    ),
    entry("mBART", "MBartForConditionalGeneration", DIMENSIONS, both=True),
    entry("Pegasus", "PegasusForConditionalGeneration", DIMENSIONS, both=True),
    entry("Marian", "MarianMTModel", DIMENSIONS, both=True),
    entry("Blenderbot-small", "BlenderbotSmallForConditionalGeneration", DIMENSIONS, both=True),
    entry("DeBERTa", "DebertaForSequenceClassification", SMALL),
    entry("MPNet", "MPNetForSequenceClassification", SMALL),
    entry("XLM-R", "XLMRobertaForSequenceClassification", SMALL, PLAIN + STREAM),
    entry(
        "MobileBERT",
        "MobileBertForSequenceClassification",
        SMALL | {"embedding_size": 24, "intra_bottleneck_size": 24, "true_hidden_size": 24},
    ),
    entry(
        "SqueezeBERT", "SqueezeBertForSequenceClassification", SMALL | {"embedding_size": STREAM}
    ),
    entry("FNet", "FNetForSequenceClassification", SMALL),
    entry("Nystromformer", "NystromformerForSequenceClassification", SMALL),
    entry(
        "ModernBERT",
        "ModernBertForSequenceClassification",
        SMALL | {"cls_token_id": 1, "sep_token_id": 2},
    ),
    entry(
        "XLNet",
        "XLNetForSequenceClassification",
        {
            "vocab_size": WORDS,
            "d_model": STREAM,
            "n_layer": BLOCKS,
            "n_head": HEADS,
            "d_inner": HIDDEN,
        },
    ),
    entry("BERT, questions", "BertForQuestionAnswering", SMALL, PLAIN),
    entry("BERT, pooled", "BertModel", SMALL, PLAIN - STREAM),
    # its stream is what it puts out
    entry("CLIP text", "CLIPTextModel", SMALL, PLAIN - STREAM),
)
