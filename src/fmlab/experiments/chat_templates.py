"""What a real model replies in its own chat template, in others, and in none.

SmolLM2 answers 48 short questions greedily, with up to 32 new tokens. Only the text around the
question differs. A reply ends by itself if the model writes one of its two special tokens for an
end, or the text that ends a turn in the template that was used. It is right if it contains the
answer. So a reply has two properties, and each of the four combinations has a rate.

Llama's templates have no system message here, so SmolLM2's is tried without its own, too. Three
controls: all tokens of the template in random order; other special tokens in place of its markers;
its markers typed as text.

    python -m fmlab.experiments chat_templates    # a minute or two; writes chat_templates.json
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import torch

from fmlab import models
from fmlab.arguments import Ids
from fmlab.data.dialogues import prompt_ids
from fmlab.generation.decoding import generate
from fmlab.models.language_model import LanguageModel
from fmlab.models.pretrained import SMOLLM2, SMOLLM2_FILE, SMOLLM2_SHA256
from fmlab.tokenization.huggingface import HubTokenizer
from fmlab.tokenization.special_tokens import end_of_response, end_of_text

NEW_TOKENS = 32
N_LIVE = 8  # questions that the chapter asks again

# A question, and the answers that count: each is a whole word, or several.
QUESTIONS = {
    "What is the capital of France?": ["Paris"],
    "What is the capital of Japan?": ["Tokyo"],
    "What is the capital of Italy?": ["Rome"],
    "What is the capital of Spain?": ["Madrid"],
    "What is the capital of Germany?": ["Berlin"],
    "What is the capital of Egypt?": ["Cairo"],
    "What is the capital of Russia?": ["Moscow"],
    "What is the capital of Greece?": ["Athens"],
    "What is the capital of China?": ["Beijing"],
    "What is the capital of Canada?": ["Ottawa"],
    "What is the capital of Portugal?": ["Lisbon"],
    "What is the capital of Norway?": ["Oslo"],
    "Who wrote Romeo and Juliet?": ["Shakespeare"],
    "Who wrote Pride and Prejudice?": ["Austen"],
    "Who painted the Mona Lisa?": ["Leonardo", "da Vinci"],
    "Who was the first president of the United States?": ["Washington"],
    "Who was the first person to walk on the Moon?": ["Armstrong"],
    "Who developed the theory of relativity?": ["Einstein"],
    "Who discovered penicillin?": ["Fleming"],
    "Who wrote Hamlet?": ["Shakespeare"],
    "Who wrote War and Peace?": ["Tolstoy"],
    "Who wrote The Origin of Species?": ["Darwin"],
    "What is the largest planet in the solar system?": ["Jupiter"],
    "Which planet is closest to the Sun?": ["Mercury"],
    "Which planet is known as the Red Planet?": ["Mars"],
    "What is the largest ocean on Earth?": ["Pacific"],
    "What is the highest mountain in the world?": ["Everest"],
    "What is the chemical symbol for gold?": ["Au"],
    "What is the chemical symbol for iron?": ["Fe"],
    "What is the chemical formula of water?": ["H2O", "H₂O"],
    "Which gas do plants take in from the air?": ["carbon dioxide", "CO2", "CO₂"],
    "Which organ pumps blood through the body?": ["heart"],
    "What is the hardest natural mineral?": ["diamond", "diamonds"],
    "What is the largest animal on Earth?": ["blue whale"],
    "What is the fastest land animal?": ["cheetah"],
    "What do bees make?": ["honey"],
    "How many days are in a week?": ["seven", "7"],
    "How many months are in a year?": ["twelve", "12"],
    "How many legs does a spider have?": ["eight", "8"],
    "How many sides does a triangle have?": ["three", "3"],
    "How many continents are there?": ["seven", "7"],
    "What color is a ripe banana?": ["yellow"],
    "What is the opposite of hot?": ["cold"],
    "What is frozen water called?": ["ice"],
    "What language is spoken in Brazil?": ["Portuguese"],
    "What is the currency of Japan?": ["yen"],
    "In which country is the Eiffel Tower?": ["France"],
    "On which continent is Kenya?": ["Africa"],
}

LLAMA_2 = "[INST] {} [/INST]"
LLAMA_3 = (
    "<|start_header_id|>user<|end_header_id|>\n\n{}<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n"
)
ENDS = ("<|eot_id|>", "</s>", "<|im_end|>")  # as text; the model's own are tokens
OWN, LLAMA = LIVE = "its own template", "Llama 3's, as text"  # the chapter repeats these two

Form = Callable[[HubTokenizer, str], Ids]


def without_system(tokenizer: HubTokenizer, question: str) -> Ids:
    """Return the prompt in SmolLM2's template, without the system message."""
    ids = prompt_ids(tokenizer, question)
    return ids[ids.index(end_of_response(tokenizer)) + 2 :]  # its end, and a line break


def shuffled(tokenizer: HubTokenizer, question: str) -> Ids:
    """Return the same prompt with all tokens around the question in random order.

    As many of them are before the question as in the template. Each question has its own order.
    """
    ids, words = prompt_ids(tokenizer, question), tokenizer.encode(question)
    start = next(i for i in range(len(ids)) if ids[i : i + len(words)] == words)
    around = ids[:start] + ids[start + len(words) :]
    np.random.default_rng(list(question.encode())).shuffle(around)
    return [*around[:start], *words, *around[start:]]


def other_tokens(tokenizer: HubTokenizer, question: str) -> Ids:
    """Return the prompt with two special tokens that mean something else as the markers."""
    special = tokenizer.special_tokens
    pairs = {"<|im_start|>": "<repo_name>", "<|im_end|>": "<filename>"}
    swap = {special[a]: special[b] for a, b in pairs.items()}
    return [swap.get(i, i) for i in prompt_ids(tokenizer, question)]


def as_text(pattern: str) -> Form:
    """Return a form that writes the question into a text, after the token that starts one."""

    def form(tokenizer: HubTokenizer, question: str) -> Ids:
        return [end_of_text(tokenizer), *tokenizer.encode(pattern.format(question))]

    return form


def typed(tokenizer: HubTokenizer, question: str) -> Ids:
    """Return SmolLM2's template with its markers as text, as if a user had typed them."""
    text = tokenizer.decode(prompt_ids(tokenizer, question))
    pieces = re.split(r"(?<=<)(?=\|im)", text)  # no piece contains a marker
    return [end_of_text(tokenizer), *(i for piece in pieces for i in tokenizer.encode(piece))]


FORMS: dict[str, Form] = {
    OWN: prompt_ids,
    "no system message": without_system,
    LLAMA: as_text(LLAMA_3),
    "Llama 2's, as text": as_text(LLAMA_2),
    "the question alone": as_text("{}"),
    "Question: ... Answer:": as_text("Question: {}\nAnswer:"),
    "its own, shuffled": shuffled,
    "other special tokens": other_tokens,
    "typed as text": typed,
}


def replies(
    model: LanguageModel, tokenizer: HubTokenizer, form: Form, questions: Sequence[str]
) -> list[dict]:
    """Return, for each question, the reply and whether the model ended it by itself."""
    rows = [form(tokenizer, question) for question in questions]
    ends = [end_of_text(tokenizer), end_of_response(tokenizer)]
    results = generate(model, rows, NEW_TOKENS, temperature=0, stop=ends)
    texts = [tokenizer.decode([i for i in ids if i not in ends]) for ids in results.ids]
    cut = [re.split("|".join(map(re.escape, ENDS)), text)[0] for text in texts]
    stops = [reason == "stop" or a != b for reason, a, b in zip(results.finish_reasons, cut, texts)]
    return [dict(reply=text.strip(), ends=end) for text, end in zip(cut, stops)]


def is_right(reply: str, answers: Sequence[str]) -> bool:
    """Return whether a reply contains one of the answers, as whole words.

    >>> is_right("It is Au.", ["Au"]), is_right("Australia", ["Au"])
    (True, False)
    """
    pattern = "|".join(map(re.escape, answers))
    return re.search(rf"(?<!\w)(?:{pattern})(?!\w)", reply, re.IGNORECASE) is not None


def measure(
    model: LanguageModel, tokenizer: HubTokenizer, form: Form, questions: Sequence[str]
) -> list[dict]:
    """Return the replies, with whether each is right."""
    rows = replies(model, tokenizer, form, questions)
    return [
        row | dict(right=is_right(row["reply"], QUESTIONS[q])) for q, row in zip(questions, rows)
    ]


def ask_again(model: LanguageModel, tokenizer: HubTokenizer, name: str) -> list[bool]:
    """Return whether the replies to the first questions are right, in the form of this name."""
    rows = measure(model, tokenizer, FORMS[name], list(QUESTIONS)[:N_LIVE])
    return [row["right"] for row in rows]


def run() -> dict:
    """Ask all questions in all forms."""
    torch.set_num_threads(1)
    model, tokenizer = models.load(SMOLLM2)
    forms = {}
    for name, form in FORMS.items():
        forms[name] = measure(model, tokenizer, form, list(QUESTIONS))
        counts = [sum(row[key] for row in forms[name]) for key in ("right", "ends")]
        print(f"{name:22} right {counts[0]}, ends {counts[1]} of {len(QUESTIONS)}", flush=True)
    return {"model": {"file": SMOLLM2_FILE, "sha256": SMOLLM2_SHA256}, "forms": forms}
