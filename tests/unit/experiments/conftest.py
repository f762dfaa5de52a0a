"""A small exam and a tiny random model, shared by the tests of experiments."""

from itertools import islice

import pytest

from fmlab.experiments.questions import Exam, Size
from fmlab.models.configs import GPTConfig
from fmlab.models.gpt import GPT
from fmlab.tokenization.special_tokens import END_OF_TEXT
from fmlab.tokenization.tokenizers import BPETokenizer
from microworld import MicroWorld


@pytest.fixture(scope="session")
def exam():
    size = Size(n_questions=20, n_texts=3, n_names=2, n_documents=1500)
    return Exam(MicroWorld(n_people=300), size)


@pytest.fixture(scope="session")
def tokenizer():
    texts = islice(MicroWorld(n_people=100).documents(300), 300)
    return BPETokenizer.train(texts, 600, special_tokens=[END_OF_TEXT])


@pytest.fixture(scope="session")
def model(tokenizer):
    return GPT(GPTConfig(tokenizer.vocab_size, 512, n_layers=1, n_heads=1, d_model=4)).eval()
