// The attention explorer: choose a head and a token, see what that token attends to.

const LISTED = 3; // tokens that the sentence names
const NUMBERED = 6; // tokens that show their weight as a number
const MOST_COLUMNS = 6; // of small pictures
const LEAST = 0.01; // smaller weights are not shown as numbers
const TERMS = 3; // of the softmax's sum that are listed
const LABELS = 26; // tokens that have a label beside the large picture; of more, every second
const MOST_TOKENS = 64; // of a typed text
const MAX_CHARACTERS = 2000;

// Scores are packed as signed 24-bit integers, little-endian, each to be multiplied by a step.
export function unpackScores(view, step) {
  const whole = (at) => view.getUint16(at, true) + 65_536 * view.getInt8(at + 2);
  return Float64Array.from({ length: view.byteLength / 3 }, (_, i) => step * whole(3 * i));
}

export function softmax(scores) {
  const most = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

// From a head's scores q·k, one row per query, to its attention weights.
export function attentionWeights(scores, dHead, { scaled = true, masked = true } = {}) {
  const divisor = scaled ? Math.sqrt(dHead) : 1;
  return scores.map((row, query) =>
    softmax(row.map((score, key) => (masked && key > query ? -Infinity : score / divisor))),
  );
}

// In bits. A probability of 0 adds nothing.
export function entropy(row) {
  return row.reduce((sum, p) => (p > 0 ? sum - p * Math.log2(p) : sum), 0);
}

export const weightOnLater = (row, query) => row.slice(query + 1).reduce((a, b) => a + b, 0);

// The positions of the n largest weights that are shown as numbers, the largest first.
export function largest(row, n) {
  const positions = Array.from(row.keys()).filter((i) => row[i] >= LEAST);
  return positions.sort((a, b) => row[b] - row[a] || a - b).slice(0, n);
}

// A token in a sentence: in quotation marks, with its distance if it occurs several times.
export function nameToken(tokens, i, query) {
  const way = i < query ? `${query - i} back` : `${i - query} ahead`;
  const again = i !== query && tokens.filter((other) => other === tokens[i]).length > 1;
  return `“${spoken(tokens[i])}”${again ? ` (${way})` : ""}`;
}

export function sentence(tokens, row, query) {
  const listed = largest(row, LISTED);
  const rest = 1 - listed.reduce((sum, i) => sum + row[i], 0);
  const name = (i) => (i === query ? "itself" : nameToken(tokens, i, query));
  const parts = listed.map((i) => `${name(i)} ${percent(row[i])}`);
  if (rest >= LEAST / 2) parts.push(`all others ${percent(rest)}`);
  return `${nameToken(tokens, query, query)} attends to ${parts.join(", ")}.`;
}

const percent = (p, digits = 0) => `${number(100 * p, digits)}%`;
const textParts = (text) => decodeToken(new TextEncoder().encode(text));
const spoken = (text) => text.trim() || textParts(text).map((part) => part.spoken).join(" ");
const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

// Dark is a large weight; the square root keeps small weights visible beside large ones.
const shade = (weight) => Math.sqrt(weight);

// How a weight follows from the scores of a query's row: the score, what it is after the division,
// the exponentials of these minus the largest of them (`terms`, the largest first), their sum.
export function softmaxSteps(row, query, key, { dHead, scaled = true, masked = true }) {
  const n = masked ? query + 1 : row.length;
  const divisor = scaled ? Math.sqrt(dHead) : 1;
  const divided = Array.from(row).slice(0, n).map((score) => score / divisor);
  const most = Math.max(...divided);
  const values = divided.map((value) => Math.exp(value - most));
  const terms = values.map((value, key) => ({ key, value }));
  terms.sort((a, b) => b.value - a.value || a.key - b.key);
  const sum = values.reduce((a, b) => a + b);
  return { score: row[key], divisor, divided: divided[key], most, value: values[key], terms, sum };
}

function render({ model, el, site }) {
  const from = site ? siteSource(site) : kernelSource(model);
  const ended = []; // what runs until the explorer is removed
  const stages = stageSwitch(model, "Source", {
    own: stage(model, recorded(model), redraw),
    ownLabel: "This page's texts",
    async load(offer, onProgress) {
      const source = await typedText(model, offer, from, onProgress, redraw);
      ended.push(source.end);
      return stage(model, source, redraw);
    },
    choose(source, { length }) {
      const isNew = source !== model.get("source"); // else a link or Python chose it
      const position = isNew ? length() - 1 : Math.min(model.get("position"), length() - 1);
      update(model, { source, position });
      redraw();
    },
  });
  const framed = frame(
    el,
    { kind: "fml-attention", title: model.get("title") },
    ...stages.nodes,
  );

  let described;
  function draw() {
    const description = stages.show(model.get("source") ?? "")?.draw();
    if (described && description && description !== described) framed.say(description);
    described = description ?? described;
  }
  const settings = ["source", "own", "text", "layer", "head", "position", "scaled", "masked"];
  const kept = keepDrawn(model, settings, framed, draw);
  function redraw() {
    kept.drawSoon();
  }
  return () => {
    kept.end();
    for (const end of ended) end();
  };
}

// What a link may set.
function settings(model) {
  const number = (size) => ({ kind: "number", min: 0, max: size - 1, whole: true });
  const names = (model.get("published") ?? []).map(([name]) => name);
  return {
    source: { kind: "choice", choices: ["", ...names] },
    own: { kind: "text", longest: MAX_CHARACTERS },
    text: number(model.get("tokens").length),
    ...{ layer: number(model.get("n_layers")), head: number(model.get("n_heads")) },
    position: number(MOST_TOKENS),
    ...{ scaled: { kind: "flag" }, masked: { kind: "flag" } },
  };
}

export default { render, settings };

// What is shown of one source of texts. `draw` returns what to say of it.
function stage(model, source, redraw) {
  const viewOf = reader(model, source);
  let pointed = {}; // the query and key under the mouse, or chosen by arrow keys, if any
  let text; // whose tokens they are
  const point = (query, key) => {
    pointed = { query, key };
    redraw();
  };
  const [row, facts] = [tokenRow(model, point), factTiles()];
  const [grid, map, ways] = [
    headGrid(model, source),
    heatMap(model, source, point),
    switches(model, source),
  ];
  const line = h("p", { class: "fml-says" });
  return {
    length: () => source.current().tokens.length,
    nodes: [
      source.node,
      h("div", {}, row.node, line),
      ways.node,
      facts.node,
      h("div", { class: "fml-heads-and-map" }, grid.node, map.node),
    ],
    draw() {
      source.draw();
      if (text !== source.current()) pointed = {};
      text = source.current();
      const view = viewOf(pointed);
      for (const part of [row, facts, grid, ways]) part.draw(view);
      line.textContent = sentence(view.tokens, view.row, view.query);
      const cell = map.draw(view);
      return pointed.key === undefined ? line.textContent : cell;
    },
  };
}

const upTo = (n) => [...Array(n).keys()];

// The texts whose scores the page holds. `current` is the chosen text: its tokens, and the scores
// of a head, one row per query.
function recorded(model) {
  const [nLayers, nHeads, dHead] = ["n_layers", "n_heads", "d_head"].map((name) => model.get(name));
  const all = unpackScores(model.get("packed"), model.get("step"));
  let start = 0; // of a text's scores
  const texts = model.get("tokens").map((tokens) => {
    const [T, first] = [tokens.length, start];
    start += nLayers * nHeads * T ** 2;
    const row = (layer, head, query) => first + ((layer * nHeads + head) * T + query) * T;
    return {
      tokens,
      scores: (layer, head) =>
        upTo(T).map((q) => all.subarray(row(layer, head, q), row(layer, head, q) + T)),
    };
  });
  const choice = textChoice(model);
  const names = model.get("names");
  return {
    ...{ nLayers, nHeads, dHead, names, node: choice.node },
    current: () => texts[model.get("text")],
    draw: () => choice.draw({ text: model.get("text") }),
  };
}

// The reader's own text, which a model of the book reads in the page.
const FIRST_OWN = "drum: 7\npiano: 4\nharp: 9\npiano: 4\ndrum:";
async function typedText(model, { name, kilobytes }, from, onProgress, redraw) {
  const engine = connect(await from.worker());
  const request = await from.files(name);
  await engine.call("open", request, ({ loaded }) => onProgress(Math.min(loaded, 1000 * kilobytes)));
  const id = newId();
  let isTyped = false;
  const commit = () => {
    if (field.value === model.get("own")) return;
    isTyped = true;
    update(model, { own: field.value });
  };
  const field = h("textarea", {
    ...{ id, rows: 3, spellcheck: "false", maxlength: MAX_CHARACTERS },
    ...whenTyped(commit, 250),
  });
  const problem = h("p", { class: "fml-problem", role: "alert" });
  let asked;
  let busy = false;
  let text; // what is shown
  let shape;
  async function ask() {
    if (busy) return;
    busy = true;
    while (asked !== model.get("own")) {
      asked = model.get("own");
      try {
        const { layers, tokens, ...rest } = await engine.call("scores", { text: asked, most: MOST_TOKENS });
        const T = tokens.length;
        const rows = (all) => upTo(T).map((query) => all.subarray(query * T, (query + 1) * T));
        text = { tokens: tokens.map(tokenText), scores: (layer, head) => rows(layers[layer][head]) };
        shape = rest;
        write(problem, "");
        if (isTyped) update(model, { position: T - 1 });
        isTyped = false;
      } catch (error) {
        write(problem, error.message);
      }
    }
    busy = false;
    redraw();
  }
  if (!model.get("own")) update(model, { own: FIRST_OWN });
  await ask();
  if (!text) {
    update(model, { own: FIRST_OWN }); // a link's text may be too long
    await ask();
  }
  return {
    ...shape,
    names: model.get("own_named") ? model.get("names") : [],
    node: h("div", {}, h("label", { for: id, class: "fml-label" }, "Your text"), field, problem),
    current: () => text,
    draw() {
      if (document.activeElement !== field) field.value = model.get("own");
      if (asked !== model.get("own")) ask();
    },
    end: engine.end,
  };
}

// A token of the worker as text; what is no text as in b"...".
function tokenText({ name, bytes }) {
  if (name) return name;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
  } catch {
    const written = (byte) =>
      byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
    return Array.from(bytes, written).join("");
  }
}

// Everything the parts show: the settings, and the resulting weights. `pointed` may name another
// query than the chosen one.
function reader(model, source) {
  const { nLayers, nHeads, dHead } = source;
  let [text, key] = [];
  let heads; // the weights of every head, for the text and the switches of `key`
  function headsOf(current, switched) {
    const wanted = JSON.stringify(switched);
    if (text !== current || key !== wanted) {
      const weights = (layer) => (head) =>
        attentionWeights(current.scores(layer, head), dHead, switched);
      heads = upTo(nLayers).map((layer) => upTo(nHeads).map(weights(layer)));
    }
    [text, key] = [current, wanted];
    return heads;
  }
  return (pointed) => {
    const [layer, head] = [
      Math.min(model.get("layer"), nLayers - 1),
      Math.min(model.get("head"), nHeads - 1),
    ];
    const switched = { scaled: model.get("scaled"), masked: model.get("masked") };
    const current = source.current();
    const { tokens } = current;
    const chosen = Math.min(model.get("position"), tokens.length - 1);
    const query = Math.min(pointed.query ?? chosen, tokens.length - 1);
    const pictures = headsOf(current, switched);
    const weights = pictures[layer][head];
    const scores = current.scores(layer, head)[query];
    const at = { text: current, layer, head, chosen, query, key: pointed.key };
    return { ...at, ...switched, tokens, pictures, weights, scores, row: weights[query] };
  };
}

// The beginning of a text, on one line and without the special token that starts it.
export function beginning(tokens) {
  return tokens.join("").replace(/^<\|.*?\|>/, "").replace(/\s+/g, " ").trim().slice(0, 90);
}

function textChoice(model) {
  const tokens = model.get("tokens");
  if (tokens.length === 1) return { node: "", draw() {} };
  const id = newId();
  const options = tokens.map((pieces, i) => h("option", { value: i }, beginning(pieces)));
  const select = h("select", { id, change: chosen }, ...options);
  function chosen() {
    const text = Number(select.value);
    update(model, { text, position: tokens[text].length - 1 });
  }
  return {
    node: h("div", {}, h("label", { for: id, class: "fml-label" }, "Text"), select),
    draw({ text }) {
      select.value = text;
    },
  };
}

// The tokens of the text. Only the query is in the tab order; arrow keys move from there.
function tokenRow(model, point) {
  const id = newId();
  let options = [];
  let drawn; // the text that the options show
  const box = tokenBox(model, point, () => options, { "aria-labelledby": id });
  function lay({ text, tokens }) {
    drawn = text;
    options = tokens.map((piece) => {
      const weight = h("small", {}, h("span"));
      return h("span", { class: "fml-piece", role: "option" }, token(textParts(piece)), weight);
    });
    const lined = (option, i) => (/[\r\n]/.test(tokens[i]) ? [option, h("br")] : [option]);
    box.replaceChildren(...options.flatMap(lined));
  }
  const label = h("p", { class: "fml-label", id }, "Choose the query token");
  return {
    node: h("div", {}, label, box, legend()),
    draw(view) {
      if (drawn !== view.text) lay(view);
      const numbered = largest(view.row, NUMBERED);
      options.forEach((option, i) => {
        const weight = view.row[i];
        const hidden = view.masked && i > view.query;
        const label = option.lastChild.firstChild; // shown if it is large, and always read out
        option.tabIndex = i === view.chosen ? 0 : -1;
        option.setAttribute("aria-selected", i === view.chosen);
        option.classList.toggle("fml-query", i === view.query);
        option.classList.toggle("fml-unseen-yet", hidden);
        option.style.setProperty("--weight", weight);
        option.style.setProperty("--shade", percent(shade(weight), 2));
        label.textContent = hidden ? "hidden by the mask" : percent(weight);
        label.classList.toggle("fml-unseen", !numbered.includes(i));
      });
    },
  };
}

function legend() {
  const sample = (weight) => {
    const style = `--shade: ${percent(shade(weight), 2)}`;
    return h("span", { class: "fml-sample", style }, percent(weight));
  };
  return h(
    "p",
    { class: "fml-note fml-legend" },
    "Framed: the query token. Shade: the attention weight. ",
    h("span", { class: "fml-samples" }, ...[0.01, 0.1, 0.3, 1].map(sample)),
  );
}

function factTiles() {
  const ofRow = ["Entropy of this row, bits", "Effective number of tokens (2 to the entropy)"];
  const shares = ["Largest weight", "Weight on later tokens"];
  const ofHead = ["Mean entropy in this head, bits", "Mean weight on later tokens"];
  const values = [...ofRow, ...shares, ...ofHead].map((name) => [name, h("strong")]);
  const tiles = values.map(([name, value]) => h("div", {}, h("span", {}, name), " ", value));
  return {
    node: h("div", { class: "fml-tiles" }, ...tiles),
    draw({ row, query, weights }) {
      const bits = entropy(row);
      const texts = [
        number(bits, 2),
        number(2 ** bits, 1),
        percent(Math.max(...row)),
        percent(weightOnLater(row, query)),
        number(mean(weights.map(entropy)), 2),
        percent(mean(weights.map(weightOnLater))),
      ];
      texts.forEach((text, i) => (values[i][1].textContent = text));
    },
  };
}

// The picture of a head's weights, as a mask over a color, so that it works in light and dark mode.
function paint(node, weights) {
  const T = weights.length;
  const canvas = h("canvas", { width: T, height: T });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(T, T);
  weights.flatMap((row) => [...row]).forEach((weight, i) => {
    pixels.data[4 * i + 3] = Math.round(255 * shade(weight));
  });
  context.putImageData(pixels, 0, 0);
  node.style.setProperty("--picture", `url(${canvas.toDataURL()})`);
}

// The known jobs of heads: a function that returns the job of a head, if it has one.
function jobs({ names }) {
  const known = new Map(names.map(([layer, head, job]) => [`${layer} ${head}`, job]));
  return (layer, head) => known.get(`${layer} ${head}`);
}

// A small picture of every head, one row per layer.
function headGrid(model, source) {
  const { nLayers, nHeads } = source;
  const id = newId();
  const jobOf = jobs(source);
  const buttons = [];
  const layers = [...Array(nLayers).keys()].map((layer) => {
    const row = [...Array(nHeads).keys()].map((head) => button(layer, head));
    const columns = `--columns: ${Math.min(nHeads, MOST_COLUMNS)}`;
    const upright = { class: "fml-axis fml-upright", "aria-hidden": "true" };
    const name = h("span", upright, `layer ${layer}`); // each button repeats it
    buttons.push(...row);
    const heads = h("div", { class: "fml-row", style: columns }, ...row.map(({ node }) => node));
    return h("div", { class: "fml-layer" }, name, heads);
  });
  function button(layer, head) {
    const picture = h("span", { class: "fml-heat" });
    const job = jobOf(layer, head);
    const unseen = (text) => h("span", { class: "fml-unseen" }, text);
    const label = [unseen(`layer ${layer}, `), h("span", {}, `head ${head}`)];
    if (job) label.push(h("span", { class: "fml-job" }, job));
    const node = h("button", { click: () => update(model, { layer, head }) }, picture, ...label);
    return { layer, head, picture, node };
  }
  let drawn; // the pictures that the buttons show
  const label = h("p", { class: "fml-label", id }, "Heads");
  return {
    node: h("div", { class: "fml-grid", role: "group", "aria-labelledby": id }, label, ...layers),
    draw({ pictures, layer, head }) {
      for (const button of buttons) {
        const chosen = button.layer === layer && button.head === head;
        button.node.setAttribute("aria-pressed", chosen);
        if (drawn !== pictures) paint(button.picture, pictures[button.layer][button.head]);
      }
      drawn = pictures;
    },
  };
}

// The weights of the chosen head, with the row of the query token outlined, the tokens along both
// axes, and how the weight of a cell is computed: the cell under the mouse, or the one that arrow
// keys have moved to. `draw` returns a sentence about it.
function heatMap(model, source, point) {
  const jobOf = jobs(source);
  const { dHead } = source;
  const [heat, outline, cell] = ["fml-heat", "fml-outline", "fml-cell"].map((name) =>
    h("span", { class: name }),
  );
  const label = h("p", { class: "fml-label" });
  const steps = h("ol", { class: "fml-sum" });
  const pair = h("p", { class: "fml-pair" });
  const [rows, columns] = ["fml-rows", "fml-columns"].map((name) =>
    h("div", { class: `fml-ticks ${name}`, "aria-hidden": "true" }),
  );
  const plot = h(
    "div",
    {
      class: "fml-plot",
      role: "application", // arrow keys are for the picture, not for reading on
      "aria-roledescription": "matrix",
      tabindex: 0,
      pointermove: (event) => point(...under(event)),
      pointerleave: () => point(),
      click: (event) => update(model, { position: under(event)[0] }),
      focus: () => plot.matches(":focus-visible") && point(at.query, at.key),
      blur: () => point(),
      keydown: pressed,
    },
    ...[heat, outline, cell],
  );
  let drawn; // the weights that the map shows
  let labeled; // the tokens along the axes
  let at; // the cell that is shown: {query, key}
  function under({ clientX, clientY }) {
    const box = plot.getBoundingClientRect();
    const T = drawn.length;
    const place = (fraction) => Math.max(0, Math.min(T - 1, Math.floor(fraction * T)));
    return [place((clientY - box.top) / box.height), place((clientX - box.left) / box.width)];
  }
  function pressed(event) {
    const to = cellTarget(event.key, at, drawn.length);
    if (to) {
      at = to; // now, since the next key may come before it is drawn
      point(to.query, to.key);
    } else if (["Enter", " "].includes(event.key)) update(model, { position: at.query });
    else return;
    event.preventDefault();
  }
  function lay(tokens) {
    labeled = tokens;
    const step = Math.ceil(tokens.length / LABELS);
    for (const axis of [rows, columns])
      axis.replaceChildren(
        ...tokens.map((text, i) => {
          const node = h("span", {}, token(textParts(text)));
          node.classList.toggle("fml-skipped", i % step !== 0);
          return node;
        }),
      );
  }
  return {
    node: h(
      "div",
      { class: "fml-map" },
      label,
      h("p", { class: "fml-axis fml-key-axis" }, "token that is attended to (key) →"),
      columns,
      h("p", { class: "fml-axis fml-upright" }, "token that attends (query) →"),
      rows,
      plot,
      h("div", { class: "fml-arithmetic" }, pair, steps),
    ),
    draw(view) {
      const { layer, head, weights, query, row, tokens } = view;
      const T = weights.length;
      const key = view.key ?? largest(row, 1)[0];
      at = { query, key };
      const job = jobOf(layer, head);
      if (drawn !== weights) paint(heat, weights);
      drawn = weights;
      if (labeled !== tokens) lay(tokens);
      [...rows.children].forEach((node, i) => node.classList.toggle("fml-here", i === query));
      [...columns.children].forEach((node, i) => node.classList.toggle("fml-here", i === key));
      label.textContent = `Layer ${layer}, head ${head}${job ? `: ${job}` : ""}`;
      const what = "One row per query token, one column per key token. Arrow keys move from cell to cell.";
      plot.setAttribute("aria-label", `The weights of layer ${layer}, head ${head}. ${what}`);
      plot.style.setProperty("--size", T);
      plot.style.setProperty("--query", query);
      plot.style.setProperty("--key", key);
      const names = [nameToken(tokens, query, query), nameToken(tokens, key, query)];
      write(pair, `How much does ${names[0]} attend to ${key === query ? "itself" : names[1]}?`);
      const lines = arithmetic({ ...view, key }, dHead);
      steps.replaceChildren(...lines.map((line) => h("li", {}, line)));
      return `${pair.textContent} ${lines.at(-1)}`;
    },
  };
}

// Where a key leads from a cell of the matrix; undefined for a key that leads nowhere.
export function cellTarget(pressed, { query, key }, size) {
  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const [down, right] = { ...moves, Home: [0, -size], End: [0, size] }[pressed] ?? [];
  const within = (i) => Math.max(0, Math.min(size - 1, i));
  return right === undefined ? undefined : { query: within(query + down), key: within(key + right) };
}

// The computation of a weight, a line per step.
export function arithmetic({ tokens, scores, row, query, key, scaled, masked }, dHead) {
  const score = `Score q·k = ${signed(scores[key], 2)}.`;
  if (masked && key > query) return [score, "The token comes later, so the mask hides it: weight 0."];
  const found = softmaxSteps(scores, query, key, { dHead, scaled, masked });
  const divided = `Divided by √d = √${dHead} = ${number(found.divisor, 2)}: ${signed(found.divided, 2)}.`;
  const power =
    `Subtract the largest score in the row, ${signed(found.most, 2)}, and exponentiate: ` +
    `e^(${signed(found.divided - found.most, 2)}) = ${small(found.value)}.`;
  const listed = found.terms.slice(0, TERMS);
  const others = found.terms.length - listed.length;
  const rest = found.sum - listed.reduce((sum, { value }) => sum + value, 0);
  const parts = listed.map(({ key: i, value }) => `${small(value)} (${nameToken(tokens, i, query)})`);
  if (others) parts.push(`${small(rest)} (${others} other${others > 1 ? "s" : ""})`);
  const sum = `Add up the exponentials of all ${found.terms.length} tokens: ${parts.join(" + ")} = ${small(found.sum)}.`;
  const weight = `Weight = ${small(found.value)} ÷ ${small(found.sum)} = ${percent(row[key], 1)}.`;
  return [score, ...(scaled ? [divided] : []), power, sum, weight];
}
const small = (value) => number(value, 4);

// Scale and mask, on or off, and the effect of switching them off.
function switches(model, { dHead }) {
  const box = (name, ...text) => {
    const toggle = () => update(model, { [name]: input.checked });
    const input = h("input", { type: "checkbox", change: toggle });
    return { name, input, node: h("label", { class: "fml-switch" }, input, ...text) };
  };
  const boxes = [
    box("scaled", `divide by √d (d = ${dHead})`),
    box("masked", "causal mask"),
  ];
  const note = h("p", { class: "fml-note" });
  const times = number(Math.sqrt(dHead), 1);
  const unscaled = `Without the division, scores are ${times} times larger, the softmax sharper.`;
  const unmasked = "Without the mask, tokens attend to later ones.";
  return {
    node: h("div", { class: "fml-switches" }, h("div", {}, ...boxes.map(({ node }) => node)), note),
    draw(view) {
      for (const { name, input } of boxes) input.checked = view[name];
      const off = [view.scaled ? "" : unscaled, view.masked ? "" : unmasked].filter(Boolean);
      note.textContent = off.length
        ? `${off.join(" ")} The model was trained with both.`
        : "Both as in the model. Switch one off and see what happens.";
    },
  };
}
