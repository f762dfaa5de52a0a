"""Chat templates: how the messages of a dialogue become the text that a model was trained on.

A model that chats comes with a small program, in the template language Jinja, that writes role
markers around each message. ChatML, the most common form, is::

    <|im_start|>user
    Where does Ada live?<|im_end|>
    <|im_start|>assistant

A template can do more. SmolLM2's, for one, adds a system message if there is none. The book's own
models have a fixed format instead: ``fmlab.data.dialogues``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from fmlab.arguments import require

if TYPE_CHECKING:
    from jinja2 import Template

Messages = Sequence[Mapping[str, str]]  # each with "role" and "content"


@dataclass(frozen=True)
class ChatTemplate:
    """A Jinja template, the special token that ends a message, and the one that starts a text.

    It comes from a file that others wrote, so it runs in Jinja's sandbox, as in ``transformers``.

    >>> line = "{% for m in messages %}{{ m.role }}: {{ m.content }}<end>{% endfor %}"
    >>> ChatTemplate(line, end="<end>").render([{"role": "user", "content": "Hi"}])
    'user: Hi<end>'
    """

    source: str = field(repr=False)
    end: str
    start: str = ""

    def render(self, messages: Messages, add_generation_prompt: bool = True) -> str:
        """Return the text of a dialogue, up to where the model's response begins.

        Without ``add_generation_prompt``, it ends after the last message.
        Errors: ``ValueError`` for messages that are none, or that the template rejects.
        """
        from jinja2 import TemplateError

        check_messages(messages)
        variables = dict(messages=messages, add_generation_prompt=add_generation_prompt)
        variables |= dict(bos_token=self.start, eos_token=self.end)
        try:
            return _compiled(self.source).render(variables)
        except TemplateError as error:
            raise ValueError(f"the chat template failed: {error}") from error


@lru_cache(maxsize=16)
def _compiled(source: str) -> Template:
    """Return a template as a program, in a sandbox: it comes with a file of someone else."""
    from jinja2 import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = raise_exception
    return environment.from_string(source)


def check_messages(messages: object) -> None:
    """Raise ValueError unless messages are a sequence of {"role": ..., "content": ...}."""
    allowed = 'a list of {"role": ..., "content": ...}, at least one'
    is_list = isinstance(messages, Sequence) and not isinstance(messages, str)
    require(is_list and len(messages) > 0, "messages", allowed, messages)
    for message in messages:
        valid = isinstance(message, Mapping) and {"role", "content"} <= message.keys()
        valid = valid and all(isinstance(message[key], str) for key in ("role", "content"))
        require(valid, "messages", allowed, message)
