// What the explorers of a threshold share: counts above it, intervals, sliders, and the picture.

// The thresholds of the slider. The same in threshold.py.
export const STOPS = Array.from({ length: 101 }, (_, i) => i / 100);
export const N_BINS = 20;
const FEW = 30; // with fewer items, a count stands instead of a rate

// How many items of each label, "1" or "0", have a score of at least the threshold, and below it.
export function confusion({ scores, labels }, threshold) {
  const counts = { tp: 0, fp: 0, fn: 0, tn: 0 };
  scores.forEach((score, i) => {
    const isPositive = labels[i] === "1";
    if (score >= threshold) counts[isPositive ? "tp" : "fp"] += 1;
    else counts[isPositive ? "fn" : "tn"] += 1;
  });
  return counts;
}

// The mean of values that occur `counts` times each, with its 95% interval for 30 or more.
export function meanInterval(values, counts) {
  const n = counts.reduce((sum, count) => sum + count, 0);
  const mean = values.reduce((sum, value, i) => sum + counts[i] * value, 0) / n;
  const squares = values.reduce((sum, value, i) => sum + counts[i] * (value - mean) ** 2, 0);
  const margin = Z * Math.sqrt(squares / (n - 1) / n);
  return { mean, low: mean - margin, high: mean + margin };
}

// How many items of each label have a score in each of the bins: [[ones, zeros]].
export function binned({ scores, labels }) {
  const bins = Array.from({ length: N_BINS }, () => [0, 0]);
  scores.forEach((score, i) => {
    const bin = Math.min(N_BINS - 1, Math.floor(score * N_BINS));
    bins[bin][labels[i] === "1" ? 0 : 1] += 1;
  });
  return bins;
}

// A rate as text, or dashes if there are too few items for one: ["35.3%", "31.6 to 39.2%"].
export function rateText(successes, n) {
  if (n < FEW) return ["–", "–"];
  const percent = (value) => number(100 * value, 1);
  const [low, high] = wilson(successes, n);
  return [`${percent(successes / n)}%`, `${percent(low)} to ${percent(high)}%`];
}

// A slider and a field for the same number.
function sliderRow({ name, max, set }) {
  const id = newId();
  const stops = STOPS.map((stop) => Number((stop * max).toFixed(2)));
  const slider = h("input", { id, type: "range", min: 0, max: stops.length - 1, input: () => set(stops[slider.value]) });
  const field = numberField({ name, label: `${name}, as a number`, min: 0, max, set });
  return {
    node: h(
      "div",
      { class: "fml-row" },
      h("label", { for: id }, name),
      field.node,
      slider,
      field.problem,
    ),
    draw(value) {
      if (stops[slider.value] !== value) slider.value = nearestStop(stops, value);
      slider.setAttribute("aria-valuetext", String(Number(value.toPrecision(4))));
      field.draw(value);
    },
  };
}

// A list of the recorded data sets; with one, there is nothing to choose.
function recordChoice(label, names, chosen) {
  const id = newId();
  const options = names.map((name, i) => h("option", { value: i }, name));
  const select = h("select", { id, change: () => chosen(Number(select.value)) }, ...options);
  return {
    node: h("div", { hidden: names.length < 2 }, h("label", { for: id, class: "fml-label" }, label), select),
    draw: (index) => (select.value = index),
  };
}

// A table with a line of heads and named lines of cells, whose texts `draw` gets.
function textTable(caption, heads, names) {
  const lines = names.map((name) => {
    const [head, cells] = [h("th", { scope: "row" }, name), heads.slice(1).map(() => h("td"))];
    return { head, cells, node: h("tr", {}, head, ...cells) };
  });
  return {
    node: h(
      "table",
      { class: "fml-table" },
      h("caption", {}, h("span", { class: "fml-label" }, caption)),
      h("thead", {}, h("tr", {}, ...heads.map((name) => (name ? h("th", { scope: "col" }, name) : h("td"))))),
      h("tbody", {}, ...lines.map(({ node }) => node)),
    ),
    draw(texts) {
      texts.forEach((line, i) => {
        if (line.name) write(lines[i].head, line.name);
        line.cells.forEach((text, j) => write(lines[i].cells[j], text));
      });
    },
  };
}

// The picture: a histogram of the scores, label 1 upward and filled, label 0 downward and outlined;
// below it, on the same axis, curves over the threshold. What is below the threshold is pale.
const [LEFT, RIGHT, WIDTH, HEIGHT] = [36, 332, 340, 320];
const [TOP, FOOT, CURVES, END] = [22, 154, 178, 282]; // of the histogram, and of the curves

function thresholdPlot({ axis, ones, zeros, low, high, levels, series, marked }) {
  const x = (value) => LEFT + (RIGHT - LEFT) * value;
  const y = (value) => END - ((END - CURVES) * (value - low)) / (high - low);
  const text = (x, y, words, anchor = "middle", kind = "") =>
    svg("text", { x, y, "text-anchor": anchor, class: kind }, words);
  const line = (kind, d = "") => svg("path", { class: `fml-t-${kind}`, d });
  const bars = { ones: line("ones"), zeros: line("zeros") };
  const pale = svg("rect", { class: "fml-t-pale", x: LEFT, y: TOP, height: FOOT - TOP });
  const [middle, at, best, constant] = ["axis", "at", "best", "constant"].map((kind) => line(kind));
  const words = text(0, CURVES - 6, "", "middle", "fml-t-now");
  const tag = text(0, 0, "", "middle");
  const most = [text(LEFT, TOP - 7, "", "start"), text(RIGHT - 2, FOOT - 4, "", "end")];
  const curves = series.map(({ kind }) => line(kind));
  const dots = series.map(({ kind }) => svg("circle", { class: `fml-t-dot fml-t-dot-${kind}`, r: 4 }));
  const grid = levels.map((level) => line("grid", `M${LEFT} ${y(level)}H${RIGHT}`));
  const scale = levels.map((level) => text(LEFT - 5, y(level) + 4, signed(level, 1), "end"));
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((value) => text(x(value), END + 16, String(value)));
  const picture = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "fml-t-plot" },
    ...[bars.zeros, bars.ones, pale, middle, ...most, ...grid, constant],
    ...[...curves, at, best, ...dots, words, tag, ...scale, ...ticks],
    text((LEFT + RIGHT) / 2, HEIGHT - 4, axis),
  );
  const path = (values) => {
    let isDrawn = false;
    const point = (value, i) => {
      const isSeen = value >= low - 1e-9 && value <= high + 1e-9;
      const step = isSeen ? `${isDrawn ? "L" : "M"}${x(STOPS[i]).toFixed(1)} ${y(value).toFixed(1)}` : "";
      isDrawn = isSeen;
      return step;
    };
    return values.map(point).join("");
  };
  let shown; // the data set of the histogram
  function drawBars(bins) {
    const peaks = [0, 1].map((label) => Math.max(1, ...bins.map((bin) => bin[label])));
    const unit = (FOOT - TOP) / (peaks[0] + peaks[1]);
    const base = TOP + unit * peaks[0];
    const width = (RIGHT - LEFT) / bins.length;
    const bar = (i, height) => `M${LEFT + i * width + 1} ${base}v${height}h${width - 2}v${-height}Z`;
    const draw = (label, way) =>
      bins.map((bin, i) => (bin[label] ? bar(i, (way * unit * bin[label]).toFixed(1)) : "")).join("");
    bars.ones.setAttribute("d", draw(0, -1));
    bars.zeros.setAttribute("d", draw(1, 1));
    middle.setAttribute("d", `M${LEFT} ${base}H${RIGHT}`);
    [ones, zeros].forEach((name, label) => write(most[label], `${name}, up to ${number(peaks[label])} per bar`));
  }
  const key = ({ kind, name }) =>
    h("span", {}, h("span", { class: `fml-t-key fml-t-key-${kind}`, "aria-hidden": "true" }), name);
  return {
    node: h("div", {}, picture, h("p", { class: "fml-note fml-keys" }, ...series.map(key), ...marked.map(key))),
    draw({ bins, threshold, curves: values, now, best: peak, constant: level, label }) {
      if (bins !== shown) drawBars(bins);
      shown = bins;
      pale.setAttribute("width", x(threshold) - LEFT);
      at.setAttribute("d", `M${x(threshold)} ${TOP}V${END}`);
      write(words, threshold.toFixed(2));
      words.setAttribute("x", Math.min(RIGHT - 14, Math.max(LEFT + 14, x(threshold))));
      series.forEach(({ kind }, i) => {
        curves[i].setAttribute("d", path(values[kind]));
        const isSeen = now[kind] >= low && now[kind] <= high;
        dots[i].setAttribute("visibility", isSeen ? "visible" : "hidden");
        dots[i].setAttribute("cx", x(threshold));
        dots[i].setAttribute("cy", isSeen ? y(now[kind]).toFixed(1) : 0);
      });
      const isMarked = peak && peak.value >= low;
      best.setAttribute("d", isMarked ? `M${x(peak.threshold)} ${y(peak.value)}m0 -7l6 7l-6 7l-6 -7Z` : "");
      write(tag, isMarked ? "best" : "");
      tag.setAttribute("x", isMarked ? Math.max(LEFT + 16, x(peak.threshold)) : 0);
      tag.setAttribute("y", isMarked ? y(peak.value) - 11 : 0);
      constant.setAttribute("d", level === undefined ? "" : `M${LEFT} ${y(level)}H${RIGHT}`);
      picture.setAttribute("aria-label", label);
    },
  };
}
