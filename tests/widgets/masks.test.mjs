// Run by test_javascript.py, which writes the widget's script and what Python expects of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";

const given = process.env.FMLAB_WIDGETS;
if (!given) throw new Error("run these tests with: pytest tests/widgets");
const vectors = JSON.parse(readFileSync(`${given}/masks.json`, "utf8"));
const { default: widget, ...masks } = await import(pathToFileURL(`${given}/masks.mjs`));

for (const format of vectors.formats) format.states = format.states.map(masks.numbersOf);
const { special, end } = vectors;
const words = { special, end, tokens: vectors.tokens.map((bytes) => Uint8Array.from(bytes)) };
const [choices, pattern, characters, schema] = vectors.formats;
const utf8 = (text) => [...new TextEncoder().encode(text)];
const at = (format, text) => masks.readBytes(format.states, 0, utf8(text)).state;
const expects = (format, text) => masks.expected(format.states, at(format, text));
const refuses = (format, text, token) =>
  masks.refusal(format.states, at(format, text), token && utf8(token));

test("in every state the same tokens are allowed as in Python", () => {
  for (const format of vectors.formats) {
    format.masks.forEach((ids, state) => {
      const mask = masks.allowedTokens(format, words, state);
      assert.deepEqual([...mask.keys()].filter((id) => mask[id]), ids);
    });
  }
});

test("where the text does not fit, no token is allowed", () => {
  assert.equal(masks.allowedTokens(choices, words, -1).some(Boolean), false);
});

test("tokens lead to the same state as in Python", () => {
  for (const format of vectors.formats)
    for (const [ids, state] of format.walks) {
      assert.equal(masks.stateAfter(format, words, ids), state);
      if (state >= 0) assert.equal(masks.stateAfter(format, words, [...ids, end]), state);
    }
});

test("the table has the same rows as the one on record", () => {
  for (const { probs, mask, step } of vectors.tables) {
    const computed = masks.tableRows(Float64Array.from(probs), mask);
    const recorded = masks.recordedRows(step);
    assert.deepEqual(computed.rows.map(({ id }) => id), recorded.rows.map(({ id }) => id));
    assert.equal(recorded.rows.length, vectors.rows[0]);
    const pairs = computed.rows.map(({ p }, i) => [p, recorded.rows[i].p]);
    for (const [one, other] of [...pairs, [computed.mass, recorded.mass]])
      assert.ok(Math.abs(one - other) <= 1e-4 * one + 1e-300);
  }
});

test("what the format expects is said in words", () => {
  assert.equal(expects(choices, "ba"), "“ker\"}” or “rber\"}”");
  assert.equal(expects(choices, "baker\"}"), "the end");
  assert.equal(expects(pattern, ""), "“in␣Holatho”, “in␣Holussa”, or “unknown”");
  assert.equal(expects(characters, "A"), "a lowercase letter");
  assert.equal(expects(characters, "Ab"), "a lowercase letter or the end");
  assert.equal(expects(characters, "1"), "“x”, a digit, or the end");
  assert.equal(expects(characters, "é"), "“é”");
  assert.equal(expects(schema, ""), "“{\"who\":”");
  assert.equal(expects(schema, "{\"who\":"), "“␣” or “\"”");
  assert.equal(expects(schema, '{"who": "ab'), "“\"”, “\\”, or any other character");
  assert.equal(expects(schema, '{"who": "abc'), "“\"”");
  assert.equal(expects(schema, '{"who": "abc", "year": '), "“3” or “4”");
});

test("in the middle of a character, its rest is expected", () => {
  const { n, state } = masks.readBytes(schema.states, 0, [...utf8('{"who": "a'), 0xe2]);
  assert.equal(n, 11);
  assert.equal(masks.expected(schema.states, state), "the rest of a character");
});

test("why a token is forbidden is said in words", () => {
  assert.equal(refuses(choices, "", "cat"), "“c” can't come here");
  assert.equal(refuses(choices, "", "baby"), "expects “ker\"}” or “rber\"}” after “ba”");
  assert.equal(refuses(schema, '{"who": "abc"', "}."), "the text ends after “}”");
  assert.equal(refuses(pattern, "in Holatho", "s"), "the text is complete");
  assert.equal(refuses(pattern, "in", undefined), "the text isn't complete");
});

test("every token that is forbidden somewhere has a reason", () => {
  for (const format of vectors.formats)
    format.masks.forEach((ids, state) => {
      for (let id = 0; id < words.tokens.length; id += 7) {
        if (ids.includes(id) || special.includes(id)) continue;
        const reason = masks.refusal(format.states, state, words.tokens[id]);
        assert.doesNotMatch(reason, /undefined|“”/);
      }
    });
});

test("small products are powers of ten", () => {
  assert.equal(masks.small(0.25), "0.25");
  assert.equal(masks.small(0), "0.0");
  assert.equal(masks.small(0.000321), "3.2 × 10⁻⁴");
  assert.equal(masks.small(1.04e-12), "1.0 × 10⁻¹²");
});

test("a link may set a format that there is, which starts a new text", () => {
  const set = {};
  const model = {
    get: () => ["one", "two"],
    set: (name, value) => (set[name] = value),
    save_changes() {},
  };
  const { format } = widget.settings(model);
  assert.equal(format.max, 1);
  format.set(1);
  assert.deepEqual(set, { format: 1, response: [] });
});
