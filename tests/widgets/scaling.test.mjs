// Run by test_javascript.py, which writes the widget's script and what Python expects of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";

const given = process.env.FMLAB_WIDGETS;
if (!given) throw new Error("run these tests with: pytest tests/widgets");
const { cases, peaks, presets } = JSON.parse(readFileSync(`${given}/scaling.json`, "utf8"));
const {
  STOPS,
  bytes,
  default: widget,
  dollars,
  duration,
  nearestRatio,
  power,
  results,
  trainingCost,
  trainingSeconds,
  words,
} = await import(pathToFileURL(`${given}/scaling.mjs`));

test("every result is what Python computes from the same settings", () => {
  assert.ok(cases.length > 30);
  for (const { settings, results: expected } of cases) {
    const actual = results(settings, presets, peaks);
    assert.deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort());
    for (const [name, value] of Object.entries(expected)) {
      if (name === "weight bytes") assert.deepEqual(actual[name], value, settings.preset);
      else assert.ok(Math.abs(actual[name] / value - 1) < 1e-12, `${settings.preset}: ${name}`);
    }
  }
});

test("twice the accelerators halve the time, and leave the rent as it is", () => {
  assert.equal(trainingSeconds(1e20, 8, 1e15, 0.4), 2 * trainingSeconds(1e20, 16, 1e15, 0.4));
  assert.equal(trainingCost(3.6e18, 1e15, 1, 2), 2);
});

test("stops of sliders rise, and the nearest is the nearest as a ratio", () => {
  for (const stops of Object.values(STOPS))
    assert.ok(stops.every((stop, i) => i === 0 || stop > stops[i - 1]));
  assert.equal(nearestRatio([1, 10, 100], 4), 1);
  assert.equal(nearestRatio([1, 10, 100], 3), 0);
  assert.equal(STOPS.n_params.at(-1), 1e12);
});

test("numbers are written as a reader would say them", () => {
  assert.equal(words(8.03e9), "8.03 billion");
  assert.equal(words(15e12), "15.0 trillion");
  assert.equal(words(999.9e6), "1.00 billion");
  assert.equal(power(7.227e23), "7.23 × 10²³");
  assert.equal(power(9.999e9), "1.00 × 10¹⁰");
  assert.equal(bytes(16.06e9), "16.1 GB");
  assert.equal(bytes(12), "12.0 bytes");
  assert.deepEqual([0.01, 0.5, 21, 800].map(duration), [
    "14.4 minutes", "12.0 hours", "21.0 days", "2.19 years",
  ]);
  assert.deepEqual([3, 440962, 2.5e6].map(dollars), ["$3.00", "$440,962", "$2.50 million"]);
});

test("the module is an anywidget", () => {
  assert.equal(typeof widget.render, "function");
});
