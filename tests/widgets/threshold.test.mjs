// Run by test_javascript.py, which writes the widget's script and what Python expects of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";

const given = process.env.FMLAB_WIDGETS;
if (!given) throw new Error("run these tests with: pytest tests/widgets");
const vectors = JSON.parse(readFileSync(`${given}/threshold.json`, "utf8"));
const script = await import(pathToFileURL(`${given}/threshold.mjs`));
const { bestThreshold, binned, calibratedThreshold, confusion, meanInterval, points } = script;
const { STOPS, rateText, signed, verdict, wilson } = script;

function near(actual, expected, what) {
  assert.ok(Math.abs(actual - expected) <= 1e-9 * (1 + Math.abs(expected)), `${what}: ${actual}, not ${expected}`);
}

test("the slider has the thresholds of Python", () => assert.deepEqual(STOPS, vectors.stops));

for (const { record, penalty, rows, best } of vectors.cases) {
  const { name, ...items } = vectors.records[record];
  test(`counts, points and the best threshold equal those in Python: ${name}, penalty ${penalty}`, () => {
    const counts = STOPS.map((stop) => confusion(items, stop));
    counts.forEach((each, i) => {
      const [right, wrong, withheld, expected] = rows[i];
      assert.deepEqual([each.tp, each.fp, each.fn + each.tn], [right, wrong, withheld]);
      near(points(each, penalty), expected, `points at ${STOPS[i]}`);
    });
    const found = bestThreshold(counts, penalty);
    assert.equal(found.threshold, best[0]);
    near(found.points, best[1], "points at the best threshold");
  });
}

test("intervals equal those in Python", () => {
  for (const [k, n, ...expected] of vectors.wilson)
    wilson(k, n).forEach((end, i) => near(end, expected[i], `${k} of ${n}`));
  const { values, counts, expected } = vectors.mean;
  const { mean, low, high } = meanInterval(values, counts);
  [mean, low, high].forEach((value, i) => near(value, expected[i], "mean"));
});

test("every item is in one bin", () => {
  const bins = binned(vectors.records[0]);
  assert.deepEqual(bins.map(([ones, zeros]) => ones + zeros), vectors.bins);
  assert.deepEqual(binned({ scores: [1], labels: "1" }).at(-1), [1, 0]);
});

test("without a penalty the best threshold is 0, and no other is named", () => {
  assert.match(verdict(0, { threshold: 0, points: 3 }), /best threshold is 0/);
  assert.match(verdict(3, { threshold: 0.6, points: 3 }), /best threshold is 0\.60.* would be 0\.75/);
  near(calibratedThreshold(1), 0.5, "even odds");
});

test("few items get no rate, and small numbers no minus sign", () => {
  assert.deepEqual(rateText(3, 29), ["–", "–"]);
  assert.equal(rateText(15, 30)[0], "50.0%");
  assert.deepEqual([signed(-0.001, 2), signed(-2.5, 1), signed(1234)], ["0.00", "−2.5", "1,234"]);
});
