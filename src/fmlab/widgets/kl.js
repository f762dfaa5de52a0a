// The KL explorer. First the arithmetic, that of fmlab.alignment.tabular; then the display.
// A policy is an array of probabilities, one per response. KL and entropy are in nats.

const sum = (values) => values.reduce((total, value) => total + value, 0);
const normalized = (weights) => {
  const total = sum(weights);
  return weights.map((weight) => weight / total);
};

// The policy that maximizes E[r] - beta KL(policy || reference): reference exp(r / beta),
// normalized. Beta may be 0, which keeps only the responses with the highest reward, or Infinity,
// which gives the reference.
export function optimum(reference, reward, beta) {
  const best = Math.max(...reward);
  const weight = (r) => (beta === 0 ? Number(r === best) : Math.exp((r - best) / beta));
  return normalized(reference.map((q, i) => q * weight(reward[i])));
}

// The distribution of the response with the highest reward among n independent samples. Responses
// with equal rewards split their probability in proportion to the reference.
export function bestOfN(reference, reward, n) {
  const mass = (isCounted) => Math.min(1, sum(reference.filter((_, i) => isCounted(reward[i]))));
  const weights = reference.map((q, i) => {
    const [below, level] = [mass((r) => r < reward[i]), mass((r) => r === reward[i])];
    return (q / level) * (Math.min(1, below + level) ** n - below ** n);
  });
  return normalized(weights);
}

export const mean = (policy, values) => sum(policy.map((p, i) => p * values[i]));

// KL(policy || reference), clipped at 0 against rounding.
export function kl(policy, reference) {
  const terms = policy.map((p, i) => (p > 0 ? p * (Math.log(p) - Math.log(reference[i])) : 0));
  return Math.max(0, sum(terms));
}

export const entropy = (policy) =>
  Math.max(0, -sum(policy.map((p) => (p > 0 ? p * Math.log(p) : 0))));

// A policy with its KL, its entropy, and its mean of each of several rewards.
export function measures(policy, reference, rewards) {
  const means = rewards.map((values) => mean(policy, values));
  return { policy, kl: kl(policy, reference), entropy: entropy(policy), means };
}

// The values of the slider of beta: twenty per decade.
export const BETAS = Array.from({ length: 61 }, (_, i) =>
  Number((10 ** ((i - 34) / 20)).toPrecision(2)),
);
export const MAX_N = 64;

// The beta of the slider at which the optimum for `goal` has the highest mean of `other`; null if
// that is at an end of the slider, where the other reward only rises or only falls.
const FLAT = 1e-6; // a smaller rise, as a fraction of the range of the rewards, is rounding
export function turningPoint(reference, goal, other) {
  const betas = [...BETAS].reverse(); // the smallest KL first
  const means = betas.map((beta) => mean(optimum(reference, goal, beta), other));
  const most = Math.max(...means);
  const rise = most - Math.max(means[0], means.at(-1));
  const least = FLAT * (Math.max(...other) - Math.min(...other));
  return rise > least ? betas[means.indexOf(most)] : null;
}

// The optimum's path from the reference (beta infinite) to the largest goal (beta 0), in steps
// small enough to draw.
export function path(reference, goal, rewards) {
  const decades = Array.from({ length: 241 }, (_, i) => 10 ** (3 - i / 40));
  const scale = Math.max(...goal) - Math.min(...goal) || 1;
  return [Infinity, ...decades.map((beta) => beta * scale), 0].map((beta) =>
    measures(optimum(reference, goal, beta), reference, rewards),
  );
}

// Round numbers that lie between two numbers, about five of them.
export function ticks(low, high) {
  const rough = (high - low) / 5;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = unit * [1, 2, 5, 10].find((factor) => factor * unit >= rough);
  const first = Math.ceil(low / step - 1e-9);
  const n = Math.floor(high / step + 1e-9) - first + 1;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return Array.from({ length: n }, (_, i) => ({
    value: (first + i) * step,
    text: decimal((first + i) * step, digits),
  }));
}

// A probability as short text, never 0% or 100% unless it is exactly that.
export function percent(probability) {
  const value = 100 * probability;
  if (value === 0 || value > 100 - 1e-9) return value ? "100%" : "0%";
  if (value < 0.05) return "<0.1%";
  return value >= 99.95 ? ">99.9%" : `${value.toFixed(1)}%`;
}

// A reward or a KL as text, with a true minus sign, and no sign if it rounds to 0.
export function decimal(value, digits = 2) {
  const rounded = Number(value.toFixed(digits));
  return rounded < 0 ? `−${number(-rounded, digits)}` : number(Math.abs(rounded), digits);
}

const GOALS = ["reward", "true_reward"];
const SHOWN_N = [1, 2, 4, 8, 16, 32, 64];

function render({ model, el }) {
  const has = model.get("true_reward").length > 0;
  const lab = {
    reference: model.get("reference"),
    rewards: GOALS.slice(0, has ? 2 : 1).map((name) => model.get(name)),
    names: has ? ["Proxy reward", "True reward"] : ["Reward"],
    cached: [], // by goal: what depends on nothing else
  };
  lab.start = measures(lab.reference, lab.reference, lab.rewards);
  lab.paths = lab.rewards.map((goal) => path(lab.reference, goal, lab.rewards));

  const controls = controlPanel(model, lab);
  const table = policyTable(lab);
  const bars = barTable(model.get("responses"), lab);
  const plot = frontierPlot(lab);
  const framed = frame(
    el,
    { kind: "fml-kl", title: model.get("title") },
    controls.node,
    h("div", { class: "fml-kl-both" }, h("div", {}, plot.node, table.node), bars.node),
  );

  let silent = true; // at first
  function show() {
    const state = stateOf(model, lab);
    for (const part of [controls, table, bars, plot]) part.draw(state);
    if (!silent) framed.say(summary(state, lab));
    silent = false;
  }
  return keepDrawn(model, ["beta", "n", "goal"], framed, show).end;
}

// What a link may set.
function settings(model) {
  return {
    beta: { kind: "number", min: 0.01, max: 100 },
    n: { kind: "number", min: 1, max: MAX_N, whole: true },
    goal: { kind: "choice", choices: GOALS.slice(0, model.get("true_reward").length ? 2 : 1) },
  };
}

export default { render, settings };

// Everything the parts show: the optimum and best-of-N at these settings.
function stateOf(model, lab) {
  const { reference, rewards } = lab;
  const [beta, n] = [model.get("beta"), model.get("n")];
  const goal = GOALS.indexOf(model.get("goal"));
  const draws = (count) => measures(bestOfN(reference, rewards[goal], count), reference, rewards);
  lab.cached[goal] ??= {
    draws: SHOWN_N.map(draws),
    turn: rewards[1] ? turningPoint(reference, rewards[goal], rewards[1 - goal]) : null,
  };
  const at = (value) => measures(optimum(reference, rewards[goal], value), reference, rewards);
  const objective = (policy) => policy.means[goal] - beta * policy.kl;
  return { beta, n, goal, at, best: at(beta), drawn: draws(n), objective, ...lab.cached[goal] };
}

// What changed, for screen readers.
function summary({ beta, n, best, drawn, objective }, { names }) {
  const describe = ({ means, kl }) => {
    const rewards = names.map((name, i) => `${name.toLowerCase()} ${decimal(means[i])}`);
    return `${rewards.join(", ")}, KL ${decimal(kl)} nats`;
  };
  const more = `entropy ${decimal(best.entropy)} nats, objective ${decimal(objective(best))}`;
  return `Beta ${beta}: ${describe(best)}, ${more}. Best of ${n}: ${describe(drawn)}.`;
}

// The two sliders and, if there are two rewards, which of them is optimized.
function controlPanel(model, { names }) {
  const beta = sliderCard({
    name: "β, the cost of KL",
    ends: ["0.02: almost only reward", "20: near the reference"],
    stops: BETAS,
    moved: (value) => update(model, { beta: value }),
  });
  const n = sliderCard({
    name: "N of best-of-N",
    ends: ["1: the reference", `${MAX_N}`],
    stops: Array.from({ length: MAX_N }, (_, i) => i + 1),
    moved: (value) => update(model, { n: value }),
  });
  const buttons = names.map((name, i) =>
    h("button", { click: () => update(model, { goal: GOALS[i] }) }, name),
  );
  const words = "Reward to optimize (also for best-of-N):";
  const label = h("span", { class: "fml-note", id: newId() }, words);
  const choice = { class: "fml-kl-goals", role: "group", "aria-labelledby": label.id };
  return {
    node: h(
      "div",
      { class: "fml-kl-controls" },
      beta.node,
      n.node,
      ...(names.length > 1 ? [h("div", choice, label, ...buttons)] : []),
    ),
    draw(state) {
      beta.draw(state.beta);
      n.draw(state.n);
      buttons.forEach((button, i) => button.setAttribute("aria-pressed", i === state.goal));
    },
  };
}

// The reference, the optimum and best-of-N in numbers.
function policyTable({ names, start }) {
  const columns = ["Reference", "π*", ""].map((name) => h("th", { scope: "col" }, name));
  const lines = [...names, "KL, nats", "Entropy, nats", "E[r] − β KL"].map((name) => {
    const cells = columns.map(() => h("td"));
    return { cells, node: h("tr", {}, h("th", { scope: "row" }, name), ...cells) };
  });
  const caption = h("caption", {}, h("span", { class: "fml-label" }, "Policies in numbers"));
  return {
    node: h(
      "table",
      { class: "fml-table fml-kl-policies" },
      caption,
      h("thead", {}, h("tr", {}, h("td"), ...columns)),
      h("tbody", {}, ...lines.map(({ node }) => node)),
    ),
    draw({ n, best, drawn, objective }) {
      write(columns[2], `Best of ${n}`);
      [start, best, drawn].forEach((policy, column) => {
        const values = [...policy.means, policy.kl, policy.entropy, objective(policy)];
        values.forEach((value, line) => write(lines[line].cells[column], decimal(value)));
      });
    },
  };
}

// The responses: an outline for the reference, a bar for the optimum, a dot for best-of-N.
function barTable(responses, { reference, rewards, names }) {
  const short = names.length > 1 ? ["proxy", "true"] : ["reward"];
  const worth = (i) => rewards.map((values, j) => `${short[j]} ${decimal(values[i])}`).join(", ");
  const lines = responses.map((text, i) => barLine(text, worth(i)));
  const [end, count] = [h("span", { class: "fml-note" }), h("th", { scope: "col" })];
  const key = (kind) => h("span", { class: `fml-kl-key fml-kl-${kind}`, "aria-hidden": "true" });
  const keys = [key("before"), " reference. ", key("after"), " π*. ", key("dot"), " best of N."];
  const heads = [
    h("th", { scope: "col" }, "Response", end),
    ...["π ref", "π*"].map((name) => h("th", { scope: "col" }, name)),
    count,
  ];
  return {
    node: h(
      "table",
      { class: "fml-table fml-kl-bars" },
      h(
        "caption",
        {},
        h("span", { class: "fml-label" }, "Probability of each response"),
        h("span", { class: "fml-note" }, ...keys),
      ),
      h("thead", {}, h("tr", {}, ...heads)),
      h("tbody", {}, ...lines.map(({ node }) => node)),
    ),
    draw({ n, best, drawn }) {
      write(count, `Best of ${n}`);
      const policies = [reference, best.policy, drawn.policy];
      const scale = SCALES.find((limit) => Math.max(...policies.flat()) <= limit) ?? 1;
      write(end, `bars: 0 to ${Math.round(100 * scale)}%`);
      lines.forEach((line, i) => line.draw(policies.map((policy) => policy[i]), scale));
    },
  };
}

function barLine(text, worth) {
  const kinds = ["before", "after", "dot"];
  const parts = ["after", "before", "dot"].map((kind) => h("span", { class: `fml-kl-${kind}` }));
  const bar = h("div", { class: "fml-kl-bar", "aria-hidden": "true" }, ...parts);
  const cells = kinds.map(() => h("td"));
  const head = h(
    "th",
    { scope: "row" },
    h("span", { class: "fml-kl-text", dir: "auto" }, text),
    h("span", { class: "fml-note" }, worth),
    bar,
  );
  return {
    node: h("tr", {}, head, ...cells),
    draw(probs, scale) {
      kinds.forEach((kind, i) => bar.style.setProperty(`--${kind}`, probs[i] / scale));
      cells.forEach((cell, i) => write(cell, percent(probs[i])));
    },
  };
}
// The probability that the full width of a bar stands for: the next round number.
const SCALES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.75];

// Reward over KL. The curve is the frontier: no policy has a higher goal at that KL. Its slope at
// the optimum is beta, so the tangent meets KL 0 at the objective.
function frontierPlot(lab) {
  const { reference, rewards, names, paths } = lab;
  const values = paths.flat().flatMap(({ means }) => means);
  const [low, high] = padded(Math.min(...values), Math.max(...values));
  const far = Math.max(...paths.flat().map((point) => point.kl)) * 1.04 || 1;
  const levels = ticks(low, high);
  const [width, height, top, right, bottom] = [340, 250, 12, 330, 204];
  const left = 16 + 7.5 * Math.max(...levels.map(({ text }) => text.length));
  const x = (distance) => left + ((right - left) * distance) / far;
  const y = (value) => bottom - ((bottom - top) * (value - low)) / (high - low);
  const at = (distance, value) => `${x(distance).toFixed(1)} ${y(value).toFixed(1)}`;
  const text = (x, y, words, anchor) => svg("text", { x, y, "text-anchor": anchor }, words);
  const axes = [
    ...levels.flatMap(({ value, text: words }) => [
      svg("path", { class: "fml-kl-grid", d: `M${left} ${y(value)}H${right}` }),
      text(left - 5, y(value) + 4, words, "end"),
    ]),
    ...ticks(0, far).map(({ value, text: words }) => text(x(value), bottom + 17, words, "middle")),
    svg("path", { class: "fml-kl-axis", d: `M${left} ${top}V${bottom}H${right}` }),
    text((left + right) / 2, height - 8, "KL from the reference, in nats", "middle"),
  ];
  const shape = (kind) => svg("path", { class: `fml-kl-${kind}` });
  const dot = (kind, r) => svg("circle", { class: `fml-kl-${kind}`, r });
  const [tangent, turned] = [shape("tangent"), shape("turn")];
  const series = rewards.map((_, i) => ({
    curve: shape(`curve fml-kl-series-${i}`),
    draws: SHOWN_N.map(() => dot(`draw fml-kl-series-${i}`, 2.6)),
    drawn: dot(`drawn fml-kl-series-${i}`, 5),
    best: dot(`best fml-kl-series-${i}`, 5.5),
  }));
  const layer = (name) => series.flatMap((one) => one[name]);
  const marks = ["curve", "draws", "drawn", "best"].flatMap(layer);
  const viewBox = `0 0 ${width} ${height}`;
  const picture = svg("svg", { viewBox, role: "img" }, ...axes, tangent, ...marks, turned);
  const put = (circle, { kl, means }, i) => {
    circle.setAttribute("cx", x(kl).toFixed(1));
    circle.setAttribute("cy", y(means[i]).toFixed(1));
  };
  const key = (kind, words) =>
    h("span", {}, h("span", { class: `fml-kl-key fml-kl-${kind}`, "aria-hidden": "true" }), words);
  const turn = h("p", { class: "fml-kl-turning" });
  let goalShown;
  return {
    node: h(
      "div",
      { class: "fml-kl-plot" },
      h("p", { class: "fml-label" }, "Expected reward over KL"),
      picture,
      h(
        "p",
        { class: "fml-note fml-keys" },
        ...names.map((name, i) => key(`line fml-kl-series-${i}`, name.toLowerCase())),
        key("best", "π*"),
        key("draw", `best of ${SHOWN_N.slice(0, 3).join(", ")}, … ${MAX_N}`),
        key("drawn", "best of N"),
        key("line fml-kl-tangent", "slope β, from the objective"),
      ),
      turn,
    ),
    draw(state) {
      const { beta, goal, best, drawn, objective, draws, turn: turning } = state;
      if (goal !== goalShown) {
        series.forEach((one, i) => {
          const line = paths[goal].map(({ kl, means }) => at(kl, means[i])).join("L");
          one.curve.setAttribute("d", `M${line}`);
          one.draws.forEach((circle, j) => put(circle, draws[j], i));
        });
        const point = turning && state.at(turning);
        turned.setAttribute("d", point ? `M${at(point.kl, point.means[1 - goal])}${DIAMOND}` : "");
        write(turn, rewards[1] ? turningText(state, point, lab) : "");
        goalShown = goal;
      }
      series.forEach((one, i) => {
        put(one.best, best, i);
        put(one.drawn, drawn, i);
      });
      const start = at(0, objective(best));
      tangent.setAttribute("d", `M${start}L${at(best.kl, best.means[goal])}`);
      const rewardsNow = names.map((name, i) => `${name.toLowerCase()} ${decimal(best.means[i])}`);
      const values = [`KL ${decimal(best.kl)} nats`, ...rewardsNow].join(", ");
      const label = `At beta ${beta} the optimum has ${values}.`;
      picture.setAttribute("aria-label", label);
    },
  };
}
const DIAMOND = "m0 -7l6 7l-6 7l-6 -7z";

// A margin above and below, so that nothing touches the edge.
function padded(low, high) {
  const room = 0.06 * (high - low) || 1;
  return [low - room, high + room];
}

// Where the reward that is not optimized turns, in words.
function turningText({ goal, turn }, point, { names, paths }) {
  const [rising, other] = [names[goal].toLowerCase(), names[1 - goal]];
  if (point) {
    const [most, distance] = [point.means[1 - goal], point.kl].map((value) => decimal(value));
    const peak = `${most}, at ${distance} nats`;
    return `◆ ${other} turns at β ${turn}: ${peak}. Beyond it, only ${rising} rises.`;
  }
  const [start, end] = [paths[goal][0], paths[goal].at(-1)].map(({ means }) => means[1 - goal]);
  const where = end > start ? "where β is least" : "at the reference";
  return `${other} is highest ${where}: it has no turning point between the ends.`;
}
