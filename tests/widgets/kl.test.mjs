// Run by test_javascript.py, which writes the widget's script and what Python expects of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { pathToFileURL } from "node:url";

const given = process.env.FMLAB_WIDGETS;
if (!given) throw new Error("run these tests with: pytest tests/widgets");
const { betas, labs } = JSON.parse(readFileSync(`${given}/kl.json`, "utf8"));
const {
  BETAS,
  bestOfN,
  decimal,
  default: widget,
  entropy,
  kl,
  mean,
  measures,
  optimum,
  path,
  percent,
  ticks,
  turningPoint,
} = await import(pathToFileURL(`${given}/kl.mjs`));

const CLOSE = 1e-6;
function close(actual, expected, message) {
  assert.equal(actual.length, expected.length, message);
  for (const [i, value] of expected.entries()) {
    const near = CLOSE * Math.max(1, Math.abs(value));
    assert.ok(Math.abs(actual[i] - value) <= near, `${message}: ${actual[i]} for ${value} at ${i}`);
  }
}
function sameMeasures(actual, expected, message) {
  close(actual.policy, expected.policy, `policy ${message}`);
  close([actual.kl, actual.entropy], [expected.kl, expected.entropy], `KL, entropy ${message}`);
  close(actual.means, expected.means, `means ${message}`);
}
const rewardsOf = (lab) => [lab.reward, lab.true_reward];

test("the slider of beta has the stops that Python knows, evenly on a log scale", () => {
  assert.deepEqual(BETAS, betas);
  assert.deepEqual([BETAS[0], BETAS.at(-1), BETAS.includes(1)], [0.02, 20, true]);
  for (let i = 1; i < BETAS.length; i++)
    assert.ok(Math.abs(BETAS[i] / BETAS[i - 1] - 10 ** (1 / 20)) < 0.08, `${BETAS[i]}`);
});

test("the optimum, its KL, entropy and rewards are those of Python at any beta", () => {
  for (const [i, lab] of labs.entries())
    for (const [beta, expected] of lab.optima) {
      const policy = optimum(lab.reference, lab.reward, beta);
      const actual = measures(policy, lab.reference, rewardsOf(lab));
      sameMeasures(actual, expected, `lab ${i}, beta ${beta}`);
    }
});

test("the objective at the optimum is beta log E[exp(r / beta)], as Python has it", () => {
  for (const [i, { reference, reward, objectives }] of labs.entries())
    for (const [beta, expected] of objectives) {
      const policy = optimum(reference, reward, beta);
      const objective = mean(policy, reward) - beta * kl(policy, reference);
      close([objective], [expected], `lab ${i}, beta ${beta}`);
    }
});

test("best-of-N is what it is in Python, ties and all", () => {
  for (const [i, lab] of labs.entries())
    for (const [n, expected] of lab.draws) {
      const policy = bestOfN(lab.reference, lab.reward, n);
      sameMeasures(measures(policy, lab.reference, rewardsOf(lab)), expected, `lab ${i}, n ${n}`);
    }
});

test("the other reward turns at the beta where Python has it turn", () => {
  for (const { reference, reward, true_reward, turns } of labs)
    assert.deepEqual(
      [turningPoint(reference, reward, true_reward), turningPoint(reference, true_reward, reward)],
      turns,
    );
  assert.ok(labs.some(({ turns }) => turns[0] !== null));
  assert.ok(labs.some(({ turns }) => turns[0] === null));
});

test("the path leads from the reference to the largest goal, with ever more KL and goal", () => {
  for (const lab of labs) {
    const rewards = rewardsOf(lab);
    for (const [i, goal] of rewards.entries()) {
      const points = path(lab.reference, goal, rewards);
      close(points[0].policy, lab.reference, "start");
      close([points.at(-1).means[i]], [Math.max(...goal)], "end");
      const near = CLOSE * Math.max(1, ...goal.map(Math.abs));
      for (let j = 1; j < points.length; j++) {
        assert.ok(points[j].kl >= points[j - 1].kl - CLOSE);
        assert.ok(points[j].means[i] >= points[j - 1].means[i] - near);
      }
    }
  }
});

test("without a cost of KL only the best responses are left, and ties stay as they were", () => {
  close(optimum([0.2, 0.3, 0.5], [1, 1, 0], 0), [0.4, 0.6, 0], "beta 0");
  close(optimum([0.2, 0.3, 0.5], [1, 1, 0], Infinity), [0.2, 0.3, 0.5], "beta infinite");
});

test("KL and entropy of a certain outcome are exact, and never below 0", () => {
  assert.equal(kl([0, 1], [0.75, 0.25]), Math.log(4));
  assert.ok(Object.is(entropy([0, 1]), 0));
  assert.equal(kl([0.1, 0.2, 0.7], [0.1, 0.2, 0.7]), 0);
});

test("ticks are round, within the axis, and few", () => {
  assert.deepEqual(ticks(-3.4, 4.3).map(({ text }) => text), ["−2", "0", "2", "4"]);
  assert.deepEqual(ticks(0, 1).map(({ text }) => text), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
  for (const [low, high] of [[0, 0.007], [-1e6, 1e6], [2.3, 2.31], [0, 27.6], [-1, 1]]) {
    const actual = ticks(low, high);
    assert.ok(actual.length >= 2 && actual.length <= 7, `${low} ${high}: ${actual.length}`);
    assert.ok(actual.every(({ value }) => value >= low - 1e-9 && value <= high + 1e-9));
    assert.equal(new Set(actual.map(({ text }) => text)).size, actual.length);
  }
});

test("a probability is never shown as 0% or 100% unless it is that", () => {
  const shown = { 0: "0%", 1: "100%", 0.5: "50.0%", 0.0123: "1.2%", 0.0005: "0.1%" };
  for (const [p, text] of Object.entries(shown)) assert.equal(percent(Number(p)), text);
  assert.equal(percent(1e-9), "<0.1%");
  assert.equal(percent(0.9996), ">99.9%");
  assert.equal(percent(1 - 1e-15), "100%");
});

test("a number that rounds to 0 has no sign, and others have a true minus", () => {
  assert.deepEqual([-0.001, -0, 0.004, -1.005, 1234.5].map((x) => decimal(x)), [
    "0.00", "0.00", "0.00", "−1.00", "1,234.50",
  ]);
});

test("the module is an anywidget", () => {
  assert.equal(typeof widget.render, "function");
});
