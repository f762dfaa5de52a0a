"""A chat in the page whose answers can be rated: the model runs there, clicks stay there."""

from __future__ import annotations

import html

from fmlab.arguments import require
from fmlab.widgets.playground import MODELS, Playground, _still_text

FILES = ("engine.js", "feedback_chat.js", "feedback_chat.css")
QUESTION = "Where was Bessava Varinatta born?"


class FeedbackChat(Playground, files=FILES):
    """Ask a model of the book in the page, and click whether each answer helped.

    Every answer and every click is one line of JSON, as in the file of a `ChatPanel`. The browser
    keeps the lines, and a button saves them as a file. Nothing is sent anywhere.

    ``name`` is a model that answers questions and comes with the book, ``prompt`` the question that
    the field shows first. Errors: ``ValueError`` as for a `Playground`, and for a base model.

    >>> FeedbackChat().name
    'micro-sft'
    """

    def __init__(
        self,
        name: str = "micro-sft",
        prompt: str = QUESTION,
        title: str = "A chat with feedback",
    ) -> None:
        answering = [model for model, does in MODELS.items() if does.startswith("answers")]
        require(name in answering, "name", f"one of {', '.join(answering)}", name)
        super().__init__([name], prompt=prompt, examples=[], title=title)

    def _still(self) -> str:
        answer, _ = _still_text(self.name, self.prompt)
        return (
            f"<figure><p>You: {html.escape(self.prompt)}</p>"
            f"<p>{self.name}: {html.escape(answer.strip())}</p><figcaption>With JavaScript, "
            "you ask your own questions here, and click whether the answers helped."
            "</figcaption></figure>"
        )
