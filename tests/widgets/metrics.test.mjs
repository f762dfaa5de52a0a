// Run by test_javascript.py, which writes the widget's script and what Python expects of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";

const given = process.env.FMLAB_WIDGETS;
if (!given) throw new Error("run these tests with: pytest tests/widgets");
const vectors = JSON.parse(readFileSync(`${given}/metrics.json`, "utf8"));
const { comparison, confusion, constant, metrics } = await import(pathToFileURL(`${given}/metrics.mjs`));

for (const [index, { name, ...items }] of vectors.records.entries())
  test(`counts and metrics equal those in Python: ${name}`, () => {
    for (const expected of vectors.cases.filter(({ record }) => record === index)) {
      const counts = confusion(items, expected.threshold);
      assert.deepEqual(counts, expected.counts);
      const { f1, ...pairs } = metrics(counts);
      Object.values(pairs).forEach(([k, n], i) => {
        if (expected.rates[i]) assert.deepEqual([k, n], expected.rates[i]);
        else assert.equal(n, 0);
      });
      if (expected.f1 === null) assert.ok(Number.isNaN(f1));
      else assert.ok(Math.abs(f1 - expected.f1) < 1e-12);
      assert.equal(constant(counts).correct, expected.constant);
    }
  });

test("the accuracy is compared with the better constant answer", () => {
  assert.match(comparison({ tp: 6, fp: 4, fn: 2, tn: 88 }), /never flags anything gets 2 fewer/);
  assert.match(comparison({ tp: 2, fp: 4, fn: 6, tn: 88 }), /never flags anything gets 2 more/);
  assert.match(comparison({ tp: 90, fp: 8, fn: 0, tn: 2 }), /flags everything gets 2 fewer/);
  assert.match(comparison({ tp: 0, fp: 0, fn: 8, tn: 92 }), /just as many right/);
});
