"""Special tokens: ids that no text encodes to. They mark where a document ends and who speaks."""

from __future__ import annotations

from typing import Protocol

from fmlab.arguments import require

END_OF_TEXT = "<|endoftext|>"  # before every document, and after every response
USER, ASSISTANT = "<|user|>", "<|assistant|>"


class HasSpecialTokens(Protocol):
    """A tokenizer that knows special tokens."""

    special_tokens: dict[str, int]


def end_of_response(tokenizer: HasSpecialTokens) -> int:
    """Return the id of the token that ends a response: END_OF_TEXT, or the chat template's.

    Errors: ``ValueError`` for a tokenizer without it.
    """
    template = getattr(tokenizer, "chat_template", None)
    if template is None:
        return end_of_text(tokenizer)
    special = tokenizer.special_tokens
    require(template.end in special, "tokenizer", f"one with {template.end!r}", list(special))
    return special[template.end]


def end_of_text(tokenizer: HasSpecialTokens) -> int:
    """Return the id of END_OF_TEXT. Errors: ``ValueError`` for a tokenizer without it."""
    special = getattr(tokenizer, "special_tokens", {})
    require(END_OF_TEXT in special, "tokenizer", f"one with {END_OF_TEXT}", list(special))
    return special[END_OF_TEXT]
