// The mask explorer: a model writes in a format, token by token. The page holds the steps of greedy
// decoding with and without the mask; for other tokens, the model runs here, in a worker. What a
// mask allows is in mask_words.js.

const LONGEST = 60; // tokens that are written
const BETWEEN = 700; // ms from one token to the next, while it writes

function render({ model, el, site }) {
  const from = site ? siteSource(site) : kernelSource(model);
  const { name, bytes } = model.get("model");
  const formats = model.get("formats").map(({ states, ...rest }) => {
    return { ...rest, states: states.map(numbersOf) };
  });
  const words = {
    tokens: unpackTokens(model.get("tokens")),
    special: model.get("special"),
    end: model.get("end"),
  };
  const known = model.get("recorded").map((steps) => {
    return new Map(Object.entries(steps).map(([key, step]) => [key, recordedRows(step)]));
  });
  let engine; // of the model, once it is loaded
  let busy = false; // loading or computing
  let timer; // of the next token, while it writes

  const chooser = formatBox(formats, (format) => {
    pause();
    update(model, { format, response: [] });
  });
  const written = h("p", { class: "fml-mask-text", tabindex: 0, role: "group", "aria-label": "Text so far" });
  const status = h("p", { class: "fml-mask-expected" });
  const button = (text, click) => h("button", { type: "button", click }, text);
  const buttons = {
    step: button("Step", step),
    run: button("Run", () => (timer ? pause() : run())),
    back: button("Back", back),
    restart: button("Start over", restart),
  };
  const box = h("input", { type: "checkbox", id: newId(), change: () => update(model, { mask: box.checked }) });
  const masked = h("span", { class: "fml-mask-switch" }, box, h("label", { for: box.id }, "Mask"));
  const keys = "Keys: → step, ← back, Home start over, R run or pause. Click a token to choose it.";
  const table = tokenTable(words, choose);
  const tiles = factTiles();
  const loader = button("", load);
  const note = h("p", { class: "fml-note", role: "status" });
  const framed = frame(
    el,
    { kind: "fml-masks", title: model.get("title") },
    chooser.node,
    h("div", {}, h("p", { class: "fml-label" }, "Text so far"), written, status),
    h(
      "div",
      { class: "fml-mask-buttons", role: "group", "aria-label": "Write" },
      ...Object.values(buttons),
      masked,
    ),
    h("p", { class: "fml-note" }, keys),
    table.node,
    tiles.node,
    h("div", { class: "fml-mask-load" }, loader, note),
  );
  framed.root.addEventListener("keydown", pressed);

  // What is shown now: the state of the automaton, the mask, and the step, if it is known.
  function now() {
    const [index, mask, ids] = ["format", "mask", "response"].map((trait) => model.get(trait));
    const format = formats[index];
    const state = stateAfter(format, words, ids);
    const isOver = ids.at(-1) === words.end;
    const allowed = allowedTokens(format, words, isOver ? DEAD : state);
    const found = isOver ? undefined : known[index].get(ids.join("."));
    return { index, format, mask, ids, state, isOver, allowed, found };
  }
  const isFree = ({ allowed, mask }, id) => !mask || allowed[id] === 1;
  const bestOf = (at) => at.found?.rows.find(({ id }) => isFree(at, id))?.id;
  const isFull = ({ ids }) => ids.length >= LONGEST;

  function choose(id) {
    const at = now();
    if (at.isOver || isFull(at) || !isFree(at, id)) return;
    pause();
    append(at, id);
  }
  function append({ ids }, id) {
    update(model, { response: [...ids, id] });
    draw();
    framed.say(`${spokenText([id], words)}. ${status.textContent} ${tiles.spoken()}`);
  }
  function step() {
    pause();
    const at = now();
    const id = bestOf(at);
    if (id !== undefined && !isFull(at)) append(at, id);
  }
  function back() {
    pause();
    update(model, { response: model.get("response").slice(0, -1) });
  }
  function restart() {
    pause();
    update(model, { response: [] });
  }
  function run() {
    const at = now();
    const id = bestOf(at);
    const isComing = busy && !at.found && !at.isOver; // the model computes the step
    if (!isComing && (id === undefined || isFull(at))) return pause();
    if (!isComing) append(at, id);
    timer = setTimeout(run, isComing ? BETWEEN / 7 : BETWEEN);
    draw();
  }
  function pause() {
    clearTimeout(timer);
    timer = undefined;
    kept?.drawSoon();
  }
  function pressed(event) {
    const combined = event.ctrlKey || event.metaKey || event.altKey;
    if (combined || event.target.matches("select, textarea")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const action = {
      ArrowRight: step,
      ArrowLeft: back,
      Home: restart,
      r: () => buttons.run.click(),
    }[key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  async function load() {
    if (busy || engine) return;
    busy = true;
    let opened;
    draw();
    try {
      opened = connect(await from.worker());
      const request = await from.files(name);
      await opened.call("open", request, ({ loaded }) => {
        write(note, `Loaded ${megabytes(loaded)} of ${megabytes(bytes)}.`);
      });
      engine = opened;
      write(note, "");
    } catch (error) {
      opened?.end();
      write(note, error.message);
    }
    busy = false;
    draw();
  }
  // Computes the steps that lead to the response and are not known yet.
  async function compute({ index, format, ids }) {
    busy = true;
    try {
      for (let n = 0; n <= ids.length && ids[n - 1] !== words.end; n++) {
        const response = ids.slice(0, n);
        if (known[index].has(response.join("."))) continue;
        const settings = { temperature: 0 };
        const request = { text: format.prompt, response, n: 0, settings, seed: 0 };
        const { logits } = await engine.call("ahead", request);
        const mask = allowedTokens(format, words, stateAfter(format, words, response));
        known[index].set(response.join("."), tableRows(softmax(logits), mask));
      }
    } catch (error) {
      pause();
      write(note, error.message);
      known[index].set(ids.join("."), { mass: NaN, rows: [] });
    }
    busy = false;
    draw();
  }

  function draw() {
    const at = now();
    const { index, format, mask, ids, state, isOver, found } = at;
    chooser.draw(index);
    box.checked = mask;
    const tokens = ids.map((id) => tokenNode(id, words));
    written.replaceChildren(h("span", { class: "fml-mask-prompt" }, format.prompt), ...tokens);
    write(status, sentence(format, at));
    markQuotes(status);
    const canWrite = bestOf(at) !== undefined && !isFull(at);
    buttons.step.setAttribute("aria-disabled", !canWrite);
    buttons.run.setAttribute("aria-disabled", !canWrite && !timer);
    write(buttons.run, timer ? "Pause" : "Run");
    for (const each of [buttons.back, buttons.restart]) each.setAttribute("aria-disabled", !ids.length);
    table.draw(at, isFull(at));
    tiles.draw(at, (n) => known[index].get(ids.slice(0, n).join("."))?.mass);
    write(loader, engine ? `${name} is loaded` : `Load ${name} to choose any token (${megabytes(bytes)})`);
    loader.setAttribute("aria-disabled", busy || Boolean(engine));
    const isMissing = !found && !isOver && state !== undefined;
    if (isMissing && !engine && !busy) write(note, `Not recorded. Load ${name} to see its probabilities.`);
    else if (!busy && !engine && /^Not recorded/.test(note.textContent)) write(note, "");
    if (isMissing && engine && !busy) compute(at);
  }

  const kept = keepDrawn(model, ["format", "mask", "response"], framed, draw);
  return () => {
    clearTimeout(timer);
    kept.end();
    engine?.end();
  };
}

// What a link may set. A format starts without a response, so that comes before it.
function settings(model) {
  const last = model.get("formats").length - 1;
  const set = (format) => update(model, { format, response: [] });
  return {
    format: { kind: "number", min: 0, max: last, whole: true, set },
    mask: { kind: "flag" },
    response: { kind: "ids", size: 2048 },
  };
}

export default { render, settings };

// What the format expects next, or how the text ended.
function sentence(format, { state, isOver, mask }) {
  if (isOver) {
    const fits = state !== DEAD && format.states[state][0];
    return fits ? "Finished. The text fits the format." : "Finished. The text doesn't fit the format.";
  }
  if (state !== DEAD) return `Next, the format expects ${expected(format.states, state)}.`;
  const end = mask ? " So the mask forbids every token. Go back." : "";
  return `The text doesn't fit the format anymore, whatever follows.${end}`;
}

// The choice of a format, with its rule. All rules are stacked, the others invisible, so that the box
// has the height of the longest.
function formatBox(formats, chosen) {
  const id = newId();
  const options = formats.map(({ name }, i) => h("option", { value: i }, name));
  const choice = h("select", { id, change: () => chosen(Number(choice.value)) }, ...options);
  const rules = formats.map(({ rule }) => h("code", {}, rule));
  return {
    node: h(
      "div",
      {},
      h("label", { for: id, class: "fml-label" }, "Format"),
      choice,
      h("p", { class: "fml-mask-rule" }, ...rules),
    ),
    draw(index) {
      choice.value = index;
      rules.forEach((node, i) => (node.style.visibility = i === index ? "visible" : "hidden"));
    },
  };
}

// Sets what stands in “quotation marks” apart as a token, without them: many tokens are quotation
// marks themselves. Nodes that are marked already stay.
function markQuotes(node) {
  const parts = node.textContent.split(/[“”]/);
  if (parts.length < 2) return;
  const part = (text, i) => (i % 2 ? h("span", { class: "fml-mask-quote" }, text) : text);
  node.replaceChildren(...parts.map(part));
}

const END_NAME = "(end)";
const partsOfToken = (id, { tokens, end }) =>
  id === end ? [{ kind: "mark", text: END_NAME, spoken: "end" }] : decodeToken(tokens[id]);
const tokenNode = (id, words) => token(partsOfToken(id, words));
const spokenText = (ids, words) =>
  ids.flatMap((id) => partsOfToken(id, words)).map(({ spoken }) => spoken).join(" ");

// The likeliest tokens, each a button, with the probability before and after the mask.
function tokenTable(words, choose) {
  const lines = Array.from({ length: ROWS }, () => {
    const line = { id: undefined };
    line.button = h("button", { type: "button", click: () => line.id !== undefined && choose(line.id) });
    line.before = probability();
    line.after = probability();
    line.reason = h("span", { class: "fml-mask-reason" });
    line.after.node.append(line.reason);
    line.node = h("tr", {}, h("th", { scope: "row" }, line.button), line.before.node, line.after.node);
    return line;
  });
  const heads = ["Next token", "Before the mask", "After the mask"];
  const columns = heads.map((name) => h("th", { scope: "col" }, name));
  const last = columns.at(-1);
  return {
    node: h(
      "table",
      { class: "fml-table fml-mask-table" },
      h("thead", {}, h("tr", {}, ...columns)),
      h("tbody", {}, ...lines.map(({ node }) => node)),
    ),
    draw({ format, mask, state, allowed, found }, isFull) {
      write(last, mask ? heads[2] : "With the mask off");
      const fitting = found ? [] : [...allowed.keys()].filter((id) => allowed[id]).slice(0, ROWS);
      const rows = found?.rows ?? fitting.map((id) => ({ id })); // their probability is unknown
      lines.forEach((line, i) => {
        const row = rows[i];
        line.id = row?.id;
        line.node.classList.toggle("fml-mask-none", !row);
        const isFit = row && allowed[row.id] === 1;
        line.node.classList.toggle("fml-mask-cut", Boolean(row && mask && !isFit));
        line.button.replaceChildren(row ? tokenNode(row.id, words) : "–");
        line.button.setAttribute("aria-disabled", !row || isFull || (mask && !isFit));
        line.before.draw(row?.p);
        line.after.draw(found && isFit ? (mask ? row.p / found.mass : row.p) : undefined);
        write(line.reason, row && !isFit ? reason(row.id, format, state, mask) : "");
        markQuotes(line.reason);
      });
    },
  };
  function reason(id, { states }, state, mask) {
    if (state === DEAD) return `${mask ? "✕ " : ""}the text doesn't fit`;
    const bytes = words.special.includes(id) ? undefined : words.tokens[id];
    return `${mask ? "✕" : "doesn't fit:"} ${refusal(states, state, bytes)}`;
  }
}

// A cell with a probability and a bar.
function probability() {
  const [value, bar] = [h("span"), h("span", { class: "fml-mask-bar" })];
  return {
    node: h("td", {}, value, bar),
    draw(p) {
      write(value, p === undefined ? "" : percent(p));
      value.hidden = bar.hidden = p === undefined;
      bar.style.setProperty("--p", p ?? 0);
    },
  };
}

function factTiles() {
  const names = ["Tokens allowed", "Their probability before", "Product over all steps"];
  const values = names.map((name) => [name, h("strong")]);
  const tiles = values.map(([name, value]) => h("div", {}, h("span", {}, name), " ", value));
  return {
    node: h("div", { class: "fml-tiles fml-mask-tiles" }, ...tiles),
    spoken: () => `${values[0][1].textContent} tokens allowed.`,
    // `massAt(n)` is the probability of all allowed tokens after n tokens, if it is known.
    draw({ ids, allowed, found, isOver }, massAt) {
      const nAllowed = allowed.reduce((sum, one) => sum + one, 0);
      const steps = Array.from({ length: ids.length + (isOver ? 0 : 1) }, (_, n) => massAt(n));
      const product = steps.reduce((all, mass) => all * (mass ?? NaN), 1);
      write(values[0][1], `${number(nAllowed)} of ${number(allowed.length)}`);
      write(values[1][1], found ? percent(found.mass) : "–");
      write(values[2][1], Number.isFinite(product) ? small(product) : "–");
    },
  };
}

// A probability with two digits, in powers of ten where it is small.
export function small(p) {
  if (p === 0 || p >= 0.001) return p.toPrecision(2);
  const [digits, power] = p.toExponential(1).split("e-");
  return `${digits} × 10⁻${[...power].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("")}`;
}
