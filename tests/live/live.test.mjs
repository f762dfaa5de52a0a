// Run by test_live_javascript.py.
import assert from "node:assert/strict";
import test from "node:test";
import { pathToFileURL } from "node:url";

const { forget, needsMatplotlib, normalized, waitingFor } = await import(
  pathToFileURL(process.env.LIVE_JS)
);

// rng = make(); x = rng.normal(); y = rng.normal(); z = 1; print(z)
const cells = [
  { needs: [], binds: ["rng"], changes: [] },
  { needs: [0], binds: ["x"], changes: ["rng"] },
  { needs: [0, 1], binds: ["y"], changes: ["rng"] },
  { needs: [], binds: ["z"], changes: [] },
  { needs: [3], binds: [], changes: [] },
];
const run = (index, done) => {
  const order = [...waitingFor(cells, index, done), index];
  for (const i of order) done.add(i);
  for (const i of order) forget(cells, i, done);
  return order;
};

test("a cell runs after what it needs, once", () => {
  const done = new Set();
  assert.deepEqual(run(4, done), [3, 4]);
  assert.deepEqual(run(4, done), [4]);
});

test("what a cell has changed is made again, so that a second run draws the same", () => {
  const done = new Set();
  assert.deepEqual(run(2, done), [0, 1, 2]);
  assert.deepEqual(run(2, done), [0, 1, 2]);
  assert.deepEqual(run(1, done), [0, 1]);
  assert.deepEqual(run(4, done), [3, 4]); // the others keep what they made
});

test("line ends and trailing spaces do not make outputs differ", () => {
  assert.equal(normalized("a\r\nb \n"), "a\nb");
});

test("Matplotlib is loaded for cells that draw", () => {
  assert.ok(needsMatplotlib(["x = 1", "plt.plot(x)"]));
  assert.ok(!needsMatplotlib(["split(x)", "adapt = 1"]));
});
