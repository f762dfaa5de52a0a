"""A tiny random Llama, a tokenizer with a chat template, and a GGUF file of both."""

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import quantize

from fmlab.models.configs import LlamaConfig
from fmlab.models.llama import Llama
from fmlab.tokenization.chat_template import ChatTemplate
from fmlab.tokenization.gguf import DIGITS
from fmlab.tokenization.hub_format import BYTE_LEVEL, CHARACTERS, PLAIN
from fmlab.tokenization.huggingface import HubTokenizer
from fmlab.tokenization.special_tokens import END_OF_TEXT
from tests.unit.tiny import with_noise

START, END = "<|im_start|>", "<|im_end|>"
SPECIAL = [END_OF_TEXT, START, END]
MERGES = ["l o", "lo w", "Ġ low"]
TOKENS = [*SPECIAL, *CHARACTERS, *(merge.replace(" ", "") for merge in MERGES)]
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TEMPLATE = ChatTemplate(CHATML, END, START)

# All widths are multiples of 32, the length of a block of quantized weights.
CONFIG = LlamaConfig(
    len(TOKENS),
    context_length=96,
    n_layers=2,
    n_heads=4,
    n_kv_heads=2,
    d_model=32,
    d_ff=64,
    tied=True,
    rope_base=500.0,
)

# The names of tensors in GGUF files, written out here a second time.
NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "lm_head": "output",
}


def random_llama(config=CONFIG, seed=0, spread=0.2):
    """A model whose weights are all far from 0, so that every one of them matters."""
    return with_noise(Llama(config, seed), spread, seed + 1).eval()


def chat_tokenizer():
    """The tokenizer that is in the file: digits one by one, bytes, three merges, ChatML."""
    added = [{"id": i, "content": token, **PLAIN} for i, token in enumerate(SPECIAL)]
    vocab = {token: i for i, token in enumerate(TOKENS)}
    table = {
        "added_tokens": [entry | {"normalized": False} for entry in added],
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [DIGITS, BYTE_LEVEL]},
        "model": {"type": "BPE", "vocab": vocab, "merges": MERGES},
    }
    return HubTokenizer(table, TEMPLATE)


def fields_of(config):
    """The fields of a GGUF file, by name: of the model and of its tokenizer."""
    return {
        "general.architecture": "llama",
        "llama.block_count": config.n_layers,
        "llama.context_length": config.context_length,
        "llama.embedding_length": config.d_model,
        "llama.feed_forward_length": config.d_ff,
        "llama.attention.head_count": config.n_heads,
        "llama.attention.head_count_kv": config.n_kv_heads,
        "llama.attention.layer_norm_rms_epsilon": config.norm_epsilon,
        "llama.rope.freq_base": config.rope_base,
        "llama.rope.dimension_count": config.d_head,
        "llama.vocab_size": config.vocab_size,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.add_space_prefix": False,
        "tokenizer.ggml.tokens": TOKENS,
        "tokenizer.ggml.token_type": [3] * len(SPECIAL) + [1] * (len(TOKENS) - len(SPECIAL)),
        "tokenizer.ggml.merges": MERGES,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.chat_template": CHATML,
    }


def tensors_of(model):
    """The tensors of a GGUF file, by name: queries and keys in llama.cpp's order of rows."""
    tensors = {}
    for name, weight in model.state_dict().items():
        if name == "lm_head.weight" and model.config.tied:
            continue
        array = weight.numpy()
        if "q_proj" in name or "k_proj" in name:
            halves = array.reshape(-1, 2, model.config.d_head // 2, array.shape[-1])
            array = np.ascontiguousarray(halves.swapaxes(1, 2)).reshape(array.shape)
        *parents, part = name.removesuffix(".weight").split(".")
        if "layers" in parents:
            layer, inner = parents[2], ".".join([*parents[3:], part])
            name = f"blk.{layer}.{NAMES[inner]}.weight"
        else:
            name = f"{NAMES['.'.join([*parents, part])]}.weight"
        tensors[name] = np.ascontiguousarray(array)
    return tensors


def write_gguf(path, fields, tensors=None, kind="F32", names=()):
    """Write a file with the package ``gguf``; matrices, or those of ``names``, in a type."""
    writer = GGUFWriter(path, "none")
    writer.kv_data[0].clear()
    for name, value in fields.items():
        add = {bool: writer.add_bool, str: writer.add_string, int: writer.add_uint32}
        add |= {float: writer.add_float32, list: writer.add_array}
        add[type(value)](name, value)
    dtype = GGMLQuantizationType[kind]
    for name, array in (tensors or {}).items():
        chosen = name in names if names else array.ndim > 1
        if chosen and kind not in ("F32", "F16"):
            writer.add_tensor(name, quantize(array, dtype), raw_dtype=dtype)
        else:
            writer.add_tensor(name, array.astype(np.float16 if chosen and kind == "F16" else "f4"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
