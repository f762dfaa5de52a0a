"""A tokenizer of bytes and a tiny model that chat, for the tests of finetuning."""

from dataclasses import dataclass

from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT
from fmlab.tokenization.special_tokens import ASSISTANT, END_OF_TEXT, USER
from fmlab.tokenization.tokenizers import BPETokenizer
from tests.unit.tiny import changed, weights_of, with_noise

__all__ = ["COMPARISONS", "CONFIG", "TOKENIZER", "Pair", "changed", "tiny_model", "weights_of"]

TOKENIZER = BPETokenizer(special_tokens=[END_OF_TEXT, USER, ASSISTANT])
CONFIG = GPTConfig(TOKENIZER.vocab_size, context_length=48, n_layers=1, n_heads=2, d_model=16)


@dataclass(frozen=True)
class Pair:
    prompt: str
    chosen: str
    rejected: str


COMPARISONS = [
    Pair("a?", "yes", "certainly not"),
    Pair("tell me b", "b", "I do not know"),
    Pair("c", "see", "x"),
    Pair("what", "that is it", "oh"),
    Pair("hm", "well", "no"),
]


def tiny_model(seed=0, spread=0.3):
    """Random weights, wide enough that responses differ and end."""
    return with_noise(GPT(CONFIG, seed), spread, seed + 1).eval()
