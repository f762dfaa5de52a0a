// Run by test_javascript.py, which writes the widget's script and what Python expects of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";

const given = process.env.FMLAB_WIDGETS;
if (!given) throw new Error("run these tests with: pytest tests/widgets");
const vectors = JSON.parse(readFileSync(`${given}/published.json`, "utf8"));
const {
  PublishedMerges,
  decodePart,
  directionRuns,
  encode,
  idsAfter,
  mergeHistory,
  mergeSteps,
  owners,
  readVocabulary,
  request,
  stepsWithin,
  unzip,
  utf8,
  wordDirection,
} = await import(pathToFileURL(`${given}/published.mjs`));

const loaded = {};
for (const { name, data } of vectors.published) {
  const vocabulary = readVocabulary(await unzip(Buffer.from(data, "base64")));
  loaded[name] = { vocabulary, merges: new PublishedMerges(vocabulary) };
}
const { cl100k, smollm2 } = loaded;

test("a vocabulary is read with its split, its special tokens and its bytes", () => {
  for (const { name, split, size, nBytes, special, vocab } of vectors.published) {
    const { vocabulary, merges } = loaded[name];
    assert.equal(vocabulary.split, split);
    assert.deepEqual(vocabulary.special, special);
    assert.equal(merges.size, size);
    assert.equal(merges.nBytes, nBytes);
    const symbols = new Map(Array.from(vocabulary.ids, (id, symbol) => [id, symbol]));
    for (const [id, bytes] of vocab) assert.deepEqual(merges.bytes(symbols.get(id)), bytes);
  }
});

test("ids equal those of Python under any number of merges", () => {
  for (const { name, split, cases } of vectors.published)
    for (const { text, nMerges, ids } of cases) {
      const got = encode(text, loaded[name].merges, { split, nMerges });
      assert.deepEqual(got, ids, `${name}, ${JSON.stringify(text)}, ${nMerges} merges`);
    }
});

test("one pair per token is enough where Python merges any pair that makes a token", async () => {
  const vocabulary = readVocabulary(await unzip(Buffer.from(vectors.tangled.data, "base64")));
  const merges = new PublishedMerges(vocabulary);
  for (const { text, nMerges, ids } of vectors.tangled.cases)
    assert.deepEqual(encode(text, merges, { nMerges }), ids, `${text}, ${nMerges} merges`);
});

test("ids of GPT-4's vocabulary equal those of tiktoken", () => {
  assert.ok(vectors.tiktoken.length > 2000);
  for (const [text, ids] of vectors.tiktoken)
    assert.deepEqual(encode(text, cl100k.merges, { split: "gpt4" }), ids, JSON.stringify(text));
});

test("each token is merged from the two parts that it is said to consist of", () => {
  for (const { merges } of Object.values(loaded))
    for (let id = 256; id < 256 + merges.size; id += 1009) {
      const [left, right] = merges.parts(id);
      assert.equal(merges.id(left, right), id);
      assert.deepEqual([...merges.bytes(left), ...merges.bytes(right)], merges.bytes(id));
      const history = mergeHistory(
        new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(merges.bytes(id))),
        merges,
      );
      if (history.bytes.length === merges.bytes(id).length && !history.word.includes("\ufffd"))
        assert.deepEqual(idsAfter(history, history.steps.length), [id]);
    }
});

test("the listed steps of a word lead from its bytes to its tokens", () => {
  for (const { merges } of Object.values(loaded))
    for (const word of [" tokenization", " 日本語", "🎉", "မြန်မာ"]) {
      const history = mergeHistory(word, merges);
      for (const { left, right, made } of mergeSteps(history, merges))
        assert.deepEqual([...merges.bytes(left), ...merges.bytes(right)], merges.bytes(made));
      for (let n = 0; n <= merges.size; n += 4999) {
        const bytes = idsAfter(history, stepsWithin(history, n)).flatMap((id) => merges.bytes(id));
        assert.deepEqual(bytes, merges.known(utf8(word)));
      }
    }
});

const shown = (word, merges) => {
  const history = mergeHistory(word, merges);
  const all = owners(word, merges);
  let at = 0;
  return idsAfter(history, history.steps.length).map((id) => {
    const bytes = merges.bytes(id);
    const parts = decodePart(bytes, all.slice(at, (at += bytes.length)));
    return parts.map(({ text, owner }) => (owner ? `${owner}${text}` : text)).join(" ");
  });
};

test("bytes that are part of a character name the character", () => {
  assert.deepEqual(shown("🎉🎉", cl100k.merges), [
    "🎉⟨F0 9F⟩", "🎉⟨8E⟩", "🎉⟨89⟩", "🎉⟨F0 9F⟩", "🎉⟨8E⟩", "🎉⟨89⟩",
  ]);
  assert.deepEqual(shown(" don", cl100k.merges), ["␣ don"]);
  assert.deepEqual(shown("e\u0301", cl100k.merges), ["e", "\u25cc\u0301"]);
  assert.ok(shown("မြန်မာ", smollm2.merges).every((text) => /⟨/.test(text) && !/^⟨/.test(text)));
});

test("a token with the end of one character and the start of the next names both", () => {
  const bytes = [0x98, 0x80, 0x21, 0xf0, 0x9f];
  const [first, mark, second] = [
    { character: "😀", start: 0, length: 4 },
    { character: "!", start: 4, length: 1 },
    { character: "🎉", start: 5, length: 4 },
  ];
  const parts = decodePart(bytes, [first, first, mark, second, second]);
  assert.deepEqual(
    parts.map(({ kind, text, owner }) => [kind, text, owner]),
    [["bytes", "⟨98 80⟩", "😀"], ["text", "!", undefined], ["bytes", "⟨F0 9F⟩", "🎉"]],
  );
});

test("bytes without a token are left out", () => {
  const { merges } = smollm2;
  assert.deepEqual(encode("\x04", merges, { split: "digits" }), []);
  assert.deepEqual(owners("a\x04b", merges).map(({ character }) => character), ["a", "b"]);
  assert.equal(owners("\u{40000}", merges).length, 3);
});

test("numbers and words run their own way in a text of the other direction", () => {
  assert.equal(wordDirection(" 123"), "ltr");
  assert.equal(wordDirection("مطر"), "rtl");
  assert.equal(wordDirection(" ,"), undefined);
  const runs = (words, base) =>
    directionRuns(words, base).map(({ dir, from, to }) => [dir, words.slice(from, to).join("|")]);
  assert.deepEqual(runs(["هذا", " نص", " ", "3", ".", "14", ",", " مطر"], "rtl"), [
    [undefined, "هذا| نص| "], ["ltr", "3|.|14"], [undefined, ",| مطر"],
  ]);
  assert.deepEqual(runs(["مطر", " 12", "\n", "34", "."], "rtl"), [
    [undefined, "مطر"], ["ltr", " 12"], [undefined, "\n"], ["ltr", "34"], [undefined, "."],
  ]);
  assert.deepEqual(runs(["see", " مطر", " و", "!"], "ltr"), [
    [undefined, "see"], ["rtl", " مطر| و"], [undefined, "!"],
  ]);
  assert.deepEqual(runs(["plain", " text"], "ltr"), [[undefined, "plain| text"]]);
  assert.deepEqual(runs([], "ltr"), []);
});

// A stand-in for a widget's model, which answers what is sent to it.
function modelThat(answer) {
  const listeners = new Set();
  const tell = (...message) => [...listeners].forEach((listener) => listener(...message));
  return {
    listeners,
    on: (event, listener) => event === "msg:custom" && listeners.add(listener),
    off: (event, listener) => listeners.delete(listener),
    send: (content) => answer(content, tell),
  };
}

test("a request returns the bytes that are sent, and reports progress", async () => {
  const zipped = Buffer.from(vectors.published[1].data, "base64");
  const heard = [];
  const model = modelThat((content, tell) => {
    assert.deepEqual(content, { request: "smollm2" });
    tell({ data: "cl100k" }, [new DataView(new ArrayBuffer(1))]); // of another request
    tell({ data: "smollm2", loaded: 10 });
    tell({ data: "smollm2" }, [zipped]);
  });
  const data = await request(model, "smollm2", (n) => heard.push(n));
  assert.equal(readVocabulary(data).merges, 48_900);
  assert.deepEqual(heard, [10]);
  assert.equal(model.listeners.size, 0);
});

test("a request fails with the reason that is given", async () => {
  const refusing = modelThat((_, tell) => tell({ data: "cl100k", error: "It is missing." }));
  await assert.rejects(request(refusing, "cl100k"), { message: "It is missing." });
  assert.equal(refusing.listeners.size, 0);
  const dead = modelThat(() => {
    throw new Error("no kernel");
  });
  await assert.rejects(request(dead, "cl100k"), { message: "no kernel" });
  assert.equal(dead.listeners.size, 0);
});

test("a vocabulary is ready in less than a second, 5,000 characters in less than 50 ms", async () => {
  for (const { data, split } of vectors.published) {
    let merges;
    const ready = [];
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      merges = new PublishedMerges(readVocabulary(await unzip(Buffer.from(data, "base64"))));
      ready.push(performance.now() - start);
    }
    assert.ok(Math.min(...ready) < 1000, `${ready} ms`);
    const text = "The quick brown fox, 12345 times, don't 🎉 日本語 မြန်မာ\n".repeat(99).slice(0, 5000);
    const times = Array.from({ length: 5 }, () => {
      const start = performance.now();
      encode(text, merges, { split });
      return performance.now() - start;
    });
    assert.ok(Math.min(...times) < 50, `${times} ms`);
  }
});
