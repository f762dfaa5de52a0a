// Run by test_javascript.py, which writes the widget's script and what Python expects of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";

const given = process.env.FMLAB_WIDGETS;
if (!given) throw new Error("run these tests with: pytest tests/widgets");
const expected = JSON.parse(readFileSync(`${given}/duplicates.json`, "utf8"));
const { chanceOfCandidate, compare, crc32, default: widget, hashed, verdict, wilson } = await import(
  pathToFileURL(`${given}/duplicates.mjs`)
);

const near = (actual, value) => assert.ok(Math.abs(actual - value) < 1e-9, `${actual} for ${value}`);

test("checksums are those of Python, of any characters", () => {
  for (const [text, value] of expected.crc32) assert.equal(crc32(text), value, text);
});

test("a hash is exact, also where the product exceeds what a number holds exactly", () => {
  const prime = 2n ** 31n - 1n;
  for (const a of [1, 65535, 65536, 2 ** 31 - 2, 1234567891])
    for (const x of [0, 1, 2 ** 31 - 2, 987654321])
      assert.equal(BigInt(hashed(x, a, 2 ** 31 - 2)), (BigInt(x) * BigInt(a) + prime - 1n) % prime);
});

test("shingles, signatures, and what follows from them are those of Python", () => {
  for (const { state, sets, signatures, ...rest } of expected.results) {
    const actual = compare(state, expected.numbers);
    assert.deepEqual(actual.sets.map((set) => [...set].sort()), sets.map((set) => [...set].sort()));
    assert.deepEqual(actual.signatures, signatures);
    for (const name of ["inBand", "isCandidate", "isFlagged"]) assert.deepEqual(actual[name], rest[name]);
    for (const name of ["similarity", "estimate", "chance"]) near(actual[name], rest[name]);
    rest.interval.forEach((end, i) => near(actual.interval[i], end));
  }
});

test("intervals and the curve are those of Python", () => {
  for (const [k, n, ends] of expected.wilson) wilson(k, n).forEach((end, i) => near(end, ends[i]));
  for (const [s, bands, rows, chance] of expected.chances) near(chanceOfCandidate(s, bands, rows), chance);
});

test("the verdict says which step misses a pair", () => {
  const say = (state, result) => verdict({ bands: 16, threshold: 0.8, ...state }, result);
  const result = { isEqual: false, n_bands: 1, isFlagged: false, similarity: 0.64 };
  assert.match(say({}, result), /exact hash misses.*1 of 16 bands agrees.*is below the threshold of 0\.80: not flagged/);
  assert.match(say({ threshold: 0.6 }, { ...result, isFlagged: true }), /reaches the threshold of 0\.60: flagged/);
  assert.match(say({ threshold: 0.6 }, { ...result, n_bands: 0 }), /never compared, although its similarity/);
  assert.doesNotMatch(say({}, { ...result, n_bands: 0 }), /although/);
  assert.match(say({}, { ...result, isEqual: true, n_bands: 16 }), /exact hash finds the copy/);
});

test("a link may set what the sliders can, and a pair by its place", () => {
  const values = { pairs: [["a", "x", "y"], ["b", "v", "w"]], first: "x", second: "y" };
  const model = {
    get: (name) => values[name],
    set: (name, value) => (values[name] = value),
    save_changes() {},
  };
  const rules = widget.settings(model);
  for (const [name, most] of Object.entries(expected.most)) assert.equal(rules[name].max, most);
  rules.pair.set(1);
  assert.deepEqual([values.first, values.second], ["v", "w"]);
});
