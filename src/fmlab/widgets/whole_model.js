// The whole model in one picture: every number on the way of one token to the logits. The model
// runs in a worker (worker.js); this is the display.

const SHOWN = 6; // numbers of a vector that are written out
const INSET = 300; // pixels: the side of the largest square
const IN_BLOCK = [
  { kind: "scores", name: "Query · key" },
  { kind: "softmax", name: "Softmax" },
  { kind: "values", name: "Values" },
  { kind: "mlp", name: "MLP" },
  { kind: "residual", name: "Residual" },
];

// The parameters of a model of GPT-2's kind: embeddings, blocks, the last norm. The output layer is
// the embedding.
export const parameters = ({ vocab, context, layers, width: D }) =>
  (vocab + context) * D + layers * (12 * D * D + 13 * D) + 2 * D;

// The sides of squares whose areas are proportional to these numbers; the largest has this side.
export function sides(numbers, largest) {
  const most = Math.max(...numbers);
  return numbers.map((n) => largest * Math.sqrt(n / most));
}

// The stations of the way, in their order: what arrow keys step through.
export const stationsOf = (nLayers) => [
  { kind: "embedding", name: "Embedding" },
  ...Array.from({ length: nLayers }, (_, layer) => IN_BLOCK.map((each) => ({ ...each, layer }))).flat(),
  { kind: "logits", name: "Unembedding" },
  { kind: "probabilities", name: "Next token" },
];

// Where a key leads from a station; undefined for a key that leads nowhere.
export function stepTo(key, at, n) {
  const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0 };
  const target = key === "End" ? n - 1 : to[key];
  return target === undefined ? undefined : Math.max(0, Math.min(n - 1, target));
}

export const lengthOf = (vector) => Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));

const EXPLAINED = {
  embedding:
    "The token's row of the embedding matrix, plus the row of its position. The sum starts the residual stream.",
  scores:
    "This head's query of the current token, times the key of each token up to it, divided by √d. A larger score is a better fit.",
  softmax: "The softmax turns the scores of a head into attention weights, which add up to 1.",
  values:
    "The head's output is the average of the values of all tokens, each with its attention weight. One matrix then maps the outputs of all heads to what attention adds to the residual stream.",
  mlp: "The MLP reads the residual stream after attention: one matrix to four times the width, GELU, and one matrix back.",
  residual:
    "The residual stream after the block is what came in, plus what attention and the MLP have added.",
  logits:
    "After a last layer normalization, the residual stream is multiplied by the embedding of every token: one logit per token.",
  probabilities: "The softmax of the logits is the distribution of the next token.",
};

// A vector as a strip of cells: blue above 0, sand below, the darker the farther from it.
function strip(vector, label) {
  const most = vector.reduce((largest, x) => Math.max(largest, Math.abs(x)), 1e-9);
  const cells = Array.from(vector, (x, i) =>
    svg("rect", {
      x: i,
      width: 1,
      height: 1,
      class: x < 0 ? "fml-below" : "fml-above",
      "fill-opacity": (Math.abs(x) / most).toFixed(3),
    }),
  );
  const start = Array.from(vector.slice(0, SHOWN), (x) => number(x, 2)).join(", ");
  const text = `${number(vector.length)} numbers: ${start}, …; length ${number(lengthOf(vector), 1)}`;
  return h(
    "figure",
    { class: "fml-vector" },
    h("figcaption", {}, h("b", {}, label), ` ${text}`),
    svg(
      "svg",
      { viewBox: `0 0 ${vector.length} 1`, preserveAspectRatio: "none", "aria-hidden": "true" },
      ...cells,
    ),
  );
}

// A table of tokens with a number and a bar each.
function bars(caption, heading, rows) {
  const most = rows.reduce((largest, { size }) => Math.max(largest, size), 1e-9);
  const row = ({ token: shown, text, size }) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, token(partsOf(shown))),
      h("td", { class: "fml-number" }, text),
      h("td", { "aria-hidden": "true" }, h("div", { class: "fml-meter", style: `width: ${(100 * size) / most}%` })),
    );
  const head = ["Token", heading, ""].map((name) => h("th", name ? { scope: "col" } : {}, name));
  head[2] = h("td", {});
  return h(
    "div",
    { class: "fml-rows", tabindex: 0, role: "region", "aria-label": caption },
    h("table", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...rows.map(row))),
  );
}

// What a station shows of a trace.
function contents({ kind, layer }, trace, head) {
  const block = trace.layers[layer];
  const own = block?.heads[head];
  const pick = (numbers, digits, size) =>
    Array.from(numbers, (x, j) => ({ token: trace.tokens[j], text: number(x, digits), size: size(x) }));
  if (kind === "embedding")
    return [
      strip(trace.embedding, "Embedding of the token."),
      strip(trace.place, `Embedding of position ${trace.position}.`),
      strip(trace.layers[0].before, "Their sum."),
    ];
  if (kind === "scores") {
    const least = Math.min(...own.scores);
    return [
      strip(own.query, "Query."),
      strip(own.key, "Key of the same token."),
      bars("Scores", "Score", pick(own.scores, 2, (x) => x - least)),
    ];
  }
  if (kind === "softmax") return [bars("Attention weights", "Weight", pick(own.weights, 3, (x) => x))];
  if (kind === "values") {
    const order = Array.from(own.weights.keys()).sort((a, b) => own.weights[b] - own.weights[a]);
    return [
      ...order.slice(0, 3).map((j) =>
        strip(own.values[j], `Value of ${visibleToken(trace.tokens[j])}, weight ${number(own.weights[j], 3)}.`),
      ),
      strip(own.output, "Output of this head."),
      strip(block.attention, "What attention adds, all heads together."),
    ];
  }
  if (kind === "mlp") {
    const positive = block.hidden.reduce((n, x) => n + (x > 0), 0);
    return [
      strip(block.between, "Residual stream after attention."),
      strip(block.hidden, `Hidden numbers, ${positive} of ${block.hidden.length} above 0.`),
      strip(block.mlp, "What the MLP adds."),
    ];
  }
  if (kind === "residual")
    return [
      strip(block.before, "What came in."),
      strip(block.attention, "Added by attention."),
      strip(block.mlp, "Added by the MLP."),
      strip(block.after, "What the next part reads."),
    ];
  const rows = (text, size) =>
    trace.rows.map((row) => ({ token: row, text: text(row), size: size(row) }));
  if (kind === "logits")
    return [
      strip(trace.last, "After the last normalization."),
      bars("Largest logits", "Logit", rows(({ logit }) => number(logit, 2), ({ logit }) => logit - trace.lowest)),
    ];
  const percent = ({ probability }) => `${number(100 * probability, 1)}%`;
  return [bars("Most likely next tokens", "Probability", rows(percent, ({ probability }) => probability))];
}

// Squares with areas proportional to the parameters of models, the largest around the others.
function scale(models) {
  const counts = models.map(parameters);
  const widths = sides(counts, INSET);
  const order = counts.map((_, i) => i).sort((a, b) => counts[b] - counts[a]);
  const squares = order.map((i) =>
    svg("rect", { x: 0.5, y: INSET - widths[i] + 0.5, width: widths[i], height: widths[i], class: "fml-square" }),
  );
  const beside = Math.max(...widths.filter((width) => width < INSET / 2)) + 6;
  const texts = order.map((i) => {
    const isLargest = widths[i] === INSET;
    const y = Math.min(INSET - widths[i] + 10, INSET - 3); // at the upper edge of its square
    return isLargest
      ? svg("text", { x: 10, y: 24 }, models[i].name)
      : svg("text", { x: beside, y }, widths[i] < 2 ? `← ${models[i].name}, a dot in the corner` : models[i].name);
  });
  const spoken = models.map(({ name }, i) => `${name}: ${number(counts[i])} parameters`).join("; ");
  const ratio = Math.round(Math.max(...counts) / Math.min(...counts));
  return h(
    "figure",
    { class: "fml-scale" },
    svg("svg", { viewBox: `0 0 ${INSET + 1} ${INSET + 1}`, role: "img", "aria-label": `Areas in proportion. ${spoken}.` }, ...squares, ...texts),
    h(
      "figcaption",
      { class: "fml-note" },
      `${spoken}. Areas are in proportion to parameters: the largest has ${number(ratio)} times as many as the smallest.`,
    ),
  );
}

function render({ model, el, site }) {
  const [entry] = model.get("models");
  const source = site ? siteSource(site) : kernelSource(model);
  const stations = stationsOf(entry.layers);
  let [engine, trace, at, head] = [undefined, undefined, 0, 0];
  let chosen = Infinity; // the position that is traced

  const prompt = h("textarea", { rows: 2, spellcheck: "false", maxlength: 1000 });
  prompt.addEventListener("input", () => update(model, { prompt: prompt.value }));
  const go = h("button", { class: "fml-main", click: () => start() }, `Start (${megabytes(entry.bytes)})`);
  const status = h("p", { class: "fml-status" });
  const tokens = h("div", { class: "fml-line", role: "group", "aria-label": "The token to follow" });
  const boxes = stations.map(({ name, layer }, i) => {
    const label = layer === undefined ? name : `Layer ${layer}: ${name}`;
    return h("button", { class: "fml-station", "aria-label": label, click: () => show(i, false) }, name);
  });
  const map = h("div", { class: "fml-map", role: "group", "aria-label": "Parts of the model", keydown: move });
  let row;
  for (const [i, { layer }] of stations.entries()) {
    if (layer === undefined || stations[i - 1].layer !== layer) {
      const title = layer === undefined ? "" : `Layer ${layer}`;
      row = h("div", { class: layer === undefined ? "fml-part" : "fml-block" });
      if (title) row.append(h("span", { class: "fml-block-name", "aria-hidden": "true" }, title));
      map.append(row);
    }
    row.append(boxes[i]);
  }
  const headChoice = h("select", {}, ...Array.from({ length: entry.heads }, (_, i) => h("option", { value: i }, `Head ${i}`)));
  headChoice.addEventListener("change", () => {
    head = Number(headChoice.value);
    draw();
  });
  const headField = labeledHead(headChoice);
  const title = h("p", { class: "fml-label" });
  const note = h("p", {});
  const open = h("div", { class: "fml-open" });
  const back = h("button", { click: () => show(at - 1, false) }, "Back");
  const next = h("button", { click: () => show(at + 1, false) }, "Next");
  const panel = h("div", { class: "fml-panel" }, title, note, headField, open, h("div", { class: "fml-buttons" }, back, next));
  const body = h("div", { class: "fml-whole" }, map, panel);
  const framed = frame(
    el,
    { kind: "fml-whole-model", title: model.get("title") },
    labeledPrompt(prompt),
    h("div", { class: "fml-buttons" }, go, status),
    tokens,
    body,
    scale(model.get("sizes")),
  );

  async function start() {
    if (go.getAttribute("aria-disabled") === "true") return;
    go.setAttribute("aria-disabled", "true");
    try {
      if (!engine) {
        write(status, "Loading …");
        const connection = connect(await source.worker());
        const request = await source.files(entry.name);
        await connection.call("open", request, ({ loaded }) =>
          write(status, `Loaded ${megabytes(loaded)} of ${megabytes(entry.bytes)}`),
        );
        engine = connection;
        write(go, "Follow the text");
      }
      chosen = Infinity;
      await follow();
    } catch (error) {
      write(status, error.message);
      framed.say(error.message);
    } finally {
      go.setAttribute("aria-disabled", "false");
    }
  }
  async function follow() {
    trace = await engine.call("trace", { text: model.get("prompt"), position: chosen });
    write(status, `${trace.tokens.length} tokens. Arrow keys step through the model.`);
    const had = tokens.contains(document.activeElement);
    const buttons = trace.tokens.map((shown, i) => {
      const label = `Token ${i}: ${spokenToken(shown)}`;
      const pressed = String(i === trace.position);
      return h("button", { "aria-pressed": pressed, "aria-label": label, click: () => choose(i) }, token(partsOf(shown)));
    });
    tokens.replaceChildren(...buttons);
    if (had) buttons[trace.position].focus();
    draw();
  }
  function choose(position) {
    chosen = position;
    follow();
  }
  function move(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = stepTo(event.key, at, stations.length);
    if (target === undefined) return;
    event.preventDefault();
    show(target, true);
  }
  function show(target, focus) {
    at = Math.max(0, Math.min(stations.length - 1, target));
    if (focus) boxes[at].focus();
    draw();
    const { name, layer } = stations[at];
    framed.say(`Step ${at + 1} of ${stations.length}: ${layer === undefined ? "" : `layer ${layer}, `}${name}.`);
  }
  function draw() {
    if (document.activeElement !== prompt) prompt.value = model.get("prompt");
    const { kind, name, layer } = stations[at];
    boxes.forEach((box, i) => {
      box.tabIndex = i === at ? 0 : -1;
      if (i === at) box.setAttribute("aria-current", "step");
      else box.removeAttribute("aria-current");
    });
    write(title, `${at + 1} of ${stations.length}. ${layer === undefined ? "" : `Layer ${layer}: `}${name}`);
    write(note, EXPLAINED[kind]);
    headField.hidden = !["scores", "softmax", "values"].includes(kind);
    back.setAttribute("aria-disabled", at === 0);
    next.setAttribute("aria-disabled", at === stations.length - 1);
    const shown = trace ? contents(stations[at], trace, head) : [h("p", { class: "fml-note" }, "Start the model to see its numbers.")];
    open.replaceChildren(...shown);
  }

  const kept = keepDrawn(model, ["prompt"], framed, draw);
  return () => {
    kept.end();
    engine?.end();
  };
}

// What a link may set.
const settings = () => ({ prompt: { kind: "text", longest: 1000 } });

export default { render, settings };

function labeledHead(select) {
  const id = newId();
  select.id = id;
  return h("div", { class: "fml-field" }, h("label", { for: id }, "Head "), select);
}

function labeledPrompt(area) {
  const id = newId();
  area.id = id;
  return h("div", { class: "fml-field" }, h("label", { for: id, class: "fml-label" }, "Text"), area);
}
