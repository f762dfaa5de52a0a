"""A chat panel for a notebook: ask, read the answer, click whether it helped.

Every answer and every click is one line of a JSON Lines file, with the time and the version of the
prompt. Unlike the other widgets, the panel needs a kernel: a model has to answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import ipywidgets

from fmlab.arguments import require

UP, DOWN = "up", "down"
HEIGHT = "13em"


class ChatPanel(ipywidgets.VBox):
    """A text field, the dialogue so far, and two buttons for feedback on the last answer.

    ``answer`` takes a question and returns a text. ``path`` is the file of records; lines are added
    to it. ``version`` is recorded with each line, so that feedback can be counted per version.
    """

    def __init__(self, answer: Callable[[str], str], path: str | Path, version: str = "1") -> None:
        require(callable(answer), "answer", "a function of a question", answer)
        self.answer, self.path, self.version = answer, Path(path), version
        self.n_answers = 0
        self._open = False  # whether the last answer still waits for feedback
        self.field = ipywidgets.Text(placeholder="Ask a question", description="You")
        self.send = ipywidgets.Button(description="Send", tooltip="Send the question")
        self.dialogue = ipywidgets.Output(layout={"height": HEIGHT, "overflow": "auto"})
        self.up = ipywidgets.Button(description="Helpful", icon="thumbs-up", disabled=True)
        self.down = ipywidgets.Button(description="Not helpful", icon="thumbs-down", disabled=True)
        self.send.on_click(lambda _: self.ask(self.field.value))
        self.up.on_click(lambda _: self._rate(UP))
        self.down.on_click(lambda _: self._rate(DOWN))
        rows = ipywidgets.HBox([self.field, self.send]), ipywidgets.HBox([self.up, self.down])
        super().__init__([rows[0], self.dialogue, rows[1]])

    def ask(self, question: str) -> str:
        """Send a question, as the button does; show, record and return the answer.

        Errors: ``ValueError`` for an empty question.
        """
        require(bool(question.strip()), "question", "a text that is not empty", question)
        text = self.answer(question)
        self.n_answers += 1
        self.dialogue.append_stdout(f"You: {question}\nModel: {text}\n")
        self._record({"event": "answer", "question": question, "answer": text})
        self.field.value = ""
        self._wait_for_feedback(True)
        return text

    @property
    def records(self) -> list[dict]:
        """All lines of the file."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]

    def _rate(self, rating: str) -> None:
        if self._open:  # a second click, or one before the first answer, counts for nothing
            self._wait_for_feedback(False)
            self._record({"event": "feedback", "rating": rating})

    def _wait_for_feedback(self, wait: bool) -> None:
        self._open = wait
        self.up.disabled = self.down.disabled = not wait

    def _record(self, facts: dict) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"time": now, "version": self.version, "number": self.n_answers} | facts
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
