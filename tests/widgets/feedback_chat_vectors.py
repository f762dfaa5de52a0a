"""What Python expects of the log of the chat with feedback: the lines of a `ChatPanel`."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from fmlab.widgets import ChatPanel
from fmlab.widgets import FeedbackChat as Widget


def vectors():
    with TemporaryDirectory() as folder:
        panel = ChatPanel(str.upper, Path(folder) / "log.jsonl", version=Widget().name)
        panel.ask('Who plays the "tuba"? µ 😀')
        panel.up.click()
        panel.ask("And who does not?")
        panel.down.click()
        text = panel.path.read_text(encoding="utf-8")
    return {"lines": [json.loads(line) for line in text.splitlines()]}
