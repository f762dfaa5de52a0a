// Run by test_javascript.py, which writes the widget's script and what Python expects of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";

const given = process.env.FMLAB_WIDGETS;
if (!given) throw new Error("run these tests with: pytest tests/widgets");
const { heads, packed } = JSON.parse(readFileSync(`${given}/attention.json`, "utf8"));
const {
  arithmetic,
  attentionWeights,
  beginning,
  cellTarget,
  default: widget,
  entropy,
  largest,
  nameToken,
  sentence,
  softmax,
  softmaxSteps,
  unpackScores,
  weightOnLater,
} = await import(pathToFileURL(`${given}/attention.mjs`));

function assertClose(got, expected, most = 1e-6) {
  assert.equal(got.length, expected.length);
  for (const [i, value] of expected.entries())
    assert.ok(Math.abs(got[i] - value) <= most, `${i}: ${got[i]} is not ${value}`);
}

test("weights equal those of fmlab.models, with and without scale and mask", () => {
  for (const { scores, d, cases } of heads)
    for (const { scaled, masked, weights } of cases) {
      const got = attentionWeights(scores, d, { scaled, masked });
      assertClose(got.flat(), weights.flat());
    }
});

test("scale and mask are on unless switched off", () => {
  const { scores, d, cases } = heads[4];
  const both = cases.find(({ scaled, masked }) => scaled && masked);
  assertClose(attentionWeights(scores, d).flat(), both.weights.flat());
});

test("with the mask a token gives nothing, not even a little, to later ones", () => {
  for (const { scores, d } of heads)
    attentionWeights(scores, d).forEach((row, query) =>
      assert.equal(weightOnLater(row, query), 0),
    );
  assert.equal(weightOnLater([0.5, 0.25, 0.125, 0.125], 1), 0.25);
});

test("rows of typed arrays, as scores arrive, give the same", () => {
  const { scores, d } = heads[7];
  const typed = scores.map((row) => Float64Array.from(row));
  assert.deepEqual(
    attentionWeights(typed, d).map((row) => [...row]),
    attentionWeights(scores, d),
  );
});

test("scores too large for exp do not overflow", () => {
  assertClose(softmax([1000, 1000, -1000]), [0.5, 0.5, 0]);
});

test("entropies equal those of fmlab.sampling", () => {
  for (const { cases } of heads)
    for (const { weights, entropy: bits } of cases) assertClose(weights.map(entropy), bits);
});

test("scores arrive exactly as Python has them, from any part of a buffer", () => {
  const bytes = Buffer.from(packed.bytes, "base64");
  const shifted = new Uint8Array(bytes.length + 5);
  shifted.set(bytes, 5);
  const got = unpackScores(new DataView(shifted.buffer, 5), packed.step);
  assert.deepEqual([...got], packed.scores);
});

test("the largest weights come first, ties in order, the negligible not at all", () => {
  assert.deepEqual(largest([0.1, 0.3, 0.009, 0.3, 0.291], 3), [1, 3, 4]);
  assert.deepEqual(largest(Float64Array.of(0.995, 0.005), 3), [0]);
});

test("the sentence says what a token attends to, and adds up", () => {
  const tokens = ["Q", " cat", ":", "Answer"];
  const says = sentence(tokens, [0.05, 0.21, 0.43, 0.31], 3);
  assert.equal(says, "“Answer” attends to “:” 43%, itself 31%, “cat” 21%, all others 5%.");
  assert.equal(sentence(tokens, [0.001, 0.999, 0, 0], 1), "“cat” attends to itself 100%.");
});

test("a token that occurs several times is named with its distance", () => {
  const tokens = ["the", "cat", "the", "\n", " "];
  assert.equal(nameToken(tokens, 0, 2), "“the” (2 back)");
  assert.equal(nameToken(tokens, 2, 1), "“the” (1 ahead)");
  assert.equal(nameToken(tokens, 1, 2), "“cat”");
  assert.equal(nameToken(tokens, 2, 2), "“the”");
  assert.deepEqual([3, 4].map((i) => nameToken(tokens, i, 0)), ["“newline”", "“space”"]);
});

test("a key leads to the next cell of the matrix, and not beyond its edge", () => {
  const from = (pressed) => cellTarget(pressed, { query: 0, key: 2 }, 4);
  assert.deepEqual(from("ArrowDown"), { query: 1, key: 2 });
  assert.deepEqual(from("ArrowUp"), { query: 0, key: 2 });
  assert.deepEqual(from("ArrowRight"), { query: 0, key: 3 });
  assert.deepEqual(from("Home"), { query: 0, key: 0 });
  assert.deepEqual(from("End"), { query: 0, key: 3 });
  assert.equal(from("a"), undefined);
});

test("a text is named by its beginning", () => {
  assert.equal(beginning(["<|endoftext|>", "Q:", "\n", " is 3 < 4?"]), "Q: is 3 < 4?");
  assert.equal(beginning(["a".repeat(200)]).length, 90);
});

test("the module is an anywidget", () => {
  assert.equal(typeof widget.render, "function");
});

test("the steps of the softmax lead to the weight, for every cell, scale and mask", () => {
  for (const { scores, d, cases } of heads)
    for (const { scaled, masked, weights } of cases)
      scores.forEach((row, query) =>
        row.forEach((_, key) => {
          if (masked && key > query) return;
          const found = softmaxSteps(row, query, key, { dHead: d, scaled, masked });
          assertClose([found.value / found.sum], [weights[query][key]]);
          assertClose([found.terms.reduce((sum, { value }) => sum + value, 0)], [found.sum]);
          assert.equal(found.terms.length, masked ? query + 1 : row.length);
          assert.equal(found.terms[0].value, 1);
        }),
      );
});

test("the arithmetic is told with the sum over all tokens", () => {
  const tokens = ["a", "b", "c"];
  const scores = [0, 2 * Math.log(3), 2 * Math.log(6)];
  const row = [0.1, 0.3, 0.6];
  const view = { tokens, scores, row, query: 2, key: 1, scaled: true, masked: true };
  assert.deepEqual(arithmetic(view, 4), [
    "Score q·k = 2.20.",
    "Divided by √d = √4 = 2.00: 1.10.",
    "Subtract the largest score in the row, 1.79, and exponentiate: e^(−0.69) = 0.5000.",
    "Add up the exponentials of all 3 tokens: 1.0000 (“c”) + 0.5000 (“b”) + 0.1667 (“a”) = 1.6667.",
    "Weight = 0.5000 ÷ 1.6667 = 30.0%.",
  ]);
  const hidden = arithmetic({ ...view, query: 0 }, 4);
  assert.equal(hidden.at(-1), "The token comes later, so the mask hides it: weight 0.");
});
