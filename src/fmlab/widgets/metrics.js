// The metrics explorer: a classifier flags what has a score of at least the threshold.

const METRICS = [
  { kind: "accuracy", name: "accuracy", meaning: "of all, classified correctly" },
  { kind: "precision", name: "precision", meaning: "of the flagged, positive" },
  { kind: "recall", name: "recall", meaning: "of the positive, flagged" },
];

// The metrics as pairs of a count and how many it is out of, and F1, which is no such rate.
export function metrics({ tp, fp, fn, tn }) {
  return {
    accuracy: [tp + tn, tp + fp + fn + tn],
    precision: [tp, tp + fp],
    recall: [tp, tp + fn],
    f1: (2 * tp) / (2 * tp + fp + fn),
  };
}

// How many items the better of the two constant answers gets right.
export function constant({ tp, fp, fn, tn }) {
  const [ones, zeros] = [tp + fn, fp + tn];
  return { correct: Math.max(ones, zeros), flags: ones > zeros };
}

// How the accuracy compares with that of a constant answer, as a sentence.
export function comparison(counts) {
  const { correct, flags } = constant(counts);
  const difference = counts.tp + counts.tn - correct;
  const rule = flags ? "flags everything" : "never flags anything";
  if (!difference) return `A baseline that ${rule} gets just as many right.`;
  const way = difference > 0 ? "fewer" : "more";
  return `A baseline that ${rule} gets ${number(Math.abs(difference))} ${way} right.`;
}

function render({ model, el }) {
  const records = model.get("records").map((record) => {
    const counts = STOPS.map((stop) => confusion(record, stop));
    return { ...record, counts, bins: binned(record), n: record.scores.length };
  });
  const words = model.get("words");
  const set = (values) => update(model, values);
  const choice = recordChoice("Data", records.map(({ name }) => name), (record) => set({ record }));
  const threshold = sliderRow({
    name: "Threshold",
    max: 1,
    set: (value) => set({ threshold: value }),
  });
  const plot = thresholdPlot({
    axis: "score (bars) and threshold (curves)",
    ones: words[0],
    zeros: words[1],
    ...{ low: 0, high: 1, levels: [0, 0.5, 1] },
    series: [...METRICS, { kind: "f1", name: "F1" }],
    marked: [{ kind: "constant", name: "accuracy of the better constant answer" }],
  });
  const cells = textTable("Counts", ["", "Flagged", "Passed"], words);
  const rates = textTable(
    "Metrics at this threshold",
    ["", "Count", "Rate", "95% interval"],
    [...METRICS.map(({ name }) => capitalized(name)), "F1", "Better constant answer"],
  );
  const says = h("p", { class: "fml-says" });
  const framed = frame(
    el,
    { kind: "fml-threshold fml-metrics", title: model.get("title") },
    choice.node,
    threshold.node,
    h(
      "div",
      { class: "fml-t-both" },
      h("div", {}, plot.node, h("div", { class: "fml-t-says" }, says)),
      h("div", {}, cells.node, rates.node, h("p", { class: "fml-note" }, "A dash is a rate of fewer than 30 items.")),
    ),
  );

  let spoken;
  function draw() {
    const { bins, counts, n, ...record } = records[model.get("record")];
    const at = model.get("threshold");
    const now = confusion(record, at);
    const values = (each) => {
      const { f1, ...pairs } = metrics(each);
      const found = Object.entries(pairs).map(([kind, [k, of]]) => [kind, k / of]);
      return { ...Object.fromEntries(found), f1 };
    };
    const all = counts.map(values);
    const kinds = [...METRICS.map(({ kind }) => kind), "f1"];
    const { f1, ...pairs } = metrics(now);
    const { correct } = constant(now);
    choice.draw(model.get("record"));
    threshold.draw(at);
    const counted = Object.entries(pairs).map(([kind, [k, of]]) => `${kind} ${number(k)} of ${number(of)}`);
    const heard = [...counted, `F1 ${number(f1, 2)}`].join(", ");
    plot.draw({
      ...{ bins, threshold: at, now: values(now), constant: correct / n },
      curves: Object.fromEntries(kinds.map((kind) => [kind, all.map((each) => each[kind])])),
      label: `Threshold ${at.toFixed(2)}: ${heard}.`,
    });
    cells.draw([
      { cells: [number(now.tp), number(now.fn)] },
      { cells: [number(now.fp), number(now.tn)] },
    ]);
    const line = ([k, of]) => ({ cells: [`${number(k)} of ${number(of)}`, ...rateText(k, of)] });
    const ofF1 = { cells: ["", number(f1, 2), ""] };
    rates.draw([...Object.values(pairs).map(line), ofF1, line([correct, n])]);
    write(says, comparison(now));
    const summary = `Threshold ${at.toFixed(2)}: ${heard}. ${says.textContent}`;
    if (spoken !== undefined && summary !== spoken) framed.say(summary);
    spoken = summary;
  }
  return keepDrawn(model, ["record", "threshold"], framed, draw).end;
}

// What a link may set.
function settings(model) {
  return {
    record: { kind: "number", min: 0, max: model.get("records").length - 1, whole: true },
    threshold: { kind: "number", min: 0, max: 1 },
  };
}

export default { render, settings };
