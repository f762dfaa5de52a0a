// Run by test_javascript.py, which writes the widget's script and what Python expects of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";

const given = process.env.FMLAB_WIDGETS;
if (!given) throw new Error("run these tests with: pytest tests/widgets");
const { traits, searches } = JSON.parse(readFileSync(`${given}/image_text.json`, "utf8"));
const { captionOf, captionIndex, nearest, search, similarities, N_SHOWN } = await import(
  pathToFileURL(`${given}/image_text.mjs`)
);

test("captions are those of Python", () => {
  for (const { chosen, caption } of searches) assert.equal(captionOf(chosen), caption);
});

test("similarities and the nearest pictures are those of Python", () => {
  for (const each of searches) {
    const scores = search(traits, each.chosen);
    assert.equal(scores.length, each.similarities.length);
    scores.forEach((score, i) => assert.ok(Math.abs(score - each.similarities[i]) < 1e-9));
    assert.deepEqual(nearest(scores, N_SHOWN), each.nearest);
  }
});

test("each choice has a caption of its own", () => {
  const places = searches.map(({ chosen }) => captionIndex(traits.choices, chosen));
  assert.equal(new Set(places).size, searches.length);
  const n = Object.values(traits.choices).reduce((product, values) => product * values.length, 1);
  assert.equal(n * traits.size, traits.caption_vectors.length);
});

test("of equal scores, the first comes first", () => {
  assert.deepEqual(nearest([1, 3, 3, 2], 3), [1, 2, 3]);
});

test("a similarity is a dot product", () => {
  assert.deepEqual(similarities([1, 2], [1, 0, 0, 1, 3, 4]), [1, 2, 11]);
});
