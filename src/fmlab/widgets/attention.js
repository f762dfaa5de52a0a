// The attention explorer: choose a head and a token, see what that token attends to.

const LISTED = 3; // tokens that the sentence names
const NUMBERED = 6; // tokens that show their weight as a number
const MOST_COLUMNS = 6; // of small pictures
const LEAST = 0.01; // smaller weights are not shown as numbers

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
const partsOf = (text) => decodeToken(new TextEncoder().encode(text));
const spoken = (text) => text.trim() || partsOf(text).map((part) => part.spoken).join(" ");
const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

// Dark is a large weight; the square root keeps small weights visible beside large ones.
const shade = (weight) => Math.sqrt(weight);

function render({ model, el }) {
  const viewOf = reader(model);
  let pointed = {}; // the query and key under the mouse, if any
  const point = (query, key) => {
    pointed = { query, key };
    drawSoon();
  };
  const [choice, row, facts] = [textChoice(model), tokenRow(model, point), factTiles()];
  const [grid, map, ways] = [headGrid(model), heatMap(model, point), switches(model)];
  const line = h("p", { class: "fml-says" });
  const framed = frame(
    el,
    { kind: "fml-attention", title: model.get("title") },
    choice.node,
    h("div", {}, row.node, line),
    ways.node,
    facts.node,
    h("div", { class: "fml-heads-and-map" }, grid.node, map.node),
  );

  let text;
  function draw() {
    if (text !== model.get("text")) pointed = {};
    text = model.get("text");
    const view = viewOf(pointed);
    for (const part of [choice, row, facts, grid, map, ways]) part.draw(view);
    const description = sentence(view.tokens, view.row, view.query);
    if (line.textContent && description !== line.textContent) framed.say(description);
    line.textContent = description;
  }
  const settings = ["text", "layer", "head", "position", "scaled", "masked"];
  const { drawSoon, end } = keepDrawn(model, settings, framed, draw);
  return end;
}

export default { render };

// Everything the parts show: the settings, and the resulting weights. `pointed` may name another
// query than the chosen one.
function reader(model) {
  const [nLayers, nHeads, dHead] = ["n_layers", "n_heads", "d_head"].map((name) => model.get(name));
  const all = unpackScores(model.get("packed"), model.get("step"));
  const starts = [0]; // of each text's scores
  for (const { length } of model.get("tokens"))
    starts.push(starts.at(-1) + nLayers * nHeads * length ** 2);
  const range = (n) => [...Array(n).keys()];

  function scoresOf(text, layer, head) {
    const T = model.get("tokens")[text].length;
    const start = starts[text] + (layer * nHeads + head) * T * T;
    return range(T).map((query) => all.subarray(start + query * T, start + (query + 1) * T));
  }
  let key;
  let heads; // the weights of every head, for the text and the switches of `key`
  function headsOf(text, switched) {
    const wanted = JSON.stringify([text, switched]);
    if (key !== wanted) {
      const weights = (layer) => (head) =>
        attentionWeights(scoresOf(text, layer, head), dHead, switched);
      heads = range(nLayers).map((layer) => range(nHeads).map(weights(layer)));
    }
    key = wanted;
    return heads;
  }
  return (pointed) => {
    const [text, layer, head] = ["text", "layer", "head"].map((name) => model.get(name));
    const switched = { scaled: model.get("scaled"), masked: model.get("masked") };
    const tokens = model.get("tokens")[text];
    const chosen = Math.min(model.get("position"), tokens.length - 1);
    const query = pointed.query ?? chosen;
    const pictures = headsOf(text, switched);
    const weights = pictures[layer][head];
    const scores = scoresOf(text, layer, head)[query];
    const at = { text, layer, head, chosen, query, key: pointed.key };
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
  const at = ({ target }) => options.indexOf(target.closest("[role=option]"));
  const box = h("div", {
    class: "fml-pieces",
    role: "listbox",
    "aria-labelledby": id,
    focusin: choose,
    click: choose,
    keydown: pressed,
    pointerover: hovered,
    pointerleave: () => point(),
  });
  let options = [];
  let drawn; // the text that the options show
  function choose(event) {
    const position = at(event);
    if (position >= 0 && position !== model.get("position")) update(model, { position });
  }
  function hovered(event) {
    if (event.pointerType === "mouse" && at(event) >= 0) point(at(event));
  }
  function pressed(event) {
    const to = at(event) < 0 ? undefined : arrowTarget(event.key, options, at(event));
    if (to === undefined) return;
    event.preventDefault();
    point(); // the keyboard overrides the mouse
    options[to]?.focus();
  }
  function lay({ text, tokens }) {
    drawn = text;
    options = tokens.map((piece) => {
      const weight = h("small", {}, h("span"));
      return h("span", { class: "fml-piece", role: "option" }, token(partsOf(piece)), weight);
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
  const ofRow = ["Entropy of this row, bits", "As if spread evenly over, tokens"];
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
function jobs(model) {
  const known = new Map(model.get("names").map(([layer, head, job]) => [`${layer} ${head}`, job]));
  return (layer, head) => known.get(`${layer} ${head}`);
}

// A small picture of every head, one row per layer.
function headGrid(model) {
  const [nLayers, nHeads] = [model.get("n_layers"), model.get("n_heads")];
  const id = newId();
  const jobOf = jobs(model);
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

// The weights of the chosen head, with the row of the query token outlined.
function heatMap(model, point) {
  const jobOf = jobs(model);
  const [heat, outline, cell] = ["fml-heat", "fml-outline", "fml-cell"].map((name) =>
    h("span", { class: name }),
  );
  const label = h("p", { class: "fml-label" });
  const note = h("p", { class: "fml-note" });
  const plot = h(
    "div",
    {
      class: "fml-plot",
      role: "img",
      pointermove: (event) => point(...under(event)),
      pointerleave: () => point(),
      click: (event) => update(model, { position: under(event)[0] }),
    },
    ...[heat, outline, cell],
  );
  let drawn; // the weights that the map shows
  function under({ clientX, clientY }) {
    const box = plot.getBoundingClientRect();
    const T = drawn.length;
    const place = (fraction) => Math.max(0, Math.min(T - 1, Math.floor(fraction * T)));
    return [place((clientY - box.top) / box.height), place((clientX - box.left) / box.width)];
  }
  const dHead = model.get("d_head");
  function arithmetic({ tokens, scores, row, query, key, scaled, masked }) {
    const names = `${nameToken(tokens, query, query)} → ${nameToken(tokens, key, query)}`;
    const score = number(scores[key], 2);
    const divided = ` ÷ √${dHead} = ${number(scores[key] / Math.sqrt(dHead), 2)}`;
    const weight = masked && key > query ? "hidden by the mask" : `weight ${percent(row[key], 1)}`;
    return `${names}: score ${score}${scaled ? divided : ""}, ${weight}.`;
  }
  return {
    node: h(
      "div",
      { class: "fml-map" },
      label,
      h("p", { class: "fml-axis fml-key-axis" }, "key →"),
      h("p", { class: "fml-axis fml-upright" }, "query →"),
      plot,
      note,
    ),
    draw(view) {
      const { layer, head, weights, query, row } = view;
      const T = weights.length;
      const key = view.key ?? largest(row, 1)[0];
      const job = jobOf(layer, head);
      if (drawn !== weights) paint(heat, weights);
      drawn = weights;
      label.textContent = `Layer ${layer}, head ${head}${job ? `: ${job}` : ""}`;
      const what = "One row per query token, one column per key token.";
      plot.setAttribute("aria-label", `The weights of layer ${layer}, head ${head}. ${what}`);
      plot.style.setProperty("--size", T);
      plot.style.setProperty("--query", query);
      plot.style.setProperty("--key", key);
      note.textContent = arithmetic({ ...view, key });
    },
  };
}

// Scale and mask, on or off, and the effect of switching them off.
function switches(model) {
  const dHead = model.get("d_head");
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
