// Run by test_javascript.py, which writes the script of the worker and what Python expects of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";

const given = process.env.FMLAB_WIDGETS;
if (!given) throw new Error("run these tests with: pytest tests/widgets");
const vectors = JSON.parse(readFileSync(`${given}/worker.json`, "utf8"));
const { commands, serve } = await import(pathToFileURL(`${given}/worker.mjs`));

const SITE = "https://book.example/models/micro/";
const bytesOf = (name) => readFileSync(`${vectors.folder}/${name}`);

// A site with the files of the model, or with some that fail.
function withSite(failures, run) {
  const original = globalThis.fetch;
  const asked = [];
  globalThis.fetch = async (url) => {
    asked.push(url.href);
    const name = url.pathname.split("/").at(-1);
    if (failures[name] === "offline") throw new TypeError("Failed to fetch");
    if (failures[name]) return new Response("", { status: failures[name] });
    return new Response(new Blob([bytesOf(name)]).stream());
  };
  return run(asked).finally(() => (globalThis.fetch = original));
}

async function opened() {
  const worker = commands();
  await withSite({}, () => worker.open({ folder: SITE }, () => {}));
  return worker;
}

test("a model is fetched as three files of the site, and says how far it is", async () => {
  const loaded = [];
  const facts = await withSite({}, async (asked) => {
    const result = await commands().open({ folder: SITE }, (event) => loaded.push(event.loaded));
    const names = ["config.json", "bpe.json", "model.safetensors"];
    assert.deepEqual(asked, names.map((name) => SITE + name));
    const sizes = names.map((name) => bytesOf(name).length);
    assert.equal(loaded.at(-1), sizes.reduce((a, b) => a + b));
    return result;
  });
  assert.ok(loaded.every((n, i) => i === 0 || n >= loaded[i - 1]));
  assert.deepEqual(facts, {
    nLayers: 4,
    nHeads: 4,
    contextLength: 256,
    vocabSize: 2048,
    hasChat: false,
  });
});

test("the files of a model can be handed in, as from a kernel", async () => {
  const { buffer, byteOffset, byteLength } = bytesOf("model.safetensors");
  const facts = await commands().open({
    files: {
      config: bytesOf("config.json").toString(),
      tokenizer: bytesOf("bpe.json").toString(),
      weights: buffer.slice(byteOffset, byteOffset + byteLength),
    },
  });
  assert.equal(facts.vocabSize, 2048);
});

test("a file that cannot be fetched is named, with the reason", async () => {
  const open = (failures) =>
    withSite(failures, () => commands().open({ folder: SITE }, () => {}));
  await assert.rejects(open({ "bpe.json": 404 }), /bpe\.json could not .* answered 404/);
  const offline = open({ "model.safetensors": "offline" });
  await assert.rejects(offline, /model\.safetensors could not be fetched: there is no connection/);
});

test("writing tells the prompt, then every token, and equals Python", async () => {
  const worker = await opened();
  for (const { text, settings, seed, ids } of vectors.sampled) {
    const events = [];
    const request = { prompt: text, n: ids.length, settings, seed };
    const { reason, written, spent } = await worker.write(request, (event) => events.push(event));
    const [{ tokens, nPrompt }, ...rest] = events;
    assert.equal(tokens.length, nPrompt);
    assert.equal(rest.length, written);
    assert.deepEqual(rest.map(({ token }) => token.id), ids.slice(0, written));
    assert.ok(rest.every(({ token }) => token.probability > 0 && token.probability <= 1));
    assert.equal(reason, written < ids.length ? "stop" : "length");
    assert.ok(spent > 0);
  }
});

test("a text continues where it ended, and one written in two parts is the same text", async () => {
  const worker = await opened();
  const [{ text, settings, seed }] = vectors.sampled;
  const ids = async (...counts) => {
    const found = [];
    for (const [i, n] of counts.entries())
      await worker.write({ prompt: i ? undefined : text, n, settings, seed }, ({ token }) => {
        if (token) found.push(token.id);
      });
    return found;
  };
  assert.deepEqual(await ids(5, 3), await ids(8));
});

test("stop ends the writing at once, also between two tokens", async () => {
  const worker = await opened();
  const tokens = [];
  const request = { prompt: "The", n: 200, settings: { temperature: 0 }, seed: 0, perSecond: 20 };
  const writing = worker.write(request, ({ token }) => {
    if (token && tokens.push(token) === 3) worker.stop();
  });
  assert.equal((await writing).reason, "stopped");
  assert.equal(tokens.length, 3);
});

test("a second text ends the first", async () => {
  const worker = await opened();
  const request = { prompt: "The", n: 200, settings: { temperature: 0 }, seed: 0 };
  let second;
  const first = worker.write({ ...request, perSecond: 20 }, () => {
    second ??= worker.write({ ...request, n: 2 }, () => {});
  });
  assert.equal((await first).reason, "stopped");
  assert.equal((await second).written, 2);
});

test("the speed is the one that was asked for", async () => {
  const worker = await opened();
  const start = performance.now();
  const request = { prompt: "The", n: 5, settings: { temperature: 0 }, seed: 0, perSecond: 25 };
  await worker.write(request, () => {});
  assert.ok(performance.now() - start > 190);
});

test("what is known about a place: candidates, the token there, and attention to all before", async () => {
  const worker = await opened();
  const settings = { temperature: 0.5, topK: 3 };
  await worker.write({ prompt: "The basket was", n: 4, settings, seed: 0 }, () => {});
  const look = (position) => worker.look({ position, settings, n: 6, layer: 1, head: 2 });
  const next = look(Infinity);
  assert.equal(next.chosen, undefined);
  assert.equal(next.left, 3);
  assert.equal(next.rows.length, 6);
  assert.ok(next.rows.every(({ bytes }) => bytes.length > 0));
  for (const found of [next, look(3), look(1), look(-5)]) {
    assert.equal(found.attention.length, found.position);
    const sum = found.attention.reduce((a, b) => a + b);
    assert.ok(Math.abs(sum - 1) < 1e-5);
  }
  assert.equal(look(-5).position, 1);
  assert.deepEqual(look(4).chosen.bytes.length > 0, true);
});

test("a candidate replaces the token in its place, and what followed is gone", async () => {
  const worker = await opened();
  const settings = { temperature: 0 };
  await worker.write({ prompt: "The basket was", n: 6, settings, seed: 0 }, () => {});
  const at = worker.look({ position: Infinity, settings, n: 2, layer: 0, head: 0 }).position - 4;
  const { rows } = worker.look({ position: at, settings, n: 2, layer: 0, head: 0 });
  const { position, token } = worker.put({ position: at, id: rows[1].id });
  assert.equal(position, at);
  assert.equal(token.id, rows[1].id);
  const after = worker.look({ position: Infinity, settings, n: 2, layer: 0, head: 0 });
  assert.equal(after.position, at + 1);
});

test("a full context is told, and not written beyond", async () => {
  const worker = await opened();
  const request = { prompt: " the".repeat(250), n: 40, settings: { temperature: 0 }, seed: 0 };
  const { reason, written } = await worker.write(request, () => {});
  assert.deepEqual([reason, written], ["context", 6]);
  const more = await worker.write({ ...request, prompt: undefined }, () => {});
  assert.deepEqual([more.reason, more.written], ["context", 0]);
  const found = worker.look({ position: Infinity, settings: {}, n: 3, layer: 0, head: 0 });
  assert.equal(found.rows.length, 3);
});

test("messages are answered by their number, errors as text", async () => {
  const answers = [];
  const scope = { postMessage: (message) => answers.push(message) };
  serve(scope);
  await scope.onmessage({ data: { call: 1, kind: "stop" } });
  await scope.onmessage({ data: { call: 2, kind: "open", files: { config: "{", tokenizer: "" } } });
  assert.deepEqual(answers[0], { call: 1, result: undefined });
  assert.equal(answers[1].call, 2);
  assert.equal(typeof answers[1].error, "string");
});

const assertClose = (got, expected, most) => {
  assert.equal(got.length, expected.length);
  for (const [i, value] of expected.entries())
    assert.ok(Math.abs(got[i] - value) <= most, `${i}: ${got[i]} is not ${value}`);
};

test("what follows a text and a response equals Python, and is not kept", async () => {
  const worker = await opened();
  const end = (await worker.vocabulary()).findIndex(({ name }) => name === "<|endoftext|>");
  for (const { request, ids, logits, next } of vectors.ahead) {
    const found = worker.ahead(request);
    assert.deepEqual(found.tokens.map(({ id }) => id), ids);
    assert.equal(found.nPrompt, ids.length - request.response.length);
    assertClose(found.logits, logits, 1e-4);
    const stop = next.indexOf(end);
    assert.deepEqual(found.next.map(({ id }) => id), stop < 0 ? next : next.slice(0, stop + 1));
    assertClose(worker.ahead({ ...request, n: 0 }).logits, logits, 1e-4);
  }
});

test("appending what is shown ahead gives the text that is written at once", async () => {
  const worker = await opened();
  const [{ request }] = vectors.ahead;
  const whole = worker.ahead(request).next.map(({ id }) => id);
  let response = [];
  while (response.length < whole.length) {
    const [first] = worker.ahead({ ...request, response }).next;
    response = [...response, first.id];
  }
  assert.deepEqual(response, whole);
});

test("after the end of a text nothing is shown ahead", async () => {
  const worker = await opened();
  const [{ request }] = vectors.ahead;
  const end = (await worker.vocabulary()).findIndex(({ name }) => name === "<|endoftext|>");
  const { next, reason } = worker.ahead({ ...request, response: [end] });
  assert.deepEqual([next, reason], [[], "stop"]);
});

test("the scores of every head equal Python, those the mask would hide included", async () => {
  const worker = await opened();
  for (const { text, scores } of vectors.scores) {
    const { layers, nLayers, nHeads, dHead } = worker.scores({ text, most: 64 });
    assert.deepEqual([nLayers, nHeads, dHead], [4, 4, 32]);
    layers.forEach((heads, layer) =>
      heads.forEach((found, head) => assertClose(found, scores[layer][head].flat(), 2e-4)),
    );
  }
});

test("a text that is too long for the picture is refused with its length", async () => {
  const worker = await opened();
  assert.throws(() => worker.scores({ text: " the".repeat(64), most: 64 }), /has 65 tokens.* 64/);
});
