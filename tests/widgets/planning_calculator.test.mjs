// Run by test_javascript.py, which writes the widget's script and what Python expects of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";

const given = process.env.FMLAB_WIDGETS;
if (!given) throw new Error("run these tests with: pytest tests/widgets");
const { cases, models, texts } = JSON.parse(
  readFileSync(`${given}/planning_calculator.json`, "utf8"),
);
const { FORMULAS, conflict, default: widget, sensitivity, typed, written } = await import(
  pathToFileURL(`${given}/planning_calculator.mjs`)
);
const entry = (name) => models.find((each) => each.name === name);
const close = (actual, expected, what) =>
  expected === null
    ? assert.equal(actual, Infinity, what)
    : assert.ok(Math.abs(actual - expected) <= 1e-9 * Math.max(1, Math.abs(expected)), `${what}: ${actual}, not ${expected}`);

test("every result is what Python computes from the same settings", () => {
  assert.ok(cases.length > 200);
  for (const { name, settings, results } of cases) {
    const actual = FORMULAS[name](settings);
    assert.deepEqual(Object.keys(actual).sort(), Object.keys(results).sort());
    for (const [key, value] of Object.entries(results)) close(actual[key], value, `${name} ${key}`);
  }
});

test("sensitivity is what Python computes, and orders the inputs alike", () => {
  const width = ([, low, high]) =>
    low === null || high === null ? Infinity : Math.abs(high - low);
  for (const { name, settings, rows } of cases) {
    const actual = sensitivity(entry(name), settings);
    const byName = new Map(actual.map((row) => [row[0], row]));
    for (const [which, low, high] of rows) {
      close(byName.get(which)[1], low, `${name} ${which}`);
      close(byName.get(which)[2], high, `${name} ${which}`);
    }
    const scale = Math.max(1, ...rows.flat().filter(Number.isFinite).map(Math.abs));
    const widths = actual.map(([which]) => width(rows.find((row) => row[0] === which)));
    widths.forEach((each, i) => assert.ok(i === 0 || each <= widths[i - 1] + 1e-9 * scale, name));
  }
});

test("numbers are written as in Python", () => {
  for (const [value, kind, text] of texts) assert.equal(written(value, kind), text);
  assert.equal(written(Infinity, "dollars"), "never");
});

test("what is typed is a number in its range, or a sentence says what to enter", () => {
  const fraction = { kind: "fraction", low: 0, high: 1 };
  assert.deepEqual(typed("86%", fraction), { value: 0.86 });
  assert.deepEqual(typed(" .5 ", fraction), { value: 0.5 });
  assert.deepEqual(typed("$1,500", { kind: "dollars", low: 0, high: 1e6 }), { value: 1500 });
  for (const text of ["", "abc", "1.2", "-1", "0x1", "1e", "Infinity", "NaN", "50 50%%"])
    assert.equal(typed(text, fraction).problem, "Enter a number from 0 to 1.");
  const whole = { kind: "whole", low: 1, high: 120 };
  assert.equal(typed("2.5", whole).problem, "Enter a whole number from 1 to 120.");
  assert.equal(typed("0.05", { kind: "dollars", low: 0.01, high: 10 }).value, 0.05);
});

test("quality and what data adds cannot exceed 1 together", () => {
  assert.match(conflict("flywheel", { quality: 0.9, data_gain: 0.2 }), /at most 1 together/);
  assert.equal(conflict("flywheel", { quality: 0.8, data_gain: 0.2 }), null);
  assert.equal(conflict("role", {}), null);
});

test("the module is an anywidget", () => {
  assert.equal(typeof widget.render, "function");
});
