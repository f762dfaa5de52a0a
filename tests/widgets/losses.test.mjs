// Run by test_javascript.py, which writes the widget's script and what Python expects of it.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";

const given = process.env.FMLAB_WIDGETS;
if (!given) throw new Error("run these tests with: pytest tests/widgets");
const vectors = JSON.parse(readFileSync(`${given}/losses.json`, "utf8"));
const script = await import(pathToFileURL(`${given}/losses.mjs`));
const { default: widget, chance, mean, sayToken, unpackLosses, verdict } = script;
writeFileSync(`${given}/losses_worker.mjs`, vectors.worker);
const { commands } = await import(pathToFileURL(`${given}/losses_worker.mjs`));

async function opened(name) {
  const worker = commands();
  if (!vectors.folders[name]) worker.openCounts({ data: Uint8Array.from(vectors.bigrams) });
  else {
    const read = (file) => readFileSync(`${vectors.folders[name]}/${file}`);
    const { buffer, byteOffset, byteLength } = read("model.safetensors");
    const weights = buffer.slice(byteOffset, byteOffset + byteLength);
    const [config, tokenizer] = ["config.json", "bpe.json"].map((file) => read(file).toString());
    await worker.open({ files: { config, tokenizer, weights } });
  }
  return worker;
}

function near(actual, expected, tolerance, what) {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${what}: ${actual}, not ${expected}`);
}

for (const name of new Set(vectors.cases.map(({ model }) => model)))
  test(`the losses of ${name} equal those in Python`, async () => {
    const worker = await opened(name);
    for (const expected of vectors.cases.filter(({ model }) => model === name)) {
      const rows = worker.losses({ text: expected.text, n: vectors.n });
      assert.deepEqual(rows.map(({ bytes }) => [...bytes]), expected.bytes);
      near(mean(rows.map(({ loss }) => loss)), expected.mean, 1e-4, "mean");
      rows.forEach(({ loss, rank, likely }, i) => {
        const at = `${name}, ${JSON.stringify(expected.text)}, token ${i}`;
        near(loss, expected.losses[i], 1e-4 * (1 + expected.losses[i]), at);
        near(rank, expected.ranks[i], 1, at); // two tokens that are nearly equally likely
        likely.forEach(({ probability }, k) => near(probability, expected.likely[i][k][1], 1e-4, at));
        assert.equal(likely[0].id, expected.likely[i][0][0]);
      });
    }
  });

test("a text that is longer than the context is refused with both numbers", async () => {
  const worker = await opened("nano");
  assert.throws(() => worker.losses({ text: " the".repeat(300), n: 1 }), /301 tokens, .* context is 256/);
});

test("recorded results have the form of the worker's", () => {
  const found = unpackLosses(vectors.recorded, vectors.vocabulary);
  for (const expected of vectors.cases.filter(({ text }) => text.startsWith("Jipim"))) {
    const rows = found[expected.model];
    assert.deepEqual(rows.map(({ bytes }) => bytes), expected.bytes);
    assert.deepEqual(rows.map(({ rank }) => rank), expected.ranks);
    rows.forEach(({ loss, likely }, i) => {
      near(loss, expected.losses[i], 5.1e-5, "loss");
      assert.deepEqual(likely.map(({ id }) => id), expected.likely[i].map(([id]) => id));
      for (const [k, { probability }] of likely.entries())
        near(probability / expected.likely[i][k][1], 1, 0.006, "probability");
    });
  }
});

test("small probabilities are written as one chance in many", () => {
  const texts = [1, 0.12345, 0.001, 0.0004, 1e-9].map(chance);
  assert.deepEqual(texts, ["> 99.9%", "12.3%", "0.1%", "1 in 2,500", "1 in 1,000,000,000"]);
});

test("a loss above the uniform guess is called worse", () => {
  assert.match(verdict(7.7, 2048), /worse than a uniform guess among 2,048 tokens/);
  assert.match(verdict(2, 2048), /^A uniform guess among 2,048 tokens has 7\.62 nats/);
});

test("a token is described by its probability, loss and rank", () => {
  const row = { bytes: [32, 97], loss: Math.log(4), rank: 1 };
  assert.equal(
    sayToken(row, 2, 2048),
    "Token 3, “␣a”: probability 25.0%, loss 1.39 nats, the most likely token.",
  );
  assert.match(sayToken({ ...row, rank: 12 }, 2, 2048), /rank 12 of 2,048\.$/);
});

test("a link may set what there is", () => {
  const values = { examples: [["a", "b"]], models: [{ name: "bigram" }, { name: "micro" }] };
  const { example, model } = widget.settings({ get: (name) => values[name] });
  assert.equal(example.max, 0);
  assert.deepEqual(model.choices, ["bigram", "micro"]);
});
