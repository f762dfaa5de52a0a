// Run by test_live_javascript.py.
import assert from "node:assert/strict";
import test from "node:test";
import { pathToFileURL } from "node:url";

const { answersIn, partsOf, sentenceOf } = await import(pathToFileURL(process.env.LIVE_JS));

const START = 'Traceback (most recent call last):\n  File "<cell top-check>", line 1, in <module>\n';
const ANSWER = `${START}  File "/lib/fmlab/checks/sampling.py", line 9, in check_top
  File "<cell top-sol>", line 3, in top_p
    raise NotImplementedError()
`;

test("a failed check is its sentence", () => {
  const failed = `${START}fmlab.checks.assertions.CheckFailed: top_p is None: return it (#top-p)\n`;
  assert.deepEqual(sentenceOf(failed), { sentence: "top_p is None: return it (#top-p)", isPlain: true });
  const long = `${START}fmlab.checks.assertions.CheckFailed: one\ntwo\n`;
  assert.equal(sentenceOf(long).sentence, "one\ntwo");
});

test("an empty answer says what is empty", () => {
  assert.match(sentenceOf(`${ANSWER}NotImplementedError\n`).sentence, /^top_p is still empty\. Write/);
  const cell = `${START}    raise NotImplementedError()\nNotImplementedError\n`;
  assert.match(sentenceOf(cell).sentence, /^your answer is still empty\. Write/);
});

test("another error is named, and its traceback is worth reading", () => {
  const { sentence, isPlain } = sentenceOf(`${ANSWER}ZeroDivisionError: division by zero\n`);
  assert.equal(sentence, "your code stops with ZeroDivisionError: division by zero");
  assert.ok(!isPlain);
  const own = `${START}NotImplementedError: rows of unequal length\n`;
  assert.match(sentenceOf(own).sentence, /rows of unequal length/);
});

test("labels of sections are parts of their own", () => {
  assert.deepEqual(partsOf("See it (#min-p-and-order), or #1."), [
    { text: "See it (" }, { label: "min-p-and-order" }, { text: "), or #1." },
  ]);
});

test("damaged answers are no answers", () => {
  for (const text of [null, "no JSON", "null", "3", '{"a": 1}', '["x"]'.replace('"x"', "1")]) {
    assert.deepEqual(answersIn(text), {});
  }
  assert.deepEqual(answersIn('{"top-sol": "x = 1", "y": null}'), { "top-sol": "x = 1" });
});
