// Run by test_javascript.py, which writes the widget's script and what Python expects of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";

const given = process.env.FMLAB_WIDGETS;
if (!given) throw new Error("run these tests with: pytest tests/widgets");
const { cases, inputs, prices } = JSON.parse(readFileSync(`${given}/prices.json`, "utf8"));
const { axisEnds, default: widget, monthName, monthlyCost, priceHistory, typed } = await import(
  pathToFileURL(`${given}/prices.mjs`)
);
const close = (actual, expected, what) =>
  assert.ok(Math.abs(actual / expected - 1) < 1e-9, `${what}: ${actual}, not ${expected}`);

test("every result is what Python computes from the same settings", () => {
  assert.ok(cases.length > 50);
  for (const { settings, results } of cases) {
    const actual = priceHistory(settings, settings.score, prices);
    assert.deepEqual(Object.keys(actual).sort(), Object.keys(results).sort());
    assert.deepEqual(actual.lowest, results.lowest);
    assert.deepEqual(Object.keys(actual.bills), Object.keys(results.bills));
    for (const [model, bill] of Object.entries(results.bills)) close(actual.bills[model], bill, model);
    close(actual.times, results.times, "times");
    assert.ok(Math.abs(actual.years - results.years) < 1e-9);
  }
});

test("cached tokens cost less only where the list has a price for them", () => {
  const volume = { requests_per_day: 1, tokens_in: 1e6, tokens_out: 0 };
  const price = { price_in: 2, price_out: 8 };
  assert.equal(monthlyCost({ ...volume, cached: 1 }, { ...price, price_cached: 0.5 }), 15);
  assert.equal(monthlyCost({ ...volume, cached: 1 }, { ...price, price_cached: null }), 60);
  assert.equal(monthlyCost({ ...volume, cached: 0 }, { ...price, price_cached: 0.5 }), 60);
});

test("the axis goes from a power of ten to a power of ten", () => {
  assert.deepEqual(axisEnds({ a: 81, b: 32400 }), [1, 5]);
  assert.deepEqual(axisEnds({ a: 10, b: 1000 }), [1, 3]);
  assert.deepEqual(axisEnds({ a: 20 }), [1, 2]);
  assert.deepEqual(axisEnds({ a: 100 }), [2, 3]);
});

test("every field says which numbers it takes", () => {
  for (const input of inputs) {
    assert.equal(typed(String(input.low), input).value, input.low);
    assert.equal(typed(String(input.high), input).value, input.high);
    for (const text of ["", "many", "-1", String(2 * input.high)])
      assert.match(typed(text, input).problem, /^Enter a number from \d/);
  }
});

test("months have names", () => {
  assert.equal(monthName(2021, 11), "November 2021");
});

test("the module is an anywidget", () => {
  assert.equal(typeof widget.render, "function");
});
