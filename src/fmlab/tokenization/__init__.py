"""Text to token ids and back: byte-pair encoding, simpler tokenizers, and those of real models."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "bpe": ["apply_merges", "learn_merges"],
        "pretokenization": ["DIGITS_SPLIT", "GPT2_SPLIT", "GPT4_SPLIT", "count_words"],
        "textbook": ["textbook_bpe"],
        "tokenizers": ["BPETokenizer"],
        "lookup": ["CharTokenizer", "WordTokenizer"],
        "special_tokens": ["ASSISTANT", "END_OF_TEXT", "USER", "end_of_response", "end_of_text"],
        "chat_template": ["ChatTemplate"],
        "huggingface": ["HubTokenizer", "from_huggingface"],
        "gguf": ["from_gguf", "smollm2_file", "smollm2_tokenizer"],
        "gguf_format": ["GGUFFile", "GGUFTensor", "read_gguf"],
        "tiktoken_ranks": ["RankTokenizer", "gpt4_tokenizer"],
    },
)
