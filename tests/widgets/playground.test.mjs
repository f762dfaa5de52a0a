// Run by test_javascript.py, which writes the widget's script and what Python expects of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";

const given = process.env.FMLAB_WIDGETS;
if (!given) throw new Error("run these tests with: pytest tests/widgets");
const vectors = JSON.parse(readFileSync(`${given}/playground.json`, "utf8"));
const {
  ALL_SLIDERS,
  decodeToken,
  default: widget,
  hintFor,
  megabytes,
  plainText,
  runningText,
  settingsKeep,
  surprise,
  typed,
  withChosen,
} = await import(pathToFileURL(`${given}/playground.mjs`));

test("sliders have the ranges that Python allows, or less, and contain the defaults", () => {
  assert.deepEqual(
    new Set(ALL_SLIDERS.map(({ trait }) => trait)),
    new Set(Object.keys(vectors.ranges).filter((name) => name !== "seed" && name !== "speed")),
  );
  for (const { trait, min, max, most = max } of ALL_SLIDERS) {
    assert.deepEqual([min, most], vectors.ranges[trait], trait);
    assert.ok(max <= most && min <= vectors.defaults[trait] && vectors.defaults[trait] <= max);
  }
});

test("a size is in megabytes, as a button states it", () => {
  assert.equal(megabytes(2_203_643), "2.2 MB");
  assert.equal(megabytes(9_730_000), "9.7 MB");
});

test("a certain token has no shade, and the less likely, the darker", () => {
  assert.ok(surprise(1) === 0);
  const shades = [0.9, 0.5, 0.1, 0.01, 1e-5, 0].map(surprise);
  assert.ok(shades.every((shade, i) => shade > 0 && (i === 0 || shade >= shades[i - 1])));
  assert.equal(surprise(0), 1);
});

test("what is typed must be a number in the range, and whole where the slider is", () => {
  const fraction = { min: 0, max: 2, step: 0.05 };
  for (const [text, value] of [["1", 1], ["0.123", 0.123], [" 2 ", 2], ["0", 0]])
    assert.equal(typed(text, fraction), value);
  for (const text of ["", " ", "-0.1", "2.1", "x", "1e9", "NaN", "Infinity"])
    assert.equal(typed(text, fraction), undefined, text);
  const whole = { min: 0, max: 200, most: 1000, step: 1 };
  assert.equal(typed("1000", whole), 1000);
  assert.equal(typed("1.5", whole), undefined);
});

test("tokens are joined to the text that they encode, also where a character is split", () => {
  for (const [text, tokens] of vectors.texts)
    assert.equal(plainText(tokens.map((bytes) => ({ bytes }))), text);
  assert.equal(plainText([{ bytes: [], name: "<|endoftext|>" }]), "");
});

test("running text shows spaces as spaces, and the end of a line as a sign and a new line", () => {
  const shown = (text) =>
    runningText(decodeToken([...new TextEncoder().encode(text)])).map((part) => part.text).join("");
  assert.equal(shown(" the"), " the");
  assert.equal(shown(".\n"), ".↵\n");
  assert.equal(shown("\t x"), "\t x");
  assert.equal(shown("\u200b"), "U+200B");
  assert.equal(runningText(decodeToken([0xe9]))[0].kind, "bytes");
  const special = [{ kind: "mark", text: "<|endoftext|>", spoken: "<|endoftext|>" }];
  assert.deepEqual(runningText(special, 0), [{ ...special[0], text: "[start of document] " }]);
  assert.deepEqual(runningText(special, 5), special);
});

test("the token that is there is always among the candidates", () => {
  const rows = [{ id: 1 }, { id: 2 }, { id: 3 }];
  assert.equal(withChosen({ rows }), rows);
  assert.equal(withChosen({ rows, chosen: { id: 2 } }), rows);
  assert.deepEqual(withChosen({ rows, chosen: { id: 9 } }).map(({ id }) => id), [1, 2, 9]);
});

test("the widget can be drawn", () => {
  assert.equal(typeof widget.render, "function");
});

test("one token is not 1 tokens", () => {
  assert.equal(settingsKeep(1), "The settings keep 1 token.");
  assert.equal(settingsKeep(2048), "The settings keep 2,048 tokens.");
});

test("a place says what choosing a candidate does there", () => {
  assert.match(hintFor({ isPrompt: true, isNext: false }), /part of the prompt/);
  assert.match(hintFor({ isPrompt: false, isNext: true }), /append/);
  assert.match(hintFor({ isPrompt: false, isNext: false }), /remove what follows/);
});
