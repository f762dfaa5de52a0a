// The scaling calculator. First the arithmetic, that of fmlab.scaling; then the display.

const DAY = 86400;
const HOUR = 3600;

export const trainingFlops = (nParams, nTokens) => 6 * nParams * nTokens;

export const trainingSeconds = (flops, nAccelerators, peak, utilization) =>
  flops / (nAccelerators * peak * utilization);

export const trainingCost = (flops, peak, utilization, pricePerHour) =>
  (trainingSeconds(flops, 1, peak, utilization) / HOUR) * pricePerHour;

export const weightBytes = (nParams, bits) => Math.ceil((nParams * bits) / 8);

// A key and a value per token, layer and head, of two bytes each.
export const cacheBytes = ({ n_layers, n_kv_heads, head_dim }, nTokens, batch) =>
  4 * nTokens * batch * n_layers * n_kv_heads * head_dim;

// The size that uses the FLOPs best, if a parameter needs 20 tokens.
export const optimalParameters = (flops) => Math.sqrt(flops / 120);

// Everything that follows from the settings, by the names that Python uses.
export function results(settings, presets, peaks) {
  const { n_params: nParams, n_tokens: nTokens } = settings;
  const preset = presets.find(({ name }) => name === settings.preset);
  const [flops, peak] = [trainingFlops(nParams, nTokens), peaks[settings.accelerator]];
  const seconds = trainingSeconds(flops, settings.n_accelerators, peak, settings.utilization);
  const total = Math.round((nParams * preset.n_params) / preset.active);
  return {
    flops,
    days: seconds / DAY,
    dollars: trainingCost(flops, peak, settings.utilization, settings.price),
    "tokens per parameter": nTokens / nParams,
    "optimal parameters": optimalParameters(flops),
    "weight bytes": Object.fromEntries(PRECISIONS.map((bits) => [bits, weightBytes(total, bits)])),
    "cache bytes": cacheBytes(preset, settings.context, settings.batch),
  };
}

const PRECISIONS = [32, 16, 8, 4];
const decades = (from, to) =>
  Array.from({ length: (to - from) * 10 + 1 }, (_, i) =>
    Number((10 ** (from + i / 10)).toPrecision(2)),
  );
const powers = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => 2 ** (from + i));

// The stops of every slider.
export const STOPS = {
  n_params: decades(6, 12),
  n_tokens: decades(8, 14),
  n_accelerators: powers(0, 17),
  utilization: Array.from({ length: 20 }, (_, i) => Number((0.05 * (i + 1)).toFixed(2))),
  price: Array.from({ length: 20 }, (_, i) => 0.5 * (i + 1)),
  context: powers(7, 20),
  batch: powers(0, 8),
};

// The stop that is nearest to a value as a ratio.
export function nearestRatio(stops, value) {
  const distances = stops.map((stop) => Math.abs(Math.log(stop / value)));
  return distances.indexOf(Math.min(...distances));
}

// 8030000000 -> "8.03 billion".
export function words(value) {
  const [unit, name] = [
    [1e12, " trillion"],
    [1e9, " billion"],
    [1e6, " million"],
    [1, ""],
  ].find(([size]) => value >= size * 0.9995) ?? [1, ""];
  return `${number(value / unit, digitsOf(value / unit))}${name}`;
}

// 722700000000000000000000 -> "7.23 × 10²³".
export function power(value) {
  let exponent = Math.floor(Math.log10(value));
  if (Number((value / 10 ** exponent).toFixed(2)) >= 10) exponent += 1;
  const raised = String(exponent).replace(/./g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit] ?? "⁻");
  return `${(value / 10 ** exponent).toFixed(2)} × 10${raised}`;
}

// 16060000000 -> "16.1 GB".
export function bytes(value) {
  const [unit, name] = [
    [1e12, "TB"],
    [1e9, "GB"],
    [1e6, "MB"],
    [1e3, "kB"],
  ].find(([size]) => value >= size * 0.9995) ?? [1, "bytes"];
  return `${number(value / unit, digitsOf(value / unit))} ${name}`;
}

export function duration(days) {
  if (days >= 730) return `${number(days / 365.25, digitsOf(days / 365.25))} years`;
  if (days >= 1) return `${number(days, digitsOf(days))} days`;
  const hours = days * 24;
  return hours >= 1
    ? `${number(hours, digitsOf(hours))} hours`
    : `${number(hours * 60, digitsOf(hours * 60))} minutes`;
}

export function dollars(value) {
  if (value >= 999_500) return `$${words(value)}`;
  return `$${number(value, value < 100 ? 2 : 0)}`;
}

// Three significant digits for numbers below 1000.
const digitsOf = (value) => (value < 9.995 ? 2 : value < 99.95 ? 1 : 0);

const SETTINGS = ["preset", "accelerator", ...Object.keys(STOPS)];

function render({ model, el }) {
  const [presets, peaks] = [model.get("presets"), model.get("peaks")];
  const choose = {
    preset: (name) => {
      const { active, n_tokens } = presets.find((preset) => preset.name === name);
      update(model, { preset: name, n_params: active, n_tokens });
    },
    accelerator: (name) => update(model, { accelerator: name }),
  };
  const lists = [
    menu("Published model", presets.map(({ name }) => name), choose.preset),
    menu("Accelerator", Object.keys(peaks), choose.accelerator),
  ];
  const sliders = Object.entries(SLIDERS).map(([trait, [name, show]]) => [
    trait,
    sliderCard({ name, stops: STOPS[trait], show, nearest: nearestRatio, moved: (value) => update(model, { [trait]: value }) }),
  ]);
  const tiles = TILES.map(([name]) => h("strong", {}, name));
  const framed = frame(
    el,
    { kind: "fml-scaling", title: model.get("title") },
    h("div", { class: "fml-scaling-controls" }, ...lists.map(({ node }) => node)),
    h("div", { class: "fml-scaling-controls" }, ...sliders.map(([, { node }]) => node)),
    h(
      "div",
      { class: "fml-tiles fml-scaling-tiles" },
      ...TILES.map(([name], i) => h("div", {}, h("span", {}, name), tiles[i])),
    ),
  );
  const draw = () => {
    const settings = Object.fromEntries(SETTINGS.map((name) => [name, model.get(name)]));
    const found = results(settings, presets, peaks);
    lists[0].draw(settings.preset);
    lists[1].draw(settings.accelerator);
    for (const [trait, control] of sliders) control.draw(settings[trait]);
    TILES.forEach(([, show], i) => write(tiles[i], show(found)));
    framed.say(TILES.slice(0, 3).map(([name, show]) => `${name}: ${show(found)}`).join(". "));
  };
  return keepDrawn(model, SETTINGS, framed, draw).end;
}

const SLIDERS = {
  n_params: ["Parameters", words],
  n_tokens: ["Training tokens", words],
  n_accelerators: ["Accelerators", (n) => number(n)],
  utilization: ["Utilization", (share) => `${Math.round(100 * share)}%`],
  price: ["Dollars per accelerator-hour", (price) => `$${price.toFixed(2)}`],
  context: ["Tokens per sequence in the cache", (n) => number(n)],
  batch: ["Sequences in the cache", (n) => number(n)],
};
const TILES = [
  ["Training FLOPs", (r) => power(r.flops)],
  ["Training time", (r) => duration(r.days)],
  ["Cost", (r) => dollars(r.dollars)],
  ["Tokens per parameter", (r) => number(r["tokens per parameter"], digitsOf(r["tokens per parameter"]))],
  ["Best size at 20 tokens per parameter", (r) => words(r["optimal parameters"])],
  ["Weights, 16 bits", (r) => bytes(r["weight bytes"][16])],
  ["Weights, 8 bits", (r) => bytes(r["weight bytes"][8])],
  ["Weights, 4 bits", (r) => bytes(r["weight bytes"][4])],
  ["KV cache, 16 bits", (r) => bytes(r["cache bytes"])],
];

function menu(name, options, chosen) {
  const id = newId();
  const change = () => chosen(list.value);
  const entries = options.map((option) => h("option", { value: option }, option));
  const list = h("select", { id, change }, ...entries);
  return {
    node: h("div", {}, h("div", { class: "fml-heads" }, h("label", { for: id }, name)), list),
    draw(value) {
      if (list.value !== value) list.value = value;
    },
  };
}

// What a link may set.
function settings(model) {
  const range = ([name, stops]) => {
    const whole = !["n_params", "n_tokens", "utilization", "price"].includes(name);
    return [name, { kind: "number", min: stops[0], max: stops.at(-1), whole }];
  };
  const choice = (choices) => ({ kind: "choice", choices });
  return {
    preset: choice(model.get("presets").map(({ name }) => name)),
    accelerator: choice(Object.keys(model.get("peaks"))),
    ...Object.fromEntries(Object.entries(STOPS).map(range)),
  };
}

export default { render, settings };
