"""Model architectures and weights: GPT-2, Llama, attention in NumPy, pictures with text."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "configs": ["GPTConfig", "LlamaConfig", "PUBLISHED"],
        "attention": [
            "AttentionWeights",
            "causal_mask",
            "merge_heads",
            "multi_head_attention",
            "scaled_dot_product_attention",
            "split_heads",
        ],
        "language_model": ["LanguageModel"],
        "gpt": ["GPT"],
        "llama": ["Llama"],
        "gguf_blocks": ["dequantize"],
        "kv_cache": ["KVCache"],
        "lora": ["add_lora", "corrections", "merge_lora"],
        "losses": ["linear_cross_entropy"],
        "inference": ["inference"],
        "logprobs": [
            "evaluate_response_logprobs",
            "response_logprobs",
            "response_token_logprobs",
            "sequence_logprob",
            "token_logprobs",
        ],
        "mixture": ["ExpertMLP", "MixtureGPT"],
        "quantization": ["Quantized", "quantize", "quantize_model"],
        "masked_lm": ["MaskedModel", "mask_tokens"],
        "ngram": ["NGramModel"],
        "recurrent": ["EncoderDecoder"],
        "clip": ["ImageTextConfig", "ImageTextModel", "contrastive_loss"],
        "pretrained": [
            "POST_TRAINED",
            "REWARD",
            "SHIPPED",
            "add_chat_tokens",
            "card",
            "load",
            "next_tokens",
            "verified",
        ],
    },
)
