"""The server over HTTP: a real socket, the `openai` client, and clients that misbehave."""

import asyncio
import concurrent.futures
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx
import numpy as np
import openai
import pytest
import uvicorn

from fmlab.data.dialogues import prompt_ids, response_text
from fmlab.generation import generate
from fmlab.generation.server.app import MAX_BYTES, TimedStream, make_app
from fmlab.generation.server.collecting import Collector
from fmlab.generation.server.errors import ApiError
from fmlab.generation.server.requests import CompletionRequest
from fmlab.generation.server.service import Service
from fmlab.models import load
from tools.processes import free_port

MODEL, CHAT = "nano", "micro-sft"
SECONDS = 20  # no test takes so long unless something hangs


@pytest.fixture(scope="module")
def service():
    return Service([MODEL, CHAT], max_rows=8, max_waiting=500, patience=600.0)


@pytest.fixture(scope="module")
def address(service):
    config = uvicorn.Config(make_app(service, timeout=600), port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture(scope="module")
def client(address):
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as made:
        yield made


@pytest.fixture(scope="module")
def nano():
    return load(MODEL)


def complete(client, prompt="The ", **options):
    return client.completions.create(model=MODEL, prompt=prompt, **options)


def chat(client, question="Where does Ada live?", **options):
    messages = [{"role": "user", "content": question}]
    return client.chat.completions.create(model=CHAT, messages=messages, **options)


# --- what the openai client gets ------------------------------------------------------------------


def test_the_models_are_listed(client):
    assert [model.id for model in client.models.list()] == [MODEL, CHAT]


def test_a_completion_is_what_generate_gives(client, nano):
    model, tokenizer = nano
    ids = [tokenizer.special_tokens["<|endoftext|>"], *tokenizer.encode("The tea was")]
    rows = generate(model, ids, 12, temperature=0)
    answer = complete(client, "The tea was", max_tokens=12, temperature=0)
    assert answer.choices[0].text == tokenizer.decode(rows.ids[0])
    assert answer.choices[0].finish_reason == "length"
    usage = answer.usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (len(ids), 12)
    assert usage.total_tokens == len(ids) + 12
    by_ids = complete(client, ids, max_tokens=12, temperature=0)
    assert by_ids.choices[0].text == answer.choices[0].text


def test_a_chat_is_what_respond_gives(client):
    model, tokenizer = load(CHAT)
    end = tokenizer.special_tokens["<|endoftext|>"]
    ids = prompt_ids(tokenizer, "Where does Ada live?")
    rows = generate(model, ids, 200, temperature=0, stop=[end])
    answer = chat(client, temperature=0)
    assert answer.choices[0].message.content == response_text(tokenizer, rows.ids[0])
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("ask", [complete, chat])
def test_a_seed_makes_it_repeatable_and_other_seeds_differ(client, ask):
    def text(seed):
        choice = ask(client, seed=seed, max_tokens=20, temperature=1.5).choices[0]
        return choice.text if ask is complete else choice.message.content

    assert text(1) == text(1)
    assert len({text(seed) for seed in range(5)}) > 1


def test_several_prompts_and_several_choices_come_in_order(client):
    answer = complete(client, ["The ", "Ada "], n=3, seed=0, max_tokens=4)
    assert [choice.index for choice in answer.choices] == list(range(6))
    alone = complete(client, "The ", n=3, seed=0, max_tokens=4)
    assert [c.text for c in answer.choices[:3]] == [c.text for c in alone.choices]
    assert answer.usage.completion_tokens == 24


@pytest.mark.parametrize("n", [1, 3])
def test_a_stream_adds_up_to_the_whole(client, n):
    options = dict(n=n, seed=3, max_tokens=25, temperature=1.2)
    whole = complete(client, **options)
    texts, reasons = [""] * n, [None] * n
    usage = None
    for chunk in complete(client, stream=True, stream_options={"include_usage": True}, **options):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            texts[choice.index] += choice.text
            reasons[choice.index] = choice.finish_reason or reasons[choice.index]
    assert texts == [choice.text for choice in whole.choices]
    assert reasons == [choice.finish_reason for choice in whole.choices]
    assert usage == whole.usage


def test_a_chat_stream_begins_with_the_role_and_ends_with_a_reason(client):
    whole = chat(client, temperature=0).choices[0].message.content
    chunks = list(chat(client, temperature=0, stream=True))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole
    assert len({chunk.id for chunk in chunks}) == 1


def test_the_text_ends_before_a_stop_sequence(client):
    whole = complete(client, max_tokens=30, temperature=0).choices[0].text
    stop = whole[8:11]
    answer = complete(client, max_tokens=30, temperature=0, stop=[stop, "never"]).choices[0]
    assert answer.text == whole[: whole.index(stop)]
    assert answer.finish_reason == "stop"
    parts = complete(client, max_tokens=30, temperature=0, stop=stop, stream=True)
    assert "".join(part.choices[0].text for part in parts) == answer.text


def test_logprobs_are_the_models(client, nano):
    model, tokenizer = nano
    ids = [tokenizer.special_tokens["<|endoftext|>"], *tokenizer.encode("The ")]
    rows = generate(model, ids, 6, temperature=0)
    made = complete(client, "The ", max_tokens=6, temperature=0, logprobs=3).choices[0].logprobs
    np.testing.assert_allclose(made.token_logprobs, rows.logprobs[0], atol=1e-5)
    assert made.tokens == [tokenizer.decode([i], "replace") for i in rows.ids[0]]
    assert [max(top.values()) for top in made.top_logprobs] == made.token_logprobs
    assert {len(top) for top in made.top_logprobs} <= {2, 3}  # two tokens may look the same
    assert made.text_offset[:2] == [0, len(made.tokens[0])]
    content = chat(client, temperature=0, logprobs=True, top_logprobs=2).choices[0].logprobs.content
    assert all(entry.token == entry.top_logprobs[0].token for entry in content)
    assert all(bytes(entry.bytes).decode() == entry.token for entry in content)


def test_penalties_and_bias_reach_the_logits(client, nano):
    _, tokenizer = nano
    free = complete(client, max_tokens=8, temperature=0).choices[0].text
    first = tokenizer.encode(free)[0]
    banned = complete(client, max_tokens=8, temperature=0, logit_bias={str(first): -100})
    assert banned.choices[0].text != free
    long = dict(max_tokens=60, temperature=0)
    plain = complete(client, **long).choices[0].text.split()
    varied = complete(client, frequency_penalty=2, presence_penalty=2, **long)
    assert len(set(varied.choices[0].text.split())) > len(set(plain))


def test_a_full_context_ends_with_length(client):
    answer = complete(client, "a " * 100, max_tokens=100_000, temperature=0)
    assert answer.choices[0].finish_reason in ("length", "stop")
    assert answer.usage.total_tokens <= 257


# --- wrong requests -------------------------------------------------------------------------------

WRONG = {
    "an unknown model": (dict(model="gpt-9"), 404, "there is no model 'gpt-9'"),
    "no prompt": (dict(prompt=None), 400, "prompt"),
    "an empty list": (dict(prompt=[]), 400, "prompt"),
    "a negative temperature": (dict(temperature=-1), 400, "temperature"),
    "a temperature that is text": (dict(temperature="hot"), 400, "temperature"),
    "top_p of 0": (dict(top_p=0), 400, "top_p"),
    "a fraction of a token": (dict(max_tokens=1.5), 400, "max_tokens"),
    "no tokens": (dict(max_tokens=0), 400, "max_tokens"),
    "true for a number": (dict(n=True), 400, "n"),
    "a hundred choices": (dict(n=100), 400, "n"),
    "more rows than a batch": (dict(n=16), 400, "n must be at most 8"),
    "an empty stop": (dict(stop=""), 400, "stop"),
    "five stops": (dict(stop=list("abcde")), 400, "stop"),
    "a token that there is not": (dict(prompt=[5, 10**9]), 400, "prompt must be token ids"),
    "a prompt beyond the context": (dict(prompt="word " * 3000), 400, "prompt must be at most"),
    "a special token in the text": (dict(prompt="<|endoftext|>"), 400, "prompt"),
    "a bias for a number without end": (dict(logit_bias={"1" * 5000: 1}), 400, "logit_bias"),
    "a bias for no token": (dict(logit_bias={"x": 1}), 400, "logit_bias"),
    "what it does not support": (dict(best_of=2), 400, "best_of is not supported"),
}


def test_a_seed_may_be_negative(client):
    texts = [complete(client, seed=-1, max_tokens=9).choices[0].text for _ in range(2)]
    assert texts[0] == texts[1]


def test_the_offsets_of_a_stream_go_through_its_text(client):
    options = dict(max_tokens=8, temperature=0, logprobs=0)
    whole = complete(client, **options).choices[0].logprobs.text_offset
    parts = [part.choices[0].logprobs for part in complete(client, stream=True, **options)]
    assert [at for part in parts for at in part.text_offset] == whole
    assert whole[-1] > 0


def test_half_a_character_is_text_like_any_other(address):
    answer = post(address, {"model": MODEL, "prompt": "\ud800", "max_tokens": 2})
    assert answer.json()["usage"]["completion_tokens"] == 2


def post(address, fields, path="completions", **options):
    raw = json.dumps(fields)  # in ASCII: httpx itself cannot send a lone surrogate
    return httpx.post(f"{address}/v1/{path}", content=raw, timeout=60, **options)


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("stream", [False, True])
def test_a_wrong_field_is_named_in_the_apis_own_format(address, name, stream):
    changes, status, message = WRONG[name]
    fields = {"model": MODEL, "prompt": "The", "stream": stream} | changes
    answer = post(address, fields)
    if name == "a special token in the text" and answer.status_code == 200:
        pytest.skip("the tokenizer reads it as text")
    assert answer.status_code == status
    error = answer.json()["error"]
    assert message in error["message"]
    assert error["type"] == "invalid_request_error"
    assert len(error["message"]) < 400


def test_fields_that_need_another_one_say_so(address):
    dialogue = {"model": CHAT, "messages": [{"role": "user", "content": "a"}], "top_logprobs": 2}
    plain = {"model": MODEL, "prompt": "a", "stream_options": {"include_usage": True}}
    for path, fields, message in (
        ("chat/completions", dialogue, "top_logprobs needs logprobs: true"),
        ("completions", plain, "stream_options needs stream: true"),
    ):
        error = post(address, fields, path).json()["error"]
        assert error["message"] == message
        assert error["param"] == message.partition(" ")[0]


@pytest.mark.parametrize(
    "messages",
    [
        [],
        "hi",
        [{"role": "robot", "content": "x"}],
        [{"role": "user"}],
        [{"role": "user", "content": 3}],
    ],
)
def test_wrong_messages_are_named(address, messages):
    answer = post(address, {"model": CHAT, "messages": messages}, "chat/completions")
    assert answer.status_code == 400
    assert "messages" in answer.json()["error"]["message"]


def test_a_model_without_chat_says_so(client):
    with pytest.raises(openai.BadRequestError, match="no chat format"):
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x"}])


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 100_000, b"NaN"])
def test_a_body_that_is_no_json_object_is_a_client_error(address, raw):
    answer = httpx.post(f"{address}/v1/completions", content=raw)
    assert answer.status_code == 400
    assert "the body must be" in answer.json()["error"]["message"]


def test_ten_megabytes_are_refused(address):
    answer = post(address, {"model": MODEL, "prompt": "a" * 10_000_000})
    assert answer.status_code == 413
    assert f"{MAX_BYTES:,} bytes" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "completions", 405), ("GET", "x", 404)]
)
def test_other_routes_and_methods_answer_in_json(address, method, path, status):
    answer = httpx.request(method, f"{address}/v1/{path}")
    assert answer.status_code == status
    assert answer.json()["error"]["type"] == "invalid_request_error"


# --- load, and clients that misbehave -------------------------------------------------------------


def test_two_hundred_clients_at_once_are_all_accounted_for(client):
    def ask(seed):
        return complete(client, max_tokens=5, seed=seed, temperature=1.0).choices[0].text

    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        texts = list(pool.map(ask, range(200)))
    assert len(texts) == 200
    assert texts[:3] == [ask(seed) for seed in range(3)]


def metric(address, line):
    text = httpx.get(f"{address}/metrics").text
    found = [row for row in text.splitlines() if row.startswith(line + " ")]
    return float(found[0].rpartition(" ")[2]) if found else 0.0


def eventually(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_frees_its_place(address, service, stream):
    left = f'fmlab_disconnects_total{{model="{MODEL}"}}'
    tokens = f'fmlab_new_tokens_total{{model="{MODEL}"}}'
    before = metric(address, left), metric(address, tokens)
    port = int(address.rpartition(":")[2])
    fields = {"model": MODEL, "prompt": "a", "max_tokens": 250, "n": 8, "stream": stream}
    end = service[MODEL].tokenizer.special_tokens["<|endoftext|>"]
    fields["logit_bias"] = {str(end): -100}  # never <|endoftext|>: it would take all 250 tokens
    body = json.dumps(fields).encode()
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            head = (
                f"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            connection.sendall(head.encode() + body)
            time.sleep(0.05)
    eventually(lambda: metric(address, left) == before[0] + 3)
    assert metric(address, tokens) - before[1] < 3 * 8 * 250
    scheduler = service[MODEL].scheduler
    eventually(lambda: scheduler.n_running == scheduler.n_waiting == 0)
    assert post(address, {"model": MODEL, "prompt": "a", "max_tokens": 2}).status_code == 200


def test_a_stream_ends_although_its_client_does_not_read(service):
    closed = asyncio.Event()

    async def events():
        try:
            while True:
                yield "data: x\n\n"
        finally:
            closed.set()

    async def send(message):
        if message.get("body"):
            await asyncio.sleep(SECONDS)  # the client's buffers are full

    async def run():
        await TimedStream(events(), 0.05).stream_response(send)
        assert closed.is_set()

    asyncio.run(asyncio.wait_for(run(), SECONDS / 2))


def test_a_request_that_takes_too_long_gets_an_error(service):
    body = CompletionRequest(model=MODEL, prompt="a", max_tokens=200)

    async def run():
        collector = Collector(service[MODEL], body, timeout=0.0)
        try:
            await collector.whole()
        finally:
            collector.cancel()

    with pytest.raises(ApiError, match="took more than 0 seconds") as error:
        asyncio.run(run())
    assert error.value.status == 504


def test_a_client_that_hangs_keeps_nobody_waiting(address):
    port = int(address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(
            b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{"
        )
        assert post(address, {"model": MODEL, "prompt": "a", "max_tokens": 2}).status_code == 200


def test_the_metrics_count_what_happened(address, client):
    tokens = f'fmlab_new_tokens_total{{model="{MODEL}"}}'
    requests = f'fmlab_requests_total{{model="{MODEL}",status="200"}}'
    before = metric(address, tokens), metric(address, requests)
    complete(client, max_tokens=7, temperature=0)
    list(complete(client, max_tokens=7, temperature=0, stream=True))
    # A stream is counted after its last byte.
    eventually(lambda: metric(address, requests) == before[1] + 2)
    assert metric(address, tokens) == before[0] + 14


def test_the_command_serves_and_ends_its_streams_when_it_is_told_to_stop():
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "fmlab.generation.server",
        "--model",
        MODEL,
        "--port",
        str(port),
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as process:
        try:
            lines = [process.stdout.readline() for _ in range(2)]
            assert f"serving on http://127.0.0.1:{port}/v1" in lines[1]
            fields = {
                "model": MODEL,
                "prompt": "The ",
                "max_tokens": 200,
                "stream": True,
                "seed": 0,
            }
            address, events = f"http://127.0.0.1:{port}", []
            wait_for(f"{address}/health")
            with httpx.stream("POST", f"{address}/v1/completions", json=fields) as answer:
                for line in answer.iter_lines():
                    if not events:
                        process.send_signal(signal.SIGTERM)
                    events.append(line)
            assert "data: [DONE]" in events
            assert process.wait(30) in (0, -signal.SIGTERM)
        finally:
            process.kill()


def wait_for(address):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            return httpx.get(address)
        except httpx.ConnectError:
            time.sleep(0.05)
    raise AssertionError("the server never answered")


def test_an_unknown_model_ends_the_command_with_a_sentence(capsys):
    from fmlab.generation.server.__main__ import main

    with pytest.raises(SystemExit):
        main(["--model", "small-reward"])
    assert "gives scores" in capsys.readouterr().err
