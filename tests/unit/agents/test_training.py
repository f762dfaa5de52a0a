"""Transcripts as training data: what the agent writes counts, what it reads does not."""

from fmlab.agents import demonstrations, finetune_agent
from fmlab.agents.questions import Task
from fmlab.agents.training import encode_transcripts
from fmlab.models import load
from fmlab.tokenization import END_OF_TEXT
from microworld import MicroWorld

TASK = Task("Which river?", "Ada", "x > y", ("home of Ada", "river of B"), ("B", "the Winnow"))


def test_only_the_lines_of_the_agent_are_learned():
    _, tokenizer = load("nano")
    data = encode_transcripts(tokenizer, [TASK])
    written = tokenizer.decode(data.ids[0][data.is_response[0]].tolist())
    assert written == "Look up: home of Ada\nLook up: river of B\nAnswer: the Winnow\n"
    whole = tokenizer.decode(data.ids[0].tolist())
    assert whole == END_OF_TEXT + "".join(text for text, _ in TASK.lines)


def test_a_line_is_encoded_as_in_the_whole_transcript():
    _, tokenizer = load("micro")
    for task in demonstrations(MicroWorld())[::97]:
        data = encode_transcripts(tokenizer, [task])
        whole = "".join(text for text, _ in task.lines)
        assert data.ids[0].tolist()[1:] == tokenizer.encode(whole)


def test_a_few_steps_lower_the_loss():
    model, tokenizer = load("nano")
    run = finetune_agent(model, tokenizer, [TASK] * 32, n_epochs=4, batch_size=8)
    assert run.losses[-1] < run.losses[0] / 2
    assert run.n_tokens > 0
