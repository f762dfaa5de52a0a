// The sampling explorer: the display. The arithmetic is in distributions.js.

const ROWS = 20; // tokens that have a bar
const LATEST = 6; // draws that are listed
const MAX_SEED = 2 ** 32 - 1;
const NOTHING = { temperature: 1, top_k: 0, top_p: 1, min_p: 0 }; // changed, nothing cut
const PRESETS = {
  "Greedy": { ...NOTHING, temperature: 0 },
  "Temperature 0.7, top-p 0.9": { ...NOTHING, temperature: 0.7, top_p: 0.9 },
  "Temperature 1.5, min-p 0.1": { ...NOTHING, temperature: 1.5, min_p: 0.1 },
  "Reset": NOTHING,
};

function render({ model, el, site }) {
  const say = (news) => framed.say(news);
  const from = site ? siteSource(site) : kernelSource(model);
  const ended = []; // what runs until the explorer is removed
  const ownTokens = unpackTokens(model.get("tokens"));
  const own = stage(model, fixedPrompts(model, model.get("prompts"), ownRows(model)), ownTokens, say);
  const stages = stageSwitch(model, "Model", {
    own,
    ownLabel: `This page's model: ${number(own.size)} tokens`,
    async load({ name, kilobytes, files }, onProgress) {
      if (!files.length) {
        const { tokens, source } = await ownText(model, { name, kilobytes }, from, onProgress, redraw);
        ended.push(source.end);
        return stage(model, source, tokens, say);
      }
      const loaded = files.map(() => 0);
      const parts = files.map((file, i) =>
        request(model, file, (n) => {
          loaded[i] = n;
          onProgress(loaded.reduce((sum, n) => sum + n));
        }),
      );
      const [vocabulary, logits] = await Promise.all(parts);
      const { prompts, rows } = readLogits(logits);
      const source = fixedPrompts(model, prompts, rows);
      return stage(model, source, vocabularyTokens(readVocabulary(vocabulary)), say);
    },
    choose(source, { size }) {
      const isNew = source !== model.get("source"); // else a link or Python chose it
      const topK = model.get("top_k") < size ? model.get("top_k") : 0;
      update(model, { source, top_k: topK, ...(isNew ? { prompt: 0 } : {}) });
      redraw();
    },
  });
  const framed = frame(
    el,
    { kind: "fml-sampling", title: model.get("title") },
    ...stages.nodes,
  );

  let silent = true; // at first
  function draw() {
    const news = stages.show(model.get("source") ?? "")?.draw();
    if (news && !silent) framed.say(news);
    silent = false;
  }
  const names = ["prompt", "seed", "source", "text", "response", ...Object.keys(NOTHING)];
  const kept = keepDrawn(model, names, framed, draw);
  function redraw() {
    kept?.drawSoon();
  }
  return () => {
    kept.end();
    for (const end of ended) end();
  };
}

const ownRows = (model) => unpackRows(model.get("logits"), model.get("prompts").length);

// The choice of a prompt, with the logits of each: a source of the rows that a stage shows.
function fixedPrompts(model, prompts, logits) {
  const rows = logits.map(() => undefined); // sorted when they are first shown
  const box = promptBox(model, prompts);
  const index = () => Math.min(model.get("prompt"), prompts.length - 1);
  return {
    node: box.node,
    row: () => (rows[index()] ??= prepared(logits[index()])),
    draw: () => box.draw(index()),
  };
}

// What is shown of one model. `draw` returns what to say of it.
function stage(model, source, tokens, say) {
  const visible = (id) => decodeToken(tokens[id]);
  const steps = stepCards(model, tokens.length);
  const presets = presetButtons(model);
  const bars = barTable(tokens.length, visible);
  const curve = sumCurve(tokens.length);
  const tiles = factTiles();
  const draws = drawPanel(model, visible, (tally, news) => {
    bars.tally(tally);
    if (news) say(news);
  });
  let last = {}; // what was drawn: {row, temperature, after}
  return {
    size: tokens.length,
    nodes: [
      source.node,
      h(
        "div",
        { class: "fml-both" },
        h("div", { class: "fml-tune" }, presets.node, steps.node, steps.note),
        bars.node,
      ),
      h(
        "div",
        { class: "fml-both" },
        curve.node,
        h("div", {}, tiles.node, draws.node),
      ),
    ],
    draw() {
      const settings = settingsOf(model);
      const { temperature } = settings;
      const row = source.row();
      source.draw();
      const isSame = last.row === row && last.temperature === temperature;
      const after = restrict(row.logits, settings, row.order, isSame ? last.after : undefined);
      last = { row, temperature, after };
      steps.draw(settings, after);
      presets.draw();
      bars.draw(row, after, settings);
      curve.draw(row, after, settings);
      tiles.draw(row, after);
      draws.restart(after.probs);
      return summary(row, after, visible);
    },
  };
}

// What no setting changes about a row of logits.
export function prepared(logits) {
  const order = rank(logits);
  const before = softmax(logits);
  return { logits, order, before, sums: cumulative(before, order), bits: entropy(before) };
}

// What a link may set.
function settings(model) {
  const names = (model.get("published") ?? []).map(([name]) => name);
  const size = { smollm2: 49_152 }[model.get("source")] ?? 65_536;
  const number = (min, max, whole) => ({ kind: "number", min, max, whole });
  return {
    source: { kind: "choice", choices: ["", ...names] },
    prompt: number(0, model.get("prompts").length - 1, true),
    ...{ temperature: number(0, 2), top_k: number(0, size, true), top_p: number(0.05, 1) },
    ...{ min_p: number(0, 0.5), seed: number(0, MAX_SEED, true) },
    text: { kind: "text", longest: 2000 },
    response: { kind: "ids", size: 2048 },
  };
}

export default { render, settings };

function settingsOf(model) {
  const [temperature, topK, topP, minP] = Object.keys(NOTHING).map((name) => model.get(name));
  return { temperature, topK, topP, minP };
}

// What changed, in a sentence or two for screen readers.
function summary({ order, bits }, { steps, probs }, visible) {
  const [kept, all] = [steps[3].left, order.length].map((n) => number(n));
  const [after, before] = [entropy(probs), bits].map((value) => number(value, 2));
  const entropies = `Entropy ${after} bits, before ${before}.`;
  const top = `Top token: ${spoken(visible(order[0]))}, ${percent(probs[order[0]])}.`;
  return `${kept} of ${all} tokens left. ${entropies} ${top}`;
}
const spoken = (parts) => parts.map((part) => part.spoken).join(" ");

// The choice of a prompt, and its text with a place at the end for the next token. All texts are
// stacked, the others invisible, so that the box has the height of the longest.
function promptBox(model, prompts) {
  const id = newId();
  const line = (text) => text.replace(/\s+/g, " ").trim() || "(no text)";
  const options = prompts.map((text, i) => h("option", { value: i }, line(text)));
  const chosen = () => update(model, { prompt: Number(choice.value) });
  const choice = h("select", { id, change: chosen }, ...options);
  const next = { class: "fml-next", role: "img", "aria-label": "next token" };
  const texts = prompts.map((text) => h("p", { dir: "auto" }, text, h("span", next, "?")));
  return {
    node: h(
      "div",
      {},
      h("label", { for: id, class: "fml-label" }, "Prompt"),
      choice,
      h("div", { class: "fml-prompt" }, ...texts),
    ),
    draw(index) {
      choice.value = index;
      texts.forEach((node, i) => node.classList.toggle("fml-other", i !== index));
    },
  };
}

// The values of a slider, from hundredths. Python may set values in between.
const hundredths = (from, to, step) =>
  Array.from({ length: (to - from) / step + 1 }, (_, i) => (from + step * i) / 100);
const decimal = (value) =>
  Number(value.toFixed(2)) === value ? value.toFixed(2) : String(Number(value.toPrecision(3)));

// The four steps in their order, each with its slider and what it leaves.
function stepCards(model, size) {
  const cards = [
    stepCard(model, "Temperature", "temperature", {
      stops: hundredths(0, 200, 5),
      range: { min: 0, max: 2 },
      read: (t) => (t === 0 ? "argmax" : decimal(t)),
      tell: (t) => (t === 0 ? "0, argmax" : decimal(t)),
      isOff: (t) => t === 1,
    }),
    stepCard(model, "Top-k", "top_k", {
      stops: topKStops(size),
      range: { min: 0, max: size, whole: true },
      read: (k) => (k ? number(k) : "off"),
      isOff: (k) => !k,
      fromStop: (k) => (k === size ? 0 : k),
      toStop: (k) => k || size,
    }),
    stepCard(model, "Top-p", "top_p", {
      stops: hundredths(5, 100, 1),
      range: { min: 0.05, max: 1 },
      read: (p) => (p < 1 ? decimal(p) : "off"),
      isOff: (p) => p === 1,
    }),
    stepCard(model, "Min-p", "min_p", {
      stops: hundredths(0, 50, 1),
      range: { min: 0, max: 0.5 },
      read: (p) => (p ? decimal(p) : "off"),
      isOff: (p) => !p,
    }),
  ];
  const note =
    "Each step works on the tokens that the step before it left. Below each: how many tokens are " +
    "left, and the fraction of the probability after temperature that they hold.";
  return {
    node: h("ol", { class: "fml-steps" }, ...cards.map(({ node }) => node)),
    note: h("p", { class: "fml-note" }, note),
    draw(settings, { steps }) {
      Object.values(settings).forEach((value, i) => cards[i].draw(value, steps[i]));
    },
  };
}

// A step: a slider, a field for the same number, and what the step leaves.
function stepCard(model, name, trait, { stops, range, read, tell, isOff, fromStop, toStop }) {
  const id = newId();
  const same = (value) => value;
  const set = (value) => update(model, { [trait]: value });
  const moved = () => set((fromStop ?? same)(stops[slider.value]));
  const slider = h("input", { id, type: "range", min: 0, max: stops.length - 1, input: moved });
  const field = numberField({
    name,
    label: `${name}, as a number`,
    ...range,
    set: (value) => set(trait === "top_k" && value === range.max ? 0 : value),
  });
  const value = h("output", { for: id });
  const left = h("strong");
  const mass = h("span");
  const node = h(
    "li",
    {},
    h("label", { for: id }, name),
    value,
    field.node,
    slider,
    h("p", { class: "fml-left" }, left, " left, ", mass),
    field.problem,
  );
  return {
    node,
    draw(setting, step) {
      const stop = (toStop ?? same)(setting);
      if (stops[slider.value] !== stop) slider.value = nearestStop(stops, stop);
      slider.setAttribute("aria-valuetext", (tell ?? read)(setting));
      node.classList.toggle("fml-off", isOff(setting));
      field.draw(setting);
      const word = read(setting);
      write(value, /^\d/.test(word) ? "" : word); // the field shows numbers
      write(left, number(step.left));
      write(mass, percent(step.mass));
    },
  };
}

function presetButtons(model) {
  const entries = Object.entries(PRESETS).map(([name, values]) => {
    return [values, h("button", { click: () => update(model, values) }, name)];
  });
  const label = h("span", { class: "fml-note", id: newId() }, "Settings:");
  return {
    node: h(
      "div",
      { class: "fml-buttons", role: "group", "aria-labelledby": label.id },
      label,
      ...entries.map(([, button]) => button),
    ),
    draw() {
      for (const [values, button] of entries) {
        const pressed = Object.entries(values).every(([name, value]) => model.get(name) === value);
        button.setAttribute("aria-pressed", pressed);
      }
    },
  };
}

// The most likely tokens: an outline for the probability before, a bar for that after, a dot for
// the fraction of the draws. No step changes the order of the tokens.
function barTable(size, visible) {
  const n = Math.min(ROWS, size);
  const others = size - n;
  const lines = Array.from({ length: n }, barLine);
  const rest = barLine();
  rest.bar.remove();
  rest.head.colSpan = 2;
  rest.node.classList.add("fml-rest");
  const end = h("span");
  const head = [
    h("th", { scope: "col" }, "Token"),
    h("th", { scope: "col", class: "fml-scale" }, h("div", {}, h("span", {}, "0"), end)),
    h("th", { scope: "col", class: "fml-past" }, "Before"),
    ...["After", "Drawn"].map((name) => h("th", { scope: "col" }, name)),
  ];
  const key = (kind) => h("span", { class: `fml-key fml-${kind}`, "aria-hidden": "true" });
  const caption = h(
    "caption",
    {},
    h("span", { class: "fml-label" }, `The ${n} most likely tokens`),
    h(
      "span",
      { class: "fml-note" },
      ...[key("before"), " before: temperature 1, nothing cut. "],
      ...[key("after"), " after the steps. ", key("dot"), " fraction of the draws."],
    ),
  );
  const body = [...lines, ...(others ? [rest] : [])];
  let drawn = {}; // what the table shows: {row, top, scale}
  return {
    node: h(
      "table",
      { class: "fml-table fml-bars" },
      caption,
      h("thead", {}, h("tr", {}, ...head)),
      h("tbody", {}, ...body.map(({ node }) => node)),
    ),
    draw(row, after, { temperature }) {
      const top = row.order.subarray(0, n);
      if (row !== drawn.row)
        showTokens(lines.map(({ head }, i) => [head, token(visible(top[i]))]));
      const scale = scaleFor(Math.max(row.before[top[0]], after.probs[top[0]]));
      drawn = { row, top, scale };
      write(end, `${Math.round(100 * scale)}%`);
      lines.forEach((line, i) => {
        const [before, probability] = [row.before[top[i]], after.probs[top[i]]];
        const cut = after.steps.find(({ left }) => i >= left)?.name;
        line.node.classList.toggle("fml-cut", cut !== undefined);
        line.node.style.setProperty("--before", before / scale);
        line.node.style.setProperty("--after", probability / scale);
        const reason = temperature === 0 ? "argmax" : cut;
        write(line.before, percent(before));
        write(line.after, cut === undefined ? percent(probability) : `✕ ${reason}`);
      });
      const massOf = (probs) => {
        let sum = 0;
        for (let i = n; i < size; i++) sum += probs[row.order[i]];
        return sum;
      };
      write(rest.head, `others: ${number(Math.max(0, after.steps[3].left - n))} left`);
      write(rest.before, percent(massOf(row.before)));
      write(rest.after, percent(massOf(after.probs)));
    },
    tally({ counts, n: nDraws }) {
      let shown = 0;
      const tell = (line, count) => write(line.drawn, nDraws ? number(count) : "");
      lines.forEach((line, i) => {
        const count = counts[drawn.top[i]];
        shown += count;
        tell(line, count);
        line.node.style.setProperty("--drawn", nDraws ? count / nDraws / drawn.scale : 0);
        line.dot.hidden = !count;
      });
      tell(rest, nDraws - shown);
    },
  };
}

// Puts a token into each cell. One that is cut can be reached by keyboard, and then shows the rest.
function showTokens(cells) {
  for (const [cell, node] of cells) cell.replaceChildren(node);
  const cut = cells.map(([cell]) => cell.scrollWidth > cell.clientWidth);
  cells.forEach(([cell], i) => {
    if (cut[i]) cell.tabIndex = 0;
    else cell.removeAttribute("tabindex");
  });
}

function barLine() {
  const head = h("th", { scope: "row" });
  const dot = h("span", { class: "fml-dot" });
  const parts = [h("span", { class: "fml-after" }), h("span", { class: "fml-before" }), dot];
  const bar = h("td", {}, h("div", { class: "fml-probability" }, ...parts));
  const [before, after, drawn] = [h("td", { class: "fml-past" }), h("td"), h("td")];
  const node = h("tr", {}, head, bar, before, after, drawn);
  return { node, head, bar, dot, before, after, drawn };
}

// The probability that the full width of a bar stands for: the next round number.
const SCALES = [0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5, 0.75];
const scaleFor = (most) => SCALES.find((scale) => most <= scale) ?? 1;

// The cumulative probability over the rank: of the distribution before, and of the one that top-p
// sees, with p and the resulting cut.
function sumCurve(size) {
  const [width, height, left, top, right, bottom] = [320, 196, 42, 10, 312, 158];
  const x = (count) => left + ((right - left) * Math.log(count)) / Math.log(Math.max(2, size));
  const y = (probability) => bottom - (bottom - top) * probability;
  const counts = ranksToPlot(size);
  const corner = `M${left} ${bottom}`;
  const line = (sum, n) =>
    [...counts.filter((count) => count < n), n]
      .map((count) => `L${x(count).toFixed(1)} ${y(Math.min(1, sum(count))).toFixed(1)}`)
      .join("");
  const text = (x, y, words, anchor) => svg("text", { x, y, "text-anchor": anchor }, words);
  const axes = [
    svg("path", { class: "fml-axis", d: `M${left} ${top}V${bottom}H${right}` }),
    ...[0, 0.5, 1].map((p) => text(left - 5, y(p) + 4, `${100 * p}%`, "end")),
    ...[1, 10, 100, 1000, 10000]
      .filter((count) => count <= size)
      .map((count) => text(x(count), bottom + 16, number(count), count === 1 ? "start" : "middle")),
    text((left + right) / 2, height - 4, "tokens, the most likely first", "middle"),
  ];
  const shape = (kind) => svg("path", { class: `fml-${kind}` });
  const [area, before, given] = [shape("area"), shape("thin"), shape("thick")];
  const [goal, cut] = [shape("goal"), shape("goal")];
  const dot = svg("circle", { class: "fml-reached", r: 4 });
  const words = text(0, 0, "", "start");
  const picture = svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img" },
    ...[area, ...axes, before, given, goal, cut, dot, words],
  );
  return {
    node: h(
      "div",
      { class: "fml-curve" },
      h("p", { class: "fml-label" }, "Cumulative probability"),
      picture,
      h(
        "p",
        { class: "fml-note" },
        "Thin: before. Bold: what top-p sees, after temperature and top-k. Dashed: p, and the " +
          "nucleus that reaches it. Shaded: the tokens that can be sampled.",
      ),
    ),
    draw(row, { masses, steps }, { topP }) {
      const [, { left: n }, { left: nucleus }, { left: kept }] = steps;
      const sum = (count) => masses[count - 1] / masses[n - 1];
      before.setAttribute("d", corner + line((count) => row.sums[count - 1], size));
      given.setAttribute("d", corner + line(sum, n));
      area.setAttribute("d", `${corner}${line(sum, kept)}V${bottom}Z`);
      const [atX, atY] = [x(nucleus).toFixed(1), y(sum(nucleus)).toFixed(1)];
      goal.setAttribute("d", topP < 1 ? `M${left} ${y(topP).toFixed(1)}H${right}` : "");
      cut.setAttribute("d", topP < 1 ? `M${atX} ${atY}V${bottom}` : "");
      dot.setAttribute("cx", atX);
      dot.setAttribute("cy", atY);
      const onLeft = atX > (left + right) / 2;
      words.setAttribute("x", onLeft ? atX - 8 : +atX + 8);
      words.setAttribute("y", Math.max(+atY + 18, top + 18));
      words.setAttribute("text-anchor", onLeft ? "end" : "start");
      write(words, `${number(nucleus)}: ${percent(sum(nucleus))}`);
      const reached = `The ${number(nucleus)} most likely tokens have ${percent(sum(nucleus))}`;
      picture.setAttribute("aria-label", `${reached} of the probability that top-p sees.`);
    },
  };
}

// Ranks from 1 to `size` that are close to one another on a log scale.
function ranksToPlot(size) {
  const ranks = Array.from({ length: 150 }, (_, i) => Math.round(size ** (i / 149)));
  return [...new Set(ranks)];
}

function factTiles() {
  const names = ["Entropy before", "Entropy after", "Top token before", "Top token after"];
  const values = [...names, "Nucleus", "Tokens kept"].map((name) => [name, h("strong")]);
  const tiles = values.map(([name, value]) => h("div", {}, h("span", {}, name), " ", value));
  return {
    node: h("div", { class: "fml-tiles" }, ...tiles),
    draw({ order: [top], before, bits }, { probs, steps }) {
      const entropies = [bits, entropy(probs)].map((value) => `${number(value, 2)} bits`);
      const tops = [before, probs].map((distribution) => percent(distribution[top]));
      const sizes = [steps[2], steps[3]].map(({ left }) => number(left));
      [...entropies, ...tops, ...sizes].forEach((fact, i) => write(values[i][1], fact));
    },
  };
}

// Draws, counted until their distribution changes. Each depends on the seed and its number only.
function drawPanel(model, visible, onChange) {
  const id = newId();
  let distribution;
  let tally;
  const fresh = () => ({ counts: new Uint32Array(distribution.length), n: 0, latest: [] });
  function more(n) {
    const uniforms = Array.from({ length: n }, (_, i) => uniform(model.get("seed"), tally.n + i));
    const ids = draw(distribution, uniforms);
    for (const id of ids) tally.counts[id] += 1;
    tally.n += n;
    tally.latest = [...ids.slice(-LATEST).reverse(), ...tally.latest].slice(0, LATEST);
    show(n === 1 ? `Drawn: ${spoken(visible(ids[0]))}.` : `${number(n)} tokens drawn.`);
  }
  function show(news) {
    const { counts, n } = tally;
    const chips = tally.latest.flatMap((id) => [token(visible(id)), " "]);
    latest.replaceChildren(...(n ? ["Latest first: ", ...chips] : []));
    total.textContent = n ? `${number(n)} drawn.` : "Nothing drawn yet.";
    far.textContent = n ? comparison(counts, n) : "";
    onChange(tally, news && `${news} ${far.textContent}`);
  }
  function comparison(counts, n) {
    const distances = [distance(counts, n, distribution), expectedDistance(n, distribution)];
    const [actual, expected] = distances.map((value) => number(value, 3));
    return `Difference between draws and bars (total variation distance): ${actual}. Expected for this many draws: ${expected}.`;
  }
  function clear() {
    tally = fresh();
    show("Draws cleared.");
  }
  const button = (name, click) => h("button", { click }, name);
  const seed = numberField({
    name: "the seed",
    label: "",
    min: 0,
    max: MAX_SEED,
    whole: true,
    set: (value) => update(model, { seed: value }),
  });
  seed.node.id = id;
  const [total, latest, far] = ["fml-total", "fml-latest", "fml-note fml-far"].map((name) =>
    h("p", { class: name }),
  );
  return {
    node: h(
      "div",
      { class: "fml-draws", role: "group", "aria-label": "Draws" },
      h("div", { class: "fml-heads" }, h("p", { class: "fml-label" }, "Draws"), total),
      h(
        "div",
        { class: "fml-buttons" },
        ...[1, 100, 10_000].map((n) => button(`Draw ${number(n)}`, () => more(n))),
        button("Clear", clear),
      ),
      h("div", { class: "fml-buttons" }, h("label", { for: id }, "Seed"), seed.node, seed.problem),
      latest,
      far,
    ),
    // The distribution may have changed, so the counts start over.
    restart(probs) {
      const old = tally;
      distribution = probs;
      tally = fresh();
      seed.draw(model.get("seed"));
      if (!old || old.n) show();
    },
  };
}
