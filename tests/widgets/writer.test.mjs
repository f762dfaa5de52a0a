// Run by test_javascript.py, which writes the scripts of the engine and what Python expects of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";

const given = process.env.FMLAB_WIDGETS;
if (!given) throw new Error("run these tests with: pytest tests/widgets");
const vectors = JSON.parse(readFileSync(`${given}/writer.json`, "utf8"));
const { GPT, readSafetensors, Tokenizer, Writer, penalize } = await import(
  pathToFileURL(`${given}/writer.mjs`)
);

// What rounding to 32 bits may change, compared with 64 bits: logits are up to 20, weights up to 1.
const LOGITS = 1e-5;
const WEIGHTS = 1e-6;
const PROBABILITIES = 1e-5;

const greatest = (numbers) => numbers.reduce((most, number) => Math.max(most, number), 0);
const distance = (a, b) => greatest(Array.from(a, (value, i) => Math.abs(value - b[i])));
function close(actual, expected, tolerance, message) {
  assert.equal(actual.length, expected.length, message);
  const far = distance(actual, expected);
  assert.ok(far <= tolerance, `${message}: ${far}`);
}

const json = (path) => JSON.parse(readFileSync(path, "utf8"));
function weights(folder) {
  const { buffer, byteOffset, byteLength } = readFileSync(`${folder}/model.safetensors`);
  return buffer.slice(byteOffset, byteOffset + byteLength);
}
function writerOf(folder) {
  const model = new GPT(json(`${folder}/config.json`), readSafetensors(weights(folder)));
  return new Writer(model, new Tokenizer(json(`${folder}/bpe.json`)));
}
const writers = vectors.models.map(({ folder }) => writerOf(folder));
const [micro] = writers;

function write(writer, settings, seed, n) {
  const ids = [];
  let reason;
  while (ids.length < n && !reason) {
    const next = writer.next(settings, seed);
    ids.push(next.id);
    reason = next.reason;
  }
  return { ids, reason };
}

// What Python expects of each prompt of each model, and what the page computes.
const cases = vectors.models.flatMap(({ folder, prompts }, i) =>
  prompts.map((expected) => {
    const writer = writers[i];
    const { model } = writer;
    writer.start(expected.text);
    return {
      expected,
      message: `${folder} ${expected.text.slice(0, 40)}`,
      ids: [...writer.ids],
      logits: model.logits(),
      earlier: model.logits(expected.earlier[0]),
      attention: expected.attention.map((heads, layer) =>
        heads.map((_, head) => model.attention(layer, head)),
      ),
      greedy: write(writer, { temperature: 0 }, 0, 40),
    };
  }),
);

test("there are 50 prompts of micro", () => {
  assert.equal(vectors.models[0].prompts.length, 50);
});

test("a prompt becomes the tokens that Python gives the model", () => {
  for (const { ids, expected, message } of cases) assert.deepEqual(ids, expected.ids, message);
});

test("logits equal those of Python, at the end and at an earlier position", () => {
  for (const { logits, earlier, expected, message } of cases) {
    close(logits, expected.logits, LOGITS, message);
    close(earlier, expected.earlier[1], LOGITS, message);
  }
  const far = greatest(cases.map(({ logits, expected }) => distance(logits, expected.logits)));
  console.log(`largest difference of logits: ${far}`);
});

test("attention weights of every head equal those of Python", () => {
  for (const { attention, expected, message } of cases)
    for (const [layer, heads] of attention.entries())
      for (const [head, row] of heads.entries())
        close(row, expected.attention[layer][head], WEIGHTS, `${message} ${layer} ${head}`);
});

test("greedy text equals that of Python", () => {
  for (const { greedy, expected, message } of cases) {
    assert.deepEqual(greedy.ids, expected.greedy, message);
    assert.equal(greedy.reason ?? "length", expected.reason, message);
  }
});

test("the same uniform numbers sample the same text as in Python, under all settings", () => {
  for (const { text, settings, seed, ids } of vectors.sampled) {
    micro.start(text);
    const { ids: actual } = write(micro, settings, seed, ids.length);
    const n = Math.min(actual.length, ids.length); // the page stops at the end of the document
    assert.deepEqual(actual.slice(0, n), ids.slice(0, n), `${text} ${JSON.stringify(settings)}`);
    assert.ok(n === ids.length || ids[n - 1] === micro.tokenizer.end);
  }
});

test("candidates are the most likely tokens, with the probabilities of Python", () => {
  const { text, settings, new: news, rows } = vectors.candidates;
  micro.start(text);
  for (const id of news) micro.put(id);
  for (const [i, [before, after]] of rows.entries()) {
    const { rows: found, chosen, left } = micro.candidates(micro.nPrompt + i, settings, 8);
    assert.equal(found.length, 8);
    close(found.map((row) => row.before), found.map(({ id }) => before[id]), PROBABILITIES, `${i}`);
    close(found.map((row) => row.after), found.map(({ id }) => after[id]), PROBABILITIES, `${i}`);
    const largest = [...after].sort((a, b) => b - a).slice(0, 8);
    close(found.map((row) => row.after), largest, PROBABILITIES, `${i}`);
    assert.equal(left, after.filter((p) => p > 0).length);
    assert.equal(chosen?.id, news[i]);
  }
});

test("looking at earlier positions does not change what comes next", () => {
  const { text, greedy } = vectors.models[0].prompts[8];
  micro.start(text);
  const ids = [];
  for (const expected of greedy) {
    micro.candidates(2, { temperature: 0.5 }, 5);
    micro.model.attention(0, 0, 1);
    ids.push(micro.next({ temperature: 0 }, 0).id);
    assert.equal(ids.at(-1), expected);
  }
});

test("another token can be put in the place of one, and the rest is written again", () => {
  const { text, greedy } = vectors.models[0].prompts[8];
  micro.start(text);
  write(micro, { temperature: 1 }, 5, 20);
  micro.cut(micro.nPrompt + 3);
  assert.equal(micro.ids.length, micro.nPrompt + 3);
  micro.cut(micro.nPrompt);
  assert.deepEqual(write(micro, { temperature: 0 }, 0, 40).ids, greedy);
  micro.cut(0); // the prompt stays
  assert.equal(micro.ids.length, micro.nPrompt);
});

test("what two prompts have in common is not read twice, and changes nothing", () => {
  for (const i of [20, 21, 20, 0, 20]) {
    const { text, ids, logits } = vectors.models[0].prompts[i];
    micro.start(text);
    assert.deepEqual(micro.ids, ids);
    assert.equal(micro.model.length, ids.length);
    close(micro.model.logits(), logits, LOGITS, text);
  }
});

test("one token more than the context has room for is written, as in Python", () => {
  const { text, ids, reason } = vectors.full;
  micro.start(text);
  assert.deepEqual(write(micro, { temperature: 0 }, 0, 40), { ids, reason });
  assert.equal(reason, "context");
});

test("a prompt that is longer than the context is an error that says so", () => {
  assert.throws(() => micro.start(" the".repeat(256)), /257 tokens, but .* context is 256/);
});

test("what looks like a special token in a prompt is read as text", () => {
  const ids = micro.tokenizer.encode("<|endoftext|>");
  assert.ok(ids.length > 1 && !ids.includes(micro.tokenizer.end));
});

test("probabilities of a text multiply to that of its greedy tokens at least", () => {
  micro.start("Velique could not find the basket.");
  write(micro, { temperature: 0 }, 0, 5);
  for (let i = micro.nPrompt; i < micro.ids.length; i++) {
    const { rows, chosen } = micro.candidates(i, {}, 1);
    assert.equal(rows[0].id, micro.ids[i]);
    assert.ok(Math.abs(chosen.before - micro.probability(i)) < 1e-12);
  }
  assert.equal(micro.probability(0), 1);
});

test("penalties that are off change nothing", () => {
  assert.deepEqual([...penalize([1, -2, 3], [0], [1, 2])], [1, -2, 3]);
  const all = { repetition: 2, frequency: 0.5, presence: 0.25 };
  assert.deepEqual([...penalize([1, -2, 3], [0], [1, 1], all)], [0.5, -5.25, 3]);
});

test("a damaged file of weights is an error", () => {
  const [{ folder }] = vectors.models;
  const file = weights(folder);
  const config = json(`${folder}/config.json`);
  assert.throws(() => readSafetensors(file.slice(0, file.byteLength - 2)), /damaged/);
  assert.throws(() => readSafetensors(new ArrayBuffer(8)), Error);
  assert.throws(() => new GPT({ ...config, n_embd: 64 }, readSafetensors(file)), /no h.0.ln_1.weight of shape 64/);
  const tokenizer = json(`${folder}/bpe.json`);
  assert.throws(() => new Tokenizer({ ...tokenizer, pattern: "x" }), /unknown way/);
});

// The goal is 100 tokens per second. Time of this process, as the machine may do other work.
test("a token of micro takes a few milliseconds", () => {
  micro.start("The");
  const settings = { temperature: 0.8, topP: 0.95, repetition: 1.1 };
  const start = process.cpuUsage();
  for (let i = 0; i < 100; i++) micro.next(settings, i);
  const { user, system } = process.cpuUsage(start);
  const milliseconds = (user + system) / 1000 / 100;
  console.log(`ms per token: ${milliseconds.toFixed(2)}`);
  assert.ok(milliseconds < 10, `${milliseconds}`);
});
