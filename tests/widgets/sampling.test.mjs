// Run by test_javascript.py, which writes the widget's script and what Python expects of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";

const given = process.env.FMLAB_WIDGETS;
if (!given) throw new Error("run these tests with: pytest tests/widgets");
const vectors = JSON.parse(readFileSync(`${given}/sampling.json`, "utf8"));
const {
  cumulative,
  default: widget,
  distance,
  draw,
  entropy,
  expectedDistance,
  percent,
  prepared,
  rank,
  readLogits,
  readVocabulary,
  restrict,
  softmax,
  topKStops,
  typedNumber,
  uniform,
  unpackRows,
  unpackTokens,
  unzip,
  vocabularyTokens,
} = await import(pathToFileURL(`${given}/sampling.mjs`));

const CLOSE = 1e-6;
function close(actual, expected, message) {
  assert.equal(actual.length, expected.length, message);
  for (const [i, value] of expected.entries())
    assert.ok(
      Math.abs(actual[i] - value) <= CLOSE,
      `${message}: ${actual[i]} for ${value} at ${i}`,
    );
}
const ascending = (ids) => Array.from(ids).sort((a, b) => a - b);
const describe = ({ logits }, settings = {}) =>
  `${JSON.stringify(logits.slice(0, 12))} ${JSON.stringify(settings)}`;

// Each row of logits under each of its settings, as JavaScript restricts it.
function* cases() {
  for (const row of vectors.rows)
    for (const expected of row.cases) {
      const actual = restrict(row.logits, expected.settings);
      yield { row, expected, actual, message: describe(row, expected.settings) };
    }
}

test("softmax equals that of Python at any temperature", () => {
  for (const row of vectors.rows)
    for (const [temperature, probs] of row.softmax)
      close(softmax(row.logits, temperature), probs, describe(row, { temperature }));
});

test("the order is from the most likely id on, ties to the lower id", () => {
  for (const { logits, order } of vectors.rows) assert.deepEqual([...rank(logits)], order);
  assert.deepEqual([...rank([1, 3, 1, 3, 2])], [1, 3, 4, 0, 2]);
});

test("cumulative sums equal those of Python", () => {
  for (const row of vectors.rows)
    close(cumulative(softmax(row.logits), row.order), row.sums, describe(row));
});

test("after every step exactly the tokens are left that Python leaves", () => {
  for (const { expected, actual, message } of cases())
    for (const [i, { left }] of actual.steps.entries()) {
      const ids = ascending(actual.order.subarray(0, left));
      assert.deepEqual(ids, expected.kept[i], `${message}, step ${i}`);
    }
});

test("after every step the mass left is what it is in Python", () => {
  for (const { expected, actual, message } of cases())
    close(actual.steps.map(({ mass }) => mass), expected.masses, message);
});

test("the distribution to sample from equals that of Python", () => {
  for (const { expected, actual, message } of cases()) {
    const [kept] = expected.kept.slice(-1);
    close(kept.map((id) => actual.probs[id]), expected.probs, message);
    const others = actual.probs.filter((p, id) => p > 0 && !kept.includes(id));
    assert.equal(others.length, 0, message);
  }
});

test("entropy equals that of Python, and is 0, not -0, for a certain outcome", () => {
  for (const { expected, actual, message } of cases())
    close([entropy(actual.probs)], [expected.entropy], message);
  assert.ok(Object.is(entropy(Float64Array.of(0, 1)), 0));
});

test("the same uniform numbers draw the same tokens as in Python", () => {
  for (const { expected, actual, message } of cases())
    assert.deepEqual(draw(actual.probs, expected.uniforms), expected.draws, message);
});

test("a token of probability 0 is never drawn", () => {
  const probs = Float64Array.of(0, 0.3, 0, 0.7, 0);
  assert.deepEqual(draw(probs, [0, 0.3 - 1e-12, 0.3, 1 - 2 ** -53]), [1, 1, 3, 3]);
});

test("an order that is handed in is the one that is used", () => {
  const { logits } = vectors.rows[0];
  const order = rank(logits);
  assert.equal(restrict(logits, {}, order).order, order);
});

test("without settings nothing is changed and nothing cut", () => {
  for (const { logits } of vectors.rows) {
    const { steps, probs } = restrict(logits);
    assert.deepEqual(steps.map(({ left }) => left), Array(4).fill(logits.length));
    close(probs, softmax(logits), "probs");
  }
});

test("logits and tokens are what Python packed, from any part of a buffer", () => {
  const { logits, tokens, rows, bytes } = vectors.packed;
  const shifted = (base64) => {
    const packed = Buffer.from(base64, "base64");
    const moved = new Uint8Array(packed.length + 3);
    moved.set(packed, 3);
    return new DataView(moved.buffer, 3);
  };
  assert.deepEqual(unpackRows(shifted(logits), rows.length).map((row) => [...row]), rows);
  assert.deepEqual(unpackTokens(shifted(tokens)).map((token) => [...token]), bytes);
});

test("uniform numbers are those of the generator, for every seed", () => {
  for (const [seed, numbers] of vectors.uniforms)
    assert.deepEqual(numbers.map((_, i) => uniform(seed, i)), numbers);
});

// Deterministic: the seeds are fixed, so this cannot fail by chance.
test("uniform numbers spread evenly, along a seed and from seed to seed", () => {
  const n = 64_000;
  const sequences = {
    "along seed 0": (i) => uniform(0, i),
    "along seed 12345": (i) => uniform(12345, i),
    "first of each seed": (i) => uniform(i, 0),
    "differences from seed to seed": (i) => (uniform(i, 5) - uniform(i + 1, 5) + 1) % 1,
    "differences along a seed": (i) => (uniform(3, i) - uniform(3, i + 1) + 1) % 1,
  };
  for (const [name, number] of Object.entries(sequences)) {
    const bins = new Array(64).fill(0);
    for (let i = 0; i < n; i++) bins[Math.floor(64 * number(i))] += 1;
    const chiSquare = bins.reduce((sum, count) => sum + (count - n / 64) ** 2 / (n / 64), 0);
    assert.ok(chiSquare > 30 && chiSquare < 110, `${name}: ${chiSquare}`); // 63 degrees of freedom
  }
});

test("many samples are as close to the distribution as expected", () => {
  const { logits } = vectors.rows[0];
  const { probs } = restrict(logits, { temperature: 1.5, topK: 7 });
  const n = 100_000;
  const counts = new Array(probs.length).fill(0);
  for (const id of draw(probs, Array.from({ length: n }, (_, i) => uniform(1, i)))) counts[id] += 1;
  const actual = distance(counts, n, probs);
  assert.ok(actual < 3 * expectedDistance(n, probs), `${actual}`);
});

test("the distance is half the sum of all differences", () => {
  assert.equal(distance([3, 1, 0], 4, Float64Array.of(0.5, 0.25, 0.25)), 0.25);
  assert.equal(distance([0, 4], 4, Float64Array.of(0, 1)), 0);
});

test("the expected distance equals the sum over all counts", () => {
  for (const [n, probs, expected] of vectors.distances) {
    const actual = expectedDistance(n, Float64Array.from(probs));
    assert.ok(Math.abs(actual - expected) < 1e-9 * Math.max(1e-3, expected), `${n} ${probs}`);
  }
});

test("the expected distance of very many samples is that of a normal distribution", () => {
  const n = 10_000_000;
  const probs = Float64Array.of(0.5, 0.3, 0.2);
  const deviations = probs.map((p) => Math.sqrt((2 * p * (1 - p)) / (Math.PI * n)));
  const normal = deviations.reduce((a, b) => a + b) / 2;
  assert.ok(Math.abs(expectedDistance(n, probs) / normal - 1) < 1e-4);
});

test("the slider of top-k reaches every small number, round ones, and the whole vocabulary", () => {
  for (const size of [1, 2, 19, 20, 21, 25, 2048, 5000, 100_000]) {
    const stops = topKStops(size);
    assert.equal(stops.at(-1), size);
    assert.ok(stops.every((stop, i) => i === 0 || stop > stops[i - 1]), `${stops}`);
    for (let k = 1; k <= Math.min(20, size); k++) assert.equal(stops[k - 1], k);
    for (const k of [25, 40, 50, 100, 1000]) assert.equal(stops.includes(k), k <= size);
    assert.ok(stops.length < 100);
  }
});

test("a probability is never shown as 0% or 100% unless it is that", () => {
  const shown = { 0: "0%", 1: "100%", 0.5: "50.0%", 0.0123: "1.23%", 0.1: "10.0%" };
  for (const [p, text] of Object.entries(shown)) assert.equal(percent(Number(p)), text);
  assert.equal(percent(1e-9), "<0.01%");
  assert.equal(percent(0.00004), "<0.01%");
  assert.equal(percent(0.00006), "0.01%");
  assert.equal(percent(0.09996), "10.0%");
  assert.equal(percent(0.9994), "99.9%");
  assert.equal(percent(0.9996), ">99.9%");
  assert.equal(percent(1 - 1e-15), "100%");
});

test("restricting 49,152 tokens leaves most of a frame for the picture", () => {
  const logits = Float64Array.from({ length: 49_152 }, (_, i) => 8 * uniform(9, i));
  const order = rank(logits);
  const settings = { temperature: 0.8, topK: 40_000, topP: 0.95, minP: 0.001 };
  const times = Array.from({ length: 50 }, () => {
    const start = performance.now();
    entropy(restrict(logits, settings, order).probs);
    return performance.now() - start;
  });
  const best = Math.min(...times); // on a busy machine the others say little
  assert.ok(best < 8, `${best} ms`);
});

test("an earlier result at the same temperature changes nothing", () => {
  const { logits } = vectors.rows.at(-1);
  const order = rank(logits);
  const earlier = restrict(logits, { temperature: 1.3, topK: 5 }, order);
  const settings = { temperature: 1.3, topP: 0.8, minP: 0.01 };
  assert.deepEqual(restrict(logits, settings, order, earlier), restrict(logits, settings, order));
});

const real = () => unzip(Buffer.from(vectors.real.logits, "base64")).then(readLogits);

test("recorded logits and their tokens are those of Python", async () => {
  const { prompts, rows } = await real();
  assert.deepEqual(prompts, vectors.real.prompts);
  const vocabulary = readVocabulary(await unzip(Buffer.from(vectors.real.vocabulary, "base64")));
  const tokens = vocabularyTokens(vocabulary);
  assert.equal(tokens.length, 49_152);
  for (const row of rows) assert.equal(row.length, tokens.length);
  for (const [id, bytes] of vectors.real.tokens) assert.deepEqual([...tokens[id]], bytes);
  for (const [row, id, logit] of vectors.real.some) assert.equal(rows[row][id], logit);
});

test("what is left of a real model's vocabulary is what Python leaves", async () => {
  const { rows } = await real();
  for (const { row, settings, left, masses, bits, first, argmax } of vectors.real.cases) {
    const { logits, order } = prepared(rows[row]);
    const { steps, probs } = restrict(logits, settings, order);
    const message = `${row} ${JSON.stringify(settings)}`;
    assert.deepEqual(steps.map((step) => step.left), left, message);
    close(steps.map(({ mass }) => mass), masses, message);
    close([entropy(probs)], [bits], message);
    assert.equal(order[0], argmax);
    assert.deepEqual([...order.subarray(0, 50)], first);
  }
});

test("the module is an anywidget", () => {
  assert.equal(typeof widget.render, "function");
});

test("a typed number is taken as it is, and what is none or out of range is not", () => {
  const range = { min: 0.05, max: 1 };
  assert.deepEqual(["0.9", "1", ".5", "1e-1"].map((text) => typedNumber(text, range)), [0.9, 1, 0.5, 0.1]);
  for (const text of ["", " ", "0", "1.01", "-1", "x", "NaN", "Infinity"])
    assert.equal(typedNumber(text, range), undefined);
  const seed = { min: 0, max: 2 ** 32 - 1, whole: true };
  for (const text of ["-5", "1.5", "99999999999", ""]) assert.equal(typedNumber(text, seed), undefined);
  assert.equal(typedNumber("4294967295", seed), 2 ** 32 - 1);
});
