// Run by test_javascript.py, which writes the scripts and what Python expects of them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";

const given = process.env.FMLAB_WIDGETS;
if (!given) throw new Error("run these tests with: pytest tests/widgets");
const vectors = JSON.parse(readFileSync(`${given}/whole_model.json`, "utf8"));
const { GPT, lengthOf, parameters, readSafetensors, sides, stationsOf, stepTo, Tokenizer, Writer } =
  await import(pathToFileURL(`${given}/whole_model.mjs`));

const TOLERANCE = 1e-4;
const text = (name) => JSON.parse(readFileSync(`${vectors.folder}/${name}`, "utf8"));
const { buffer, byteOffset, byteLength } = readFileSync(`${vectors.folder}/model.safetensors`);
const tensors = readSafetensors(buffer.slice(byteOffset, byteOffset + byteLength));
const writer = new Writer(new GPT(text("config.json"), tensors), new Tokenizer(text("bpe.json")));
writer.start(vectors.text);

// Compares numbers, lists of them, and objects that hold them, whatever their depth.
function close(actual, expected, place) {
  if (typeof expected === "number") {
    assert.ok(Math.abs(actual - expected) <= TOLERANCE, `${place}: ${actual}, not ${expected}`);
    return 1;
  }
  const keys = Object.keys(expected);
  assert.equal(Object.keys(actual).length, keys.length, place);
  return keys.reduce((n, key) => n + close(actual[key], expected[key], `${place}.${key}`), 0);
}

test("every number of a trace is the one inside the model", () => {
  for (const { position, id, ...expected } of vectors.traces) {
    assert.equal(writer.ids[position], id);
    const n = close(writer.model.trace(id, position), expected, `position ${position}`);
    assert.ok(n > 5000);
  }
});

test("a trace leaves the model as it was", () => {
  const { position, id } = vectors.traces[1];
  const [length, before] = [writer.model.length, writer.model.logits()];
  writer.model.trace(id, position);
  assert.equal(writer.model.length, length);
  assert.deepEqual(writer.model.logits(), before);
});

test("parameters follow from the shape of a model", () => {
  assert.deepEqual(vectors.sizes.map(parameters), vectors.parameters);
  assert.equal(parameters(vectors.sizes[0]), vectors.n_own);
  assert.equal(parameters({ vocab: 50257, context: 1024, layers: 12, width: 768 }), 124_439_808);
});

test("areas are in proportion to parameters", () => {
  const [a, b, c] = sides([1, 4, 100], 50);
  assert.deepEqual([a, b, c], [5, 10, 50]);
});

test("arrow keys lead from the embedding to the next token and back", () => {
  const stations = stationsOf(4);
  assert.equal(stations.length, 23);
  assert.equal(stations[0].kind, "embedding");
  assert.equal(stations.at(-1).kind, "probabilities");
  assert.deepEqual([...new Set(stations.map(({ layer }) => layer))], [undefined, 0, 1, 2, 3]);
  const n = stations.length;
  let at = 0;
  for (let i = 1; i < n; i++) assert.equal((at = stepTo("ArrowRight", at, n)), i);
  assert.equal(stepTo("ArrowDown", at, n), n - 1);
  assert.equal(stepTo("ArrowLeft", at, n), n - 2);
  assert.equal(stepTo("ArrowUp", 0, n), 0);
  assert.deepEqual([stepTo("Home", 7, n), stepTo("End", 7, n)], [0, n - 1]);
  assert.equal(stepTo("a", 7, n), undefined);
});

test("the length of a vector", () => {
  assert.equal(lengthOf([3, -4]), 5);
});
