// Run by test_javascript.py, which writes the widget's script and what Python expects of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";

const given = process.env.FMLAB_WIDGETS;
if (!given) throw new Error("run these tests with: pytest tests/widgets");
const vectors = JSON.parse(readFileSync(`${given}/votes.json`, "utf8"));
const { default: widget, ...votes } = await import(pathToFileURL(`${given}/votes.mjs`));

test("a seed gives the same numbers as in Python", () => {
  for (const [seed, i, value] of vectors.uniforms) assert.equal(votes.uniform(seed, i), value);
});

test("the page reads the questions that Python packed", () => {
  for (const { question, packed } of vectors.questions)
    assert.deepEqual(votes.readQuestion(packed), question);
});

test("the samples are those of Python, and so is what each rule selects", () => {
  for (const { question, runs } of vectors.questions)
    for (const [n, seed, samples, selected] of runs) {
      assert.deepEqual(votes.sampled(question, n, seed), samples);
      const found = votes.select(samples, question);
      const withNull = Object.entries(found).map(([rule, index]) => [rule, index ?? null]);
      assert.deepEqual(withNull, Object.entries(selected)); // in this order
    }
});

test("the tally counts every sample, the most frequent answer first", () => {
  for (const { runs } of vectors.questions)
    for (const [n, , samples] of runs) {
      const { rows, nRare } = votes.tally(samples);
      assert.equal(rows.reduce((sum, { count }) => sum + count, nRare), n);
      rows.forEach(({ count }, i) => assert.ok(!i || count <= rows[i - 1].count));
    }
});

test("whatever a rule selects has a row, and rows keep the order of the tally", () => {
  for (const { runs } of vectors.questions)
    for (const [, , samples, selected] of runs) {
      const { rows } = votes.tally(samples);
      const shown = votes.shownRows(rows, selected, 5);
      assert.equal(shown.length, Math.min(5, rows.length));
      const indices = shown.map(({ index }) => index);
      for (const index of Object.values(selected))
        if (index !== null && index !== vectors.rare) assert.ok(indices.includes(index));
      assert.deepEqual(shown, rows.filter((row) => shown.includes(row)));
    }
});

test("a rate is 0 or 1 only if it is exactly that", () => {
  const shown = { 0: "0.00", 0.001: "<0.01", 0.005: "0.01", 0.994: "0.99", 0.999: ">0.99", 1: "1.00" };
  for (const [value, text] of Object.entries(shown)) assert.equal(votes.rate(Number(value)), text);
});

test("a link may set a number of samples that there is", () => {
  const model = { get: (name) => ({ questions: ["?"], budgets: [1, 16], n: 16 })[name] };
  const { n, question } = widget.settings(model);
  assert.deepEqual(n.choices, ["1", "16"]);
  assert.equal(n.get(), "16");
  assert.equal(question.max, 0);
});
