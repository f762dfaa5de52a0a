// Run by test_javascript.py, which writes the widget's script and what Python expects of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";

const given = process.env.FMLAB_WIDGETS;
if (!given) throw new Error("run these tests with: pytest tests/widgets");
const vectors = JSON.parse(readFileSync(`${given}/responses.json`, "utf8"));
const { default: widget, ending } = await import(pathToFileURL(`${given}/responses.mjs`));

test("a response that ended and one that was cut are told apart", () => {
  assert.equal(ending(vectors.stop, vectors.n), "The model ended its response.");
  assert.equal(ending(vectors.length, vectors.n), "Cut after 40 tokens: the model did not stop.");
});

test("a link may choose a prompt that there is", () => {
  const model = { get: () => ["one", "two"] };
  assert.equal(widget.settings(model).prompt.max, 1);
});
