// Run by test_javascript.py, which writes the widget's script and what Python expects of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";

const given = process.env.FMLAB_WIDGETS;
if (!given) throw new Error("run these tests with: pytest tests/widgets");
const vectors = JSON.parse(readFileSync(`${given}/tokenizer.json`, "utf8"));
const {
  Merges,
  cleanText,
  countText,
  decodeToken,
  default: widget,
  direction,
  encode,
  idsAfter,
  mergeHistory,
  mergeSteps,
  nearestStop,
  sliderStops,
  splitText,
  stepsWithin,
  utf8,
} = await import(pathToFileURL(`${given}/tokenizer.mjs`));

const unpack = ({ merges, bytesPerId }) => new Merges(Buffer.from(merges, "base64"), bytesPerId);
const trained = unpack(vectors.tokenizers[0]);
const latin1 = (text) => Array.from(text, (character) => character.charCodeAt(0));
const texts = vectors.tokenizers[0].cases.map(({ text }) => text);

test("ids equal those of Python under any number of merges", () => {
  for (const { cases, ...tokenizer } of vectors.tokenizers) {
    const merges = unpack(tokenizer);
    for (const { text, nMerges, ids } of cases) {
      const got = encode(text, merges, { split: tokenizer.split, nMerges });
      assert.deepEqual(got, ids, `${JSON.stringify(text)}, ${nMerges} merges`);
    }
  }
});

test("the merge table is read from any part of a buffer", () => {
  const packed = Buffer.from(vectors.tokenizers[0].merges, "base64");
  const shifted = new Uint8Array(packed.length + 3);
  shifted.set(packed, 3);
  const view = new DataView(shifted.buffer, 3);
  assert.deepEqual(new Merges(view, 2).pairs, trained.pairs);
  assert.equal(new Merges(new DataView(new ArrayBuffer(0)), 2).size, 0);
});

test("words, joined, are the text", () => {
  for (const text of texts)
    for (const split of ["gpt2", "gpt4"]) assert.equal(splitText(text, split).join(""), text);
});

test("every character belongs to the class that it has in Python", () => {
  for (const [first, last, shape] of vectors.shapes)
    for (let c = first; c <= last; c++) {
      const character = String.fromCodePoint(c);
      if (/\p{Cn}/u.test(character)) continue; // not in this node's Unicode yet
      const words = splitText(`x${character}x1${character}1 ${character}`);
      const lengths = words.map((word) => Array.from(word).length);
      assert.deepEqual(lengths, shape, `U+${c.toString(16)}`);
    }
});

test("a word's steps are the merges that change it, in order", () => {
  for (const { word, states } of vectors.steps) {
    const history = mergeHistory(word, trained);
    const rows = mergeSteps(history, trained);
    assert.deepEqual(rows.map(({ rank }) => rank), states.slice(1).map(([rank]) => rank));
    for (const [rank, ids] of states)
      assert.deepEqual(idsAfter(history, stepsWithin(history, rank)), ids, `${word}, ${rank}`);
    for (const { left, right, made, rank } of rows) {
      assert.equal(made, 255 + rank);
      assert.deepEqual(trained.bytes(made), [...trained.bytes(left), ...trained.bytes(right)]);
    }
  }
});

test("a merge made in several places of a word is one row", () => {
  const merges = new Merges(Uint16Array.of(97, 98, 256, 256), 2);
  const history = mergeHistory("ababab", merges);
  assert.deepEqual(mergeSteps(history, merges), [
    { rank: 1, left: 97, right: 98, made: 256, times: 3 },
    { rank: 2, left: 256, right: 256, made: 257, times: 1 },
  ]);
  assert.deepEqual(mergeSteps(history, merges, 1).length, 1);
  assert.deepEqual(mergeSteps(history, merges, 0), []);
});

test("20,000 times one letter does not hang", { timeout: 20_000 }, () => {
  assert.deepEqual(encode(vectors.long.text, trained), vectors.long.ids);
});

test("counts equal those of Python", () => {
  for (const [text, [characters, bytes, words]] of vectors.counts)
    assert.deepEqual(countText(text), { characters, bytes, words }, JSON.stringify(text));
});

test("lone surrogates become three bytes", () => {
  assert.deepEqual(utf8("\ud83d"), [0xed, 0xa0, 0xbd]);
  assert.deepEqual(utf8("\ud83d\ude00"), [0xf0, 0x9f, 0x98, 0x80]);
});

test("a token shows letters as text, white space as marks, unfinished characters as hex", () => {
  const show = (bytes) => decodeToken(bytes).map(({ kind, text }) => `${kind} ${text}`);
  assert.deepEqual(show(utf8(" the")), ["mark ␣", "text the"]);
  assert.deepEqual(show(utf8("\n\n\tx")), ["mark ↵", "mark ↵", "mark ⇥", "text x"]);
  assert.deepEqual(show(utf8("é€😀")), ["text é€😀"]);
  assert.deepEqual(show(latin1("\xe2\x82")), ["bytes ⟨E2 82⟩"]);
  assert.deepEqual(show(latin1(" \xe2\x80")), ["mark ␣", "bytes ⟨E2 80⟩"]);
  assert.deepEqual(show(latin1("\x80a\xf0")), ["bytes ⟨80⟩", "text a", "bytes ⟨F0⟩"]);
  assert.deepEqual(show(utf8("\u200d\u00a0\r")), ["mark U+200D", "mark U+00A0", "mark U+000D"]);
  assert.deepEqual(show(utf8("\ufeff")), ["mark U+FEFF"]);
  assert.deepEqual(show(utf8("e\u0301")), ["text e\u0301"]);
  assert.deepEqual(show(utf8("\u0301")), ["text \u25cc\u0301"]);
  assert.deepEqual(show(utf8("☔\ufe0f")), ["text ☔\ufe0f"]);
  assert.deepEqual(show(utf8("\ufe0f")), ["mark U+FE0F"]);
});

test("what is spoken of a token names what cannot be heard", () => {
  const spoken = (bytes) => decodeToken(bytes).map((part) => part.spoken);
  assert.deepEqual(spoken(utf8(" a\n")), ["space", "a", "newline"]);
  assert.deepEqual(spoken([0xe2, 0x82]), ["bytes E2 82"]);
});

test("only whole characters are text, as the standard decoder sees it", () => {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const isWhole = (bytes) => {
    try {
      return Array.from(strict.decode(Uint8Array.from(bytes))).length === 1;
    } catch {
      return false;
    }
  };
  const edges = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0];
  const tails = [[], ...edges.flatMap((a) => [[a], ...edges.map((b) => [a, b])])];
  for (let first = 0x80; first < 256; first++)
    for (const second of edges)
      for (const tail of tails) {
        const bytes = [first, second, ...tail];
        const whole = [2, 3, 4].some((n) => n <= bytes.length && isWhole(bytes.slice(0, n)));
        const hexFirst = decodeToken(bytes)[0].kind === "bytes";
        assert.equal(hexFirst, !whole, bytes.map((b) => b.toString(16)).join(" "));
      }
});

test("the slider reaches every small number of merges, and the largest", () => {
  for (const size of [0, 1, 5, 100, 4096, 100_000]) {
    const stops = sliderStops(size);
    assert.equal(stops[0], 0);
    assert.equal(stops.at(-1), size);
    assert.ok(stops.every((stop, i) => i === 0 || stop > stops[i - 1]));
    for (let n = 0; n <= Math.min(30, size); n++) assert.equal(stops[n], n);
    assert.ok(stops.length < 300);
    for (const [i, stop] of stops.entries()) assert.equal(nearestStop(stops, stop), i);
  }
  assert.equal(nearestStop([0, 10, 20], 14), 1);
  assert.equal(nearestStop([0, 10, 20], 16), 2);
});

test("a text is cut at 20,000 characters, never within one", () => {
  assert.equal(cleanText("a\n b"), "a\n b");
  assert.equal(cleanText("😀".repeat(20_001)), "😀".repeat(20_000));
  assert.equal(cleanText("a" + "😀".repeat(30_000)), "a" + "😀".repeat(19_999));
  assert.equal(cleanText("a\ud83d"), "a\ufffd");
});

test("a text runs the way of its first letter", () => {
  assert.equal(direction("1. מים and so on"), "rtl");
  assert.equal(direction("مطر"), "rtl");
  assert.equal(direction("rain مطر"), "ltr");
  assert.equal(direction("123"), "ltr");
});

test("the module is an anywidget", () => {
  assert.equal(typeof widget.render, "function");
});
