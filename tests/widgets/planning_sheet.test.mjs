// Run by test_javascript.py, which writes the widget's script and what Python expects of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";

const given = process.env.FMLAB_WIDGETS;
if (!given) throw new Error("run these tests with: pytest tests/widgets");
const { fields, files } = JSON.parse(readFileSync(`${given}/planning_sheet.json`, "utf8"));
const { default: widget, readSheet, storageOf, writeSheet } = await import(
  pathToFileURL(`${given}/planning_sheet.mjs`)
);

test("a file is what Python writes, and reading it returns the answers", () => {
  for (const [answers, text] of files) {
    assert.equal(writeSheet(answers, fields), text);
    const all = Object.fromEntries(fields.map(({ name }) => [name, answers[name] ?? ""]));
    assert.deepEqual(readSheet(text, fields), { answers: all });
  }
});

test("a bad file gives a sentence that says what is wrong", () => {
  const sheet = (changes) =>
    JSON.stringify({ format: "fmlab-planning-sheet", version: 1, answers: {}, ...changes });
  const bad = {
    "": /not JSON/,
    "{": /not JSON/,
    null: /not a planning sheet/,
    "[]": /not a planning sheet/,
    [sheet({ format: "other" })]: /not a planning sheet/,
    [sheet({ version: 2 })]: /has version 2/,
    [sheet({ version: { toString: 1 } })]: /has version {"toString":1}/,
    [sheet({ version: undefined })]: /has version undefined/,
    [sheet({ answers: JSON.parse('{"__proto__": "x"}') })]: /unknown field: __proto__/,
    [sheet({ answers: [] })]: /no answers/,
    [sheet({ answers: { color: "red" } })]: /unknown field: color/,
    [sheet({ answers: { role: 3 } })]: /"Role of AI" is not text/,
    [sheet({ answers: { role: "x".repeat(2001) } })]: /more than 2000 characters/,
  };
  for (const [text, problem] of Object.entries(bad))
    assert.match(readSheet(text, fields).problem, problem);
  assert.ok(readSheet(sheet({ answers: { role: "x".repeat(2000) } }), fields).answers);
});

test("without localStorage nothing is kept, and nothing fails", () => {
  const forbidden = {
    get localStorage() {
      throw new DOMException("denied", "SecurityError");
    },
  };
  for (const scope of [{}, forbidden]) {
    const storage = storageOf(scope);
    assert.equal(storage.works, false);
    assert.equal(storage.read(), null);
    assert.equal(storage.write("text"), false);
    storage.clear();
  }
});

test("with localStorage a sheet is kept", () => {
  const kept = new Map();
  const localStorage = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
  };
  const storage = storageOf({ localStorage });
  assert.ok(storage.works && storage.write("text"));
  assert.equal(storage.read(), "text");
  assert.equal(kept.size, 1);
});

test("the module is an anywidget", () => {
  assert.equal(typeof widget.render, "function");
});
