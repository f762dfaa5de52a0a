// Run by test_live_javascript.py.
import assert from "node:assert/strict";
import test from "node:test";
import { pathToFileURL } from "node:url";

const {
  forget, inWords, madeFrom, nameOf, needsMatplotlib, needsOf, normalized, waitingFor,
} = await import(
  pathToFileURL(process.env.LIVE_JS)
);

// rng = make(); x = rng.normal(); y = rng.normal(); z = 1; print(z)
const cells = [
  { needs: [], binds: ["rng"], changes: [], reads: [] },
  { needs: [0], binds: ["x"], changes: ["rng"], reads: ["rng"] },
  { needs: [0, 1], binds: ["y"], changes: ["rng"], reads: ["rng"] },
  { needs: [], binds: ["z"], changes: [], reads: [] },
  { needs: [3], binds: [], changes: [], reads: ["z"] },
  { needs: [], binds: ["z"], changes: [], reads: [] },
];
for (const [i, cell] of cells.entries()) cell.code = () => cell.edited ?? `code ${i}`;
const run = (index, done, holders = new Map()) => {
  const others = [...done.keys()].flatMap((i) => cells[i].binds.map((name) => [name, i]));
  for (const [name, i] of others) if (!holders.has(name)) holders.set(name, i);
  const order = [...waitingFor(cells, index, done, holders), index];
  for (const i of order) {
    done.set(i, madeFrom(cells, i));
    for (const name of cells[i].binds) holders.set(name, i);
  }
  for (const i of order) forget(cells, i, done);
  return order;
};

test("a cell runs after what it needs, once", () => {
  const done = new Map();
  assert.deepEqual(run(4, done), [3, 4]);
  assert.deepEqual(run(4, done), [4]);
});

test("what a cell has changed is made again, so that a second run draws the same", () => {
  const done = new Map();
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

test("after an edit, the cells that used it run again, and no others", () => {
  const done = new Map();
  assert.deepEqual(run(4, done), [3, 4]);
  assert.deepEqual(run(0, done), [0]);
  cells[3].edited = "z = 2";
  assert.notEqual(done.get(4), madeFrom(cells, 4)); // what it shows is stale
  assert.deepEqual(run(4, done), [3, 4]);
  assert.equal(done.get(0), madeFrom(cells, 0));
  assert.equal(done.get(4), madeFrom(cells, 4));
  delete cells[3].edited;
});

test("a name that a later cell has bound is bound again for an earlier one", () => {
  const [done, holders] = [new Map(), new Map()];
  assert.deepEqual(run(4, done, holders), [3, 4]);
  assert.deepEqual(run(5, done, holders), [5]);
  assert.deepEqual(run(4, done, holders), [3, 4]);
  assert.deepEqual(run(4, done, holders), [4]);
});

test("what a cell needs is found again in the page, as it was when the site was made", () => {
  for (const { page, needed } of JSON.parse(process.env.LIVE_PAGES)) {
    assert.deepEqual(page.map((_, i) => needsOf(page, i)), needed);
  }
});

test("a cell is named after its first line that does something", () => {
  assert.equal(nameOf("# why\nimport numpy as np\n\nx = 3\ny = 4"), "x = 3");
  assert.equal(nameOf("import numpy"), "import numpy");
  assert.equal(nameOf("x".repeat(80)).length, 50);
});

test("a long time is given in words", () => {
  assert.deepEqual([6, 22.4, 89, 91, 175].map(inWords),
    ["5 seconds", "20 seconds", "90 seconds", "2 minutes", "3 minutes"]);
});

test("a cell that runs again reads what it read before, not what was bound since", () => {
  // options = 1; b = f(options); options = 2; b again, which its cell had changed in place
  const page = [
    { needs: [], binds: ["options"], changes: [], reads: [] },
    { needs: [0], binds: ["b"], changes: ["b"], reads: ["options"] },
    { needs: [], binds: ["options"], changes: [], reads: [] },
    { needs: [0, 1], binds: [], changes: ["b"], reads: ["b"] },
  ];
  for (const [i, cell] of page.entries()) cell.code = () => `code ${i}`;
  const done = new Map([0, 2].map((i) => [i, madeFrom(page, i)]));
  const holders = new Map([["options", 2], ["b", 1]]);
  assert.deepEqual(waitingFor(page, 3, done, holders), [0, 1]);
  done.set(1, madeFrom(page, 1));
  assert.deepEqual(waitingFor(page, 3, done, holders), [0]); // options, for a function that reads it
  holders.set("options", 0);
  assert.deepEqual(waitingFor(page, 3, done, holders), []);
});
