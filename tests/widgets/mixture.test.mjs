// Run by test_javascript.py, which writes the widget's script and what Python expects of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";

const given = process.env.FMLAB_WIDGETS;
if (!given) throw new Error("run these tests with: pytest tests/widgets");
const expected = JSON.parse(readFileSync(`${given}/mixture.json`, "utf8"));
const { bitsPerByte, default: widget, lossesOf, mixed, parts, shareText, train, verdict, writes } = await import(
  pathToFileURL(`${given}/mixture.mjs`)
);

const near = (actual, value) => assert.ok(Math.abs(actual - value) < 1e-9, `${actual} for ${value}`);

test("losses and samples are those of Python", () => {
  for (const { state, losses, sample } of expected.results) {
    const both = parts(state.first, state.second);
    const tables = mixed(both, state.share, state.n);
    lossesOf(tables, both).forEach((loss, i) => near(loss, losses[i]));
    assert.equal(writes(tables, state.seed), sample);
  }
});

test("a model of one byte that repeats expects nothing else", () => {
  const bytes = new Uint8Array(1000).fill(7);
  assert.ok(bitsPerByte(train([bytes], 2), bytes) < 0.02);
  assert.equal(parts("x".repeat(99), "y".repeat(200)), null);
});

test("a share is written with as many digits as it needs", () => {
  assert.deepEqual([0, 0.29, 0.57, 0.125, 1].map(shareText), ["0%", "29%", "57%", "12.5%", "100%"]);
});

test("the verdict says what a share gains and costs, and when there is nothing to gain", () => {
  const shown = { share: 0.05, now: [2.74, 4.4], none: [2.7, 7], all: [5.4, 2], names: ["English", "Šolmi"] };
  assert.equal(
    verdict(shown),
    "With 5% Šolmi, the loss on Šolmi is 2.60 bits per byte lower than with no Šolmi. With only Šolmi, it would be " +
      "5.00 lower. The loss on English is 0.04 higher than with only English.",
  );
  assert.match(verdict({ ...shown, now: [2.6, 4.4] }), /The loss on English is 0\.10 lower/);
  assert.match(verdict({ ...shown, share: 0, now: [2.7, 7] }), /has read no Šolmi\. Its loss on Šolmi is 7\.00/);
  assert.match(verdict({ ...shown, all: [5.4, 6.8] }), /The two texts are alike/);
  assert.match(verdict({ ...shown, all: undefined }), /Training/);
  assert.match(verdict({ ...shown, share: 1, now: [5.4, 2] }), /With only Šolmi, .* 5\.00 bits .* English is 2\.70 higher/);
});

test("a link may set what the controls can, and a pair by its place", () => {
  const values = { pairs: [["a", ["p", "x"], ["q", "y"]], ["b", ["r", "v"], ["s", "w"]]], first: "x", second: "y" };
  const model = {
    get: (name) => values[name],
    set: (name, value) => (values[name] = value),
    save_changes() {},
  };
  const rules = widget.settings(model);
  assert.equal(rules.n.max, expected.max_n);
  assert.equal(rules.pair.get(), 0);
  rules.pair.set(1);
  assert.deepEqual([values.first, values.second, rules.pair.get()], ["v", "w", 1]);
  values.first = "a reader's own";
  assert.equal(rules.pair.get(), 0);
});
