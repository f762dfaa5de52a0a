// Run by test_javascript.py, which writes the widget's script and what Python expects of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";

const given = process.env.FMLAB_WIDGETS;
if (!given) throw new Error("run these tests with: pytest tests/widgets");
const { lines } = JSON.parse(readFileSync(`${given}/feedback_chat.json`, "utf8"));
const { chatLine, countLines, readLines, writeLines } = await import(
  pathToFileURL(`${given}/feedback_chat.mjs`)
);

test("a line has the entries of Python's panel, in the same order and form", () => {
  for (const { time, version, number, ...facts } of lines) {
    const line = chatLine(version, number, facts, new Date(time));
    assert.deepEqual(line, { time, version, number, ...facts });
    assert.deepEqual(Object.keys(line), ["time", "version", "number", ...Object.keys(facts)]);
  }
});

test("what was written is read again, one line each", () => {
  const text = writeLines(lines);
  assert.equal(text.split("\n").length, lines.length + 1);
  assert.deepEqual(readLines(text), lines);
});

test("what is no log is read as an empty one", () => {
  for (const text of ["", "{", "[1]", "null", '{"event":"answer"}', '{"event":"x","number":1}'])
    assert.deepEqual(readLines(text), []);
});

test("the log does not grow without bound", () => {
  const many = Array.from({ length: 1500 }, (_, i) => chatLine("m", i, { event: "answer" }));
  const kept = readLines(writeLines(many));
  assert.equal(kept.length, 500);
  assert.equal(kept.at(-1).number, 1499);
});

test("the counts are those of the lines", () => {
  assert.equal(countLines(lines), '2 answers, 2 clicks, 1 of them "helpful"');
  assert.equal(countLines([]), '0 answers, 0 clicks, 0 of them "helpful"');
  assert.equal(countLines(lines.slice(0, 1)), '1 answer, 0 clicks, 0 of them "helpful"');
});
