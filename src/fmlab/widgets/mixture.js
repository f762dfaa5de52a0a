// The mixture explorer: two texts, a share, and what a model of the mixture predicts and writes.

const MAX_N = 6;
const MAX_CHARACTERS = 8000;
const SETTINGS = ["first", "second", "share", "n", "seed"];
const PERCENTS = Array.from({ length: 101 }, (_, i) => i / 100);
const LENGTHS = Array.from({ length: MAX_N }, (_, i) => i + 1);
const ALIKE = 0.5; // bits per byte that a text must gain from itself, for a part of it to mean much

export const shareText = (share) => `${Number((100 * share).toFixed(2))}%`;

// What a little of the second text gains and costs. `none` and `all` are the losses with none of
// it and with nothing else.
export function verdict({ share, now, none, all, names: [first, second] }) {
  if (!none || !all) return "Training …";
  const [gain, most] = [none[1] - now[1], none[1] - all[1]];
  if (most < ALIKE)
    return `Even a model that has read no ${second} predicts it nearly as well. The two texts are alike, or too short to learn from.`;
  if (share === 0) return `The model has read no ${second}. Its loss on ${second} is ${number(now[1], 2)} bits per byte.`;
  const cost = now[0] - none[0];
  const other = `The loss on ${first} is ${number(Math.abs(cost), 2)} ${cost < 0 ? "lower" : "higher"} than with only ${first}.`;
  if (share === 1) return `With only ${second}, the loss on ${second} is ${number(most, 2)} bits per byte lower than with no ${second}. ${other}`;
  const lower = `With ${shareText(share)} ${second}, the loss on ${second} is ${number(gain, 2)} bits per byte lower than with no ${second}`;
  return `${lower}. With only ${second}, it would be ${number(most, 2)} lower. ${other}`;
}

function render({ model, el }) {
  const pairNames = model.get("pairs").map(([name]) => name);
  const pairs = pairButtons({ label: "Texts:", names: pairNames, choose: (i) => choosePair(model, i) });
  const share = sliderCard({ name: "In the mixture", stops: PERCENTS, show: shareText, moved: (value) => update(model, { share: value }) });
  const n = sliderCard({ name: "n: bytes per n-gram", stops: LENGTHS, moved: (value) => update(model, { n: value }) });
  const [plot, table, line] = [mixturePlot(), lossTable(), h("p", { class: "fml-verdict fml-mix-verdict" })];
  const sample = writtenText(model);
  const texts = ["first", "second"].map((trait) => mixedText(model, trait));
  const note =
    "Loss in bits per byte on the held-out part of each text. A model that gives all 256 bytes the same probability " +
    "has a loss of 8. Other samples of the same kind of text give slightly different numbers.";
  const framed = frame(
    el,
    { kind: "fml-mix", title: model.get("title") },
    pairs.node,
    h("div", { class: "fml-two" }, share.node, n.node),
    h(
      "div",
      { class: "fml-two" },
      h("div", {}, plot.node, line),
      h("div", {}, table.node, h("p", { class: "fml-note" }, note), sample.node),
    ),
    h("div", { class: "fml-two" }, ...texts.map(({ node }) => node)),
  );
  let kept;
  const curve = lossCurve(model, () => kept.drawSoon());
  const results = lastResult(mixtureResult);
  let spoken;
  function draw() {
    const state = Object.fromEntries(SETTINGS.map((name) => [name, model.get(name)]));
    const names = namesOf(model, state);
    const both = parts(state.first, state.second);
    pairs.draw(pairOf(model));
    share.draw(state.share);
    n.draw(state.n);
    write(share.node.querySelector("label"), `${capitalized(names[1])} in the mixture`);
    texts.forEach((text, i) => text.draw(state, names[i], both));
    const points = both ? curve.of(state, both) : new Map();
    const result = both && results(state, both);
    const shown = { ...state, ...result, names, points, none: points.get(0), all: points.get(1) };
    for (const part of [plot, table, sample]) part.draw(shown);
    const summary = result ? verdict(shown) : `Both texts must have at least ${MIN_BYTES} bytes.`;
    write(line, summary);
    if (spoken !== undefined && summary !== spoken) framed.say(summary);
    spoken = summary;
  }
  kept = keepDrawn(model, SETTINGS, framed, draw);
  return () => {
    curve.end();
    kept.end();
  };
}

// What a link may set. A pair is set by its place. A reader's own texts are too long for a link, so a
// copied one leads to the first pair.
function settings(model) {
  const last = model.get("pairs").length - 1;
  return {
    pair: { kind: "number", min: 0, max: last, whole: true, get: () => Math.max(0, pairOf(model)), set: (i) => choosePair(model, i) },
    share: { kind: "number", min: 0, max: 1 },
    n: { kind: "number", min: 1, max: MAX_N, whole: true },
    seed: { kind: "number", min: 0, max: 2 ** 32 - 1, whole: true },
  };
}

export default { render, settings };

// The losses of the model that the settings describe, those of byte frequencies alone, and its text.
function mixtureResult({ share, n, seed }, both) {
  const tables = mixed(both, share, n);
  return { now: lossesOf(tables, both), frequencies: lossesOf(tables.slice(0, 1), both), text: writes(tables, seed) };
}

// A function that computes again only if the settings differ from those of the last call.
function lastResult(compute) {
  let [key, result] = [];
  return (state, ...rest) => {
    const current = JSON.stringify(state);
    if (current !== key) [key, result] = [current, compute(state, ...rest)];
    return result;
  };
}

// The losses at every point of the curve: those that Python recorded, or else computed here, one at
// a time, so that the page stays quick.
function lossCurve(model, drawSoon) {
  let [key, timer] = [];
  let points = new Map();
  const fromTheEnds = (a, b) => Math.abs(b - 0.5) - Math.abs(a - 0.5); // the verdict needs both ends
  const shares = model.get("recorded").map(([share]) => share).sort(fromTheEnds);
  const compute = (both, n) => {
    const share = shares.find((each) => !points.has(each));
    if (share === undefined) return;
    points.set(share, lossesOf(mixed(both, share, n), both));
    drawSoon();
  };
  const recorded = ({ first, second, n }) => {
    const [, [, a], [, b]] = model.get("pairs")[0];
    const isRecorded = first === a && second === b && n === model.get("recorded_n");
    return isRecorded ? model.get("recorded").map(([share, ...losses]) => [share, losses]) : [];
  };
  return {
    of(state, both) {
      const current = JSON.stringify([state.first, state.second, state.n]);
      if (current !== key) [key, points] = [current, new Map(recorded(state))];
      clearTimeout(timer);
      timer = setTimeout(compute, 0, both, state.n);
      return points;
    },
    end: () => clearTimeout(timer),
  };
}

const pairOf = (model) =>
  model.get("pairs").findIndex(([, [, a], [, b]]) => a === model.get("first") && b === model.get("second"));

function choosePair(model, i) {
  const [, [, first], [, second]] = model.get("pairs")[i];
  update(model, { first, second });
}

// What the two texts are called: by their names in a pair, or by their places once edited.
function namesOf(model, { first, second }) {
  const shown = pairOf(model);
  const texts = model.get("pairs").flatMap(([, ...named], i) => (i === shown ? named : []));
  if (texts.length) return texts.map(([name]) => name);
  const all = model.get("pairs").flatMap(([, ...named]) => named);
  const nameOf = (text) => all.find(([, known]) => known === text)?.[0];
  return [nameOf(first) ?? "text 1", nameOf(second) ?? "text 2"];
}
