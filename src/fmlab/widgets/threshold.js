// The threshold explorer: a model answers only if its confidence reaches a threshold.

const MAX_PENALTY = 10;

// One point for a right answer, minus the penalty for a wrong one; a withheld answer counts 0.
export const points = ({ tp, fp }, penalty) => tp - penalty * fp;

// The lowest threshold of the slider with the most points: {threshold, points}.
export function bestThreshold(counts, penalty) {
  const all = counts.map((each) => points(each, penalty));
  const most = Math.max(...all);
  return { threshold: STOPS[all.indexOf(most)], points: most };
}

// From which confidence on an answer is worth its risk, if the confidence is the rate of right answers.
export const calibratedThreshold = (penalty) => penalty / (1 + penalty);

// What the best threshold is, as a sentence or two.
export function verdict(penalty, best) {
  if (penalty === 0)
    return "A wrong answer costs nothing here, so the best threshold is 0: the model should always guess.";
  const ideal = calibratedThreshold(penalty).toFixed(2);
  return (
    `For a penalty of ${Number(penalty.toPrecision(4))}, the best threshold is ${best.threshold.toFixed(2)}. ` +
    `With calibrated confidences and very many answers, it would be ${ideal}; with few, it may be far from that.`
  );
}

const SERIES = [
  { kind: "score", name: "points per question" },
  { kind: "right", name: "rate of right answers" },
  { kind: "wrong", name: "rate of wrong answers" },
];

function render({ model, el }) {
  const records = model.get("records").map((record) => {
    const counts = STOPS.map((stop) => confusion(record, stop));
    return { ...record, counts, bins: binned(record), n: record.scores.length };
  });
  const set = (values) => update(model, values);
  const stop = () => bestThreshold(shown().counts, model.get("penalty")).threshold;
  const shown = () => records[model.get("record")];
  const choice = recordChoice("Model and questions", records.map(({ name }) => name), (record) => set({ record }));
  const threshold = sliderRow({
    name: "Confidence threshold",
    max: 1,
    set: (value) => set({ threshold: value }),
  });
  const penalty = sliderRow({
    name: "Penalty for a wrong answer",
    max: MAX_PENALTY,
    set: (value) => set({ penalty: value }),
  });
  const button = h("button", { click: () => set({ threshold: stop() }) }, "Set the best threshold");
  const plot = thresholdPlot({
    axis: "confidence (bars) and threshold (curves)",
    ones: "right answers",
    zeros: "wrong answers",
    ...{ low: -0.5, high: 1, levels: [-0.5, 0, 0.5, 1] },
    series: SERIES,
    marked: [{ kind: "best", name: "best threshold" }],
  });
  const outcomes = textTable(
    "Outcomes at this threshold",
    ["", "Answers", "Rate", "95% interval"],
    ["Right", "Wrong", "Withheld", "Right, of those given"],
  );
  const rules = textTable(
    "Points, compared with other rules",
    ["Rule", "Points", "Per question"],
    ["This threshold", "Best threshold", "Always answer", "Withhold at random", "Never answer"],
  );
  const says = h("p", { class: "fml-says" });
  rules.node.classList.add("fml-t-rules");
  const caution =
    "± is half the width of a 95% interval; a dash is a rate of fewer than 30. “At random” withholds as many answers " +
    "as this threshold; its points are a mean. The best threshold is chosen on these same answers, so its points " +
    "are optimistic: the more so, the fewer answers and the higher the penalty. With fewer than five mistakes, ± is too small.";
  const framed = frame(
    el,
    { kind: "fml-threshold", title: model.get("title") },
    choice.node,
    h("div", { class: "fml-rows" }, threshold.node, penalty.node),
    h(
      "div",
      { class: "fml-t-both" },
      h("div", {}, plot.node, h("div", { class: "fml-t-says" }, says, button)),
      h("div", {}, outcomes.node, rules.node, h("p", { class: "fml-note" }, caution)),
    ),
  );

  let spoken;
  function draw() {
    const { n, bins, counts, ...record } = shown();
    const [at, cost] = [model.get("threshold"), model.get("penalty")];
    const now = confusion(record, at);
    const best = bestThreshold(counts, cost);
    const [given, withheld] = [now.tp + now.fp, now.fn + now.tn];
    choice.draw(model.get("record"));
    threshold.draw(at);
    penalty.draw(cost);
    const perQuestion = (each) => ({ right: each.tp / n, wrong: each.fp / n, score: points(each, cost) / n });
    const over = counts.map(perQuestion);
    const heard = `Threshold ${at.toFixed(2)}: ${now.tp} right, ${now.fp} wrong, ${withheld} withheld, ${signed(points(now, cost), 1)} points.`;
    plot.draw({
      ...{ bins, threshold: at, now: perQuestion(now), label: `${heard} The best threshold is ${best.threshold.toFixed(2)}.` },
      curves: Object.fromEntries(SERIES.map(({ kind }) => [kind, over.map((each) => each[kind])])),
      best: { threshold: best.threshold, value: best.points / n },
    });
    const line = (k, of) => ({ cells: [number(k), ...rateText(k, of)] });
    const ofGiven = { cells: [`${number(now.tp)} of ${number(given)}`, ...rateText(now.tp, given)] };
    outcomes.draw([line(now.tp, n), line(now.fp, n), line(withheld, n), ofGiven]);
    rules.draw(ruleLines({ now, counts, best, cost, n }));
    write(says, verdict(cost, best));
    const summary = `${heard} ${says.textContent}`;
    if (spoken !== undefined && summary !== spoken) framed.say(summary);
    spoken = summary;
  }
  return keepDrawn(model, ["record", "threshold", "penalty"], framed, draw).end;
}

// The points of each rule, and per question with half of a 95% interval if the rule was applied.
function ruleLines({ now, counts, best, cost, n }) {
  const digits = Number.isInteger(cost) ? 0 : 1;
  const counted = (each, name) => {
    const values = [[1, -cost, 0], [each.tp, each.fp, n - each.tp - each.fp]];
    const { mean, high } = meanInterval(...values);
    const perQuestion = `${signed(mean, 2)} ± ${number(high - mean, 2)}`;
    return { name, cells: [signed(points(each, cost), digits), perQuestion] };
  };
  const random = (points(counts[0], cost) * (now.tp + now.fp)) / n;
  return [
    counted(now),
    counted(counts[STOPS.indexOf(best.threshold)], `Best threshold: ${best.threshold.toFixed(2)}`),
    counted(counts[0]),
    { cells: [signed(random, digits), signed(random / n, 2)] },
    { cells: ["0", "0.00"] },
  ];
}

// What a link may set.
function settings(model) {
  return {
    record: { kind: "number", min: 0, max: model.get("records").length - 1, whole: true },
    threshold: { kind: "number", min: 0, max: 1 },
    penalty: { kind: "number", min: 0, max: MAX_PENALTY },
  };
}

export default { render, settings };
