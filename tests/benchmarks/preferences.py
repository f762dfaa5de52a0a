"""DPO against trl's DPOTrainer: the same model, the same comparisons, the same number of steps."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace

from torch import Tensor

from fmlab.alignment.dpo import dpo, measured
from fmlab.data.dialogues import Dialogues, encode_comparisons
from fmlab.models.gpt import GPT
from fmlab.models.logprobs import evaluate_response_logprobs
from fmlab.models.pretrained import add_chat_tokens, load
from fmlab.recipes.pretrain import LADDER
from fmlab.scaling.costs import count_parameters
from fmlab.tokenization.special_tokens import END_OF_TEXT
from fmlab.tokenization.tokenizers import BPETokenizer
from microworld import MicroWorld
from tests.benchmarks.bench import progress, race, row

PACKAGES = ["torch", "transformers", "trl"]
BETA, BATCH_SIZE, STEPS = 0.1, 16, 8


def rows(rounds: int, quick: bool = False) -> Iterator[dict]:
    for precomputed in (False, True):
        yield row_of(rounds, 1 if quick else STEPS, precomputed)


def row_of(rounds: int, steps: int, precomputed: bool) -> dict:
    """Return one row; ours includes tokenization and the reference, of theirs, neither is timed."""
    pairs = MicroWorld().comparisons(steps * BATCH_SIZE)
    _, tokenizer = add_chat_tokens(*load("micro"))
    config = replace(LADDER["micro"].config, vocab_size=tokenizer.vocab_size)
    policy, reference = GPT(config), GPT(config, seed=1)
    name = f"{count_parameters(config) / 1e6:.1f}M parameters, {BATCH_SIZE} comparisons each"
    progress(f"DPO steps of {name}")
    data = encode_comparisons(policy, tokenizer, pairs)
    options = dict(per_device_train_batch_size=BATCH_SIZE, max_steps=steps)
    options["precompute_ref_log_probs"] = precomputed
    theirs = trl_trainer(policy, reference, tokenizer, data, **options)
    logprobs = evaluate_response_logprobs(reference, data)
    losses = measured(policy, data, logprobs, BETA)[0].item(), trl_loss(theirs, data).item()
    if abs(losses[0] - losses[1]) > 1e-4:
        raise RuntimeError(f"the two have different losses, {losses}: times are not comparable")

    def work() -> None:
        options = dict(n_steps=steps, batch_size=BATCH_SIZE, progress=False)
        dpo(GPT(config), reference, tokenizer, pairs, BETA, **options)

    seconds = race(rounds, fmlab=lambda: work, peer=lambda: theirs.train)
    peer = "trl's DPOTrainer" + (", the reference's part known beforehand" if precomputed else "")
    work_done = f"{steps} DPO steps, {name}, float32"
    return row(work_done, peer, seconds["fmlab"], seconds["peer"], target=1 if precomputed else 2)


def trl_trainer(
    policy: GPT, reference: GPT, tokenizer: BPETokenizer, data: Dialogues, **options: object
) -> object:
    """Return a DPOTrainer for copies of two models and the pairs of rows of ``data``, offline.

    It needs texts: each token becomes a word, its number.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"
    from datasets import Dataset
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast
    from trl import DPOConfig, DPOTrainer

    end = tokenizer.special_tokens[END_OF_TEXT]
    vocab = {END_OF_TEXT if i == end else str(i): i for i in range(tokenizer.vocab_size)}
    words = Tokenizer(models.WordLevel(vocab, unk_token=END_OF_TEXT))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    theirs = PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token=END_OF_TEXT, pad_token=END_OF_TEXT
    )

    def text(ids: Sequence[int]) -> str:
        return "".join(f" {END_OF_TEXT if i == end else i}" for i in ids)

    examples = [
        {name: text(ids) for name, ids in zip(("prompt", "chosen", "rejected"), parts)}
        for parts in _pairs(data)
    ]
    folder = tempfile.mkdtemp()
    settings = dict(
        output_dir=folder,
        beta=BETA,
        bf16=False,
        use_cpu=True,
        gradient_checkpointing=False,  # which saves memory and costs time
        max_length=None,
        learning_rate=3e-4,
        report_to="none",
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    return DPOTrainer(
        model=policy.to_huggingface(),
        ref_model=reference.to_huggingface(),
        args=DPOConfig(**(settings | options)),
        train_dataset=Dataset.from_list(examples),
        processing_class=theirs,
    )


def trl_loss(trainer: object, data: Dialogues) -> Tensor:
    """Return the trainer's loss of the pairs of rows of ``data``."""
    names = ("prompt_ids", "chosen_ids", "rejected_ids")
    examples = [dict(zip(names, parts)) for parts in _pairs(data)]
    inputs = trainer.data_collator(examples)
    if trainer.precompute_ref_logps:
        logprobs = trainer.compute_ref_log_probs(trainer.ref_model, inputs)
        inputs |= dict(zip(("ref_chosen_logps", "ref_rejected_logps"), logprobs))
    return trainer.compute_loss(trainer.model, inputs)


def _pairs(data: Dialogues) -> Iterator[tuple[list[int], list[int], list[int]]]:
    """Yield prompt, chosen and rejected of each pair of rows, as tokens."""
    lengths = (data.last + 1).tolist()
    for i in range(0, len(data), 2):
        start = int(data.is_response[i].int().argmax())
        chosen, rejected = (data.ids[row, : lengths[row]].tolist() for row in (i, i + 1))
        yield chosen[:start], chosen[start:], rejected[start:]
