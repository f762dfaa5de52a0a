// The playground. The models run in workers (worker.js); this is the display.

const ROWS = 8; // candidates that are listed
const MAX_SEED = 2 ** 32 - 1;
const KERNEL_SECONDS = 60; // to wait for a kernel's answer
const SLIDERS = [
  { trait: "temperature", name: "Temperature", min: 0, max: 2, step: 0.05, hint: "0 is greedy" },
  { trait: "top_k", name: "Top-k", min: 0, max: 200, step: 1, most: 1e6, hint: "0 is off" },
  { trait: "top_p", name: "Top-p", min: 0.05, max: 1, step: 0.01, hint: "1 is off" },
  { trait: "min_p", name: "Min-p", min: 0, max: 0.5, step: 0.01, hint: "0 is off" },
];
const MORE_SLIDERS = [
  { trait: "repetition", name: "Repetition penalty", min: 0.5, max: 2, step: 0.05, hint: "1 is off" },
  { trait: "frequency", name: "Frequency penalty", min: -2, max: 2, step: 0.1, hint: "0 is off" },
  { trait: "presence", name: "Presence penalty", min: -2, max: 2, step: 0.1, hint: "0 is off" },
  { trait: "max_new_tokens", name: "Tokens to write", min: 1, max: 255, step: 1 },
];
export const ALL_SLIDERS = [...SLIDERS, ...MORE_SLIDERS];
const SPEEDS = { "10 tokens per second": 10, "30 tokens per second": 30, "as fast as it can": 0 };
const REASONS = {
  stop: "The document ended.",
  context: "The context is full.",
  length: "It can continue.",
  stopped: "Stopped.",
};

// Megabytes as the buttons state them.
export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

// How dark a token is shaded that had this probability: one that was certain is not.
export const surprise = (probability) => Math.min(1, -Math.log2(Math.max(probability, 1e-9)) / 8);

// A number that was typed, as one that a setting can have; undefined if it is none.
export function typed(text, { min, max, step, most = max }) {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < min || value > most) return undefined;
  return step >= 1 ? (Number.isInteger(value) ? value : undefined) : value;
}

// The parts of a token as running text shows them: spaces as they are, and where a line ends, a
// sign and the end of the line.
export function runningText(parts) {
  const plain = { space: " ", newline: "\n", tab: "\t" };
  return parts.flatMap((part) => {
    const text = part.kind === "mark" ? plain[part.spoken] : undefined;
    if (text === undefined) return [part];
    return text === "\n" ? [part, { kind: "text", text }] : [{ kind: "text", text }];
  });
}

// The text of tokens, without special ones.
export function plainText(tokens) {
  const bytes = Uint8Array.from(tokens.flatMap((token) => token.bytes));
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

// The rows of a table of candidates: the token that is there is always among them.
export function withChosen({ rows, chosen }) {
  if (!chosen || rows.some(({ id }) => id === chosen.id)) return rows;
  return [...rows.slice(0, -1), chosen];
}

const partsOf = ({ name, bytes }) =>
  name ? [{ kind: "mark", text: name, spoken: name }] : decodeToken(bytes);
const visibleToken = (token) => partsOf(token).map(({ text }) => text).join("");
const spokenToken = (token) => partsOf(token).map(({ spoken }) => spoken).join(" ");

function render({ model, el, site }) {
  const engines = new Map(); // by name, those that are loaded or being loaded
  const source = site ? siteSource(site) : kernelSource(model);
  const entries = new Map(model.get("models").map((entry) => [entry.name, entry]));
  let panes = [];
  let target = { position: Infinity }; // what is looked at: a pane, and a position in it
  let busy = 0; // how many panes load or write

  const choice = modelChoice(model, [...entries.values()]);
  const prompt = promptField(model, () => start());
  const actions = actionButtons({ start, stop, go, step, reset });
  const status = h("p", { class: "fml-status" });
  const bar = h("progress", { "aria-label": "Loading", max: 1, value: 0, hidden: true });
  const columns = h("div", { class: "fml-panes" });
  const settings = settingsPanel(model);
  const shading = shadingChoice([...entries.values()][0], () => lookSoon());
  const candidates = candidateTable((id) => put(id));
  const framed = frame(
    el,
    { kind: "fml-playground", title: model.get("title") },
    choice.node,
    prompt.node,
    h("div", {}, actions.node, h("div", { class: "fml-loading" }, bar, status)),
    h("div", {}, columns, shading.node),
    h("div", { class: "fml-both" }, settings.node, candidates.node),
  );

  const names = () => {
    const [first, second] = [model.get("name"), model.get("compare")];
    return second && second !== first ? [first, second] : [first];
  };
  const missing = () => names().filter((name) => !engines.get(name)?.facts);
  const sizeOf = (list) => list.reduce((sum, name) => sum + entries.get(name).bytes, 0);
  const options = () => Object.fromEntries(ALL_SLIDERS.map(({ trait }) => [trait, model.get(trait)]));

  function draw() {
    if (panes.map(({ name }) => name).join() !== names().join()) layPanes();
    choice.draw();
    prompt.draw();
    settings.draw();
    showState();
    lookSoon();
  }
  function layPanes() {
    stop();
    const old = panes;
    panes = names().map((name) => old.find((pane) => pane.name === name) ?? makePane(name));
    columns.replaceChildren(...panes.map(({ node }) => node));
    columns.classList.toggle("fml-two", panes.length > 1);
    target = { pane: panes[0], position: Infinity };
    candidates.clear();
  }
  const makePane = (name) =>
    textPane(entries.get(name), (pane, position) => {
      target = { pane, position };
      lookSoon();
    });

  // What can be pressed now, and what the large button does.
  function showState() {
    const absent = missing();
    const hasText = panes.some(({ tokens }) => tokens.length);
    actions.draw({
      label: absent.length ? `Start, ${megabytes(sizeOf(absent))}` : "Write",
      busy: busy > 0,
      canGo: !absent.length && hasText,
    });
    if (!absent.length || busy || status.classList.contains("fml-error")) return;
    const list = absent.map((name) => `${name} (${megabytes(entries.get(name).bytes)})`).join(" and ");
    const place = site ? "this site" : "the kernel";
    write(status, `Start loads ${list} from ${place}. Then it needs no connection.`);
  }
  function fail(error) {
    status.classList.add("fml-error");
    write(status, error.message);
    framed.say(error.message);
  }

  // Loads what is missing. Returns whether all is there.
  async function load() {
    const absent = missing();
    if (!absent.length) return true;
    const loaded = absent.map(() => 0);
    bar.hidden = false;
    write(status, "Loading …");
    framed.say("Loading.");
    try {
      await Promise.all(
        absent.map((name, i) =>
          openEngine(name, (bytes) => {
            loaded[i] = bytes;
            const sum = loaded.reduce((a, b) => a + b);
            bar.value = sum / sizeOf(absent);
            write(status, `Loaded ${megabytes(sum)} of ${megabytes(sizeOf(absent))}`);
          }),
        ),
      );
      write(status, "Loaded. From here on, no connection is needed.");
      return true;
    } catch (error) {
      if (error !== CANCELED) fail(error);
      else write(status, "");
      return false;
    } finally {
      bar.hidden = true;
      bar.value = 0;
    }
  }
  async function openEngine(name, onProgress) {
    const engine = connect(await source.worker());
    engines.set(name, engine);
    try {
      const request = await source.files(name);
      engine.facts = await engine.call("open", request, ({ loaded }) => onProgress(loaded));
    } catch (error) {
      engine.end();
      engines.delete(name);
      throw error;
    }
  }

  async function start() {
    if (busy) return;
    status.classList.remove("fml-error");
    busy += 1;
    showState();
    const isReady = await load();
    busy -= 1;
    showState();
    if (isReady) await writeAll({ prompt: model.get("prompt"), n: model.get("max_new_tokens") });
  }
  function go() {
    if (!busy) writeAll({ n: model.get("max_new_tokens") });
  }
  function step() {
    if (!busy) writeAll({ n: 1 });
  }
  function stop() {
    for (const [name, engine] of engines) {
      if (engine.facts) engine.call("stop");
      else {
        engine.end();
        engines.delete(name);
      }
    }
  }
  function reset() {
    stop();
    update(model, model.get("defaults"));
    for (const pane of panes) pane.clear();
    target = { pane: panes[0], position: Infinity };
    candidates.clear();
    status.classList.remove("fml-error");
    write(status, "");
    showState();
    framed.say("Reset.");
  }

  async function writeAll(request) {
    if (missing().length || (request.prompt === undefined && !panes[0].tokens.length)) return;
    status.classList.remove("fml-error");
    target = { pane: target.pane ?? panes[0], position: Infinity };
    await Promise.all(panes.map((pane) => writeOne(pane, request)));
    const responses = panes.map(({ response }) => plainText(response()));
    update(model, { text: responses[0] });
    framed.say(panes.map(({ name }, i) => `${name} wrote: ${responses[i]}`).join(" "));
  }
  async function writeOne(pane, request) {
    const perSecond = model.get("speed") || Infinity;
    const [seed, rest] = [model.get("seed"), settingsOf(options())];
    busy += 1;
    showState();
    try {
      const news = await engines.get(pane.name).call(
        "write",
        { ...request, seed, settings: rest, perSecond },
        ({ tokens, nPrompt, token }) => {
          if (tokens) pane.restart(tokens, nPrompt);
          else pane.add(token);
          lookSoon();
        },
      );
      pane.finish(news);
    } catch (error) {
      fail(error);
    } finally {
      busy -= 1;
      showState();
      lookSoon();
    }
  }
  // Puts a candidate in the place that is looked at; what followed is gone.
  async function put(id) {
    const { pane, position } = target;
    const at = Math.min(position, pane.tokens.length);
    if (busy || at < pane.nPrompt) return;
    const { token, reason } = await engines.get(pane.name).call("put", { position: at, id });
    pane.cut(at);
    pane.add(token);
    pane.finish({ reason: reason ?? "length" });
    target = { pane, position: Infinity };
    if (pane === panes[0]) update(model, { text: plainText(pane.response()) });
    framed.say(`${spokenToken(token)} chosen. Continue writes what follows.`);
    lookSoon();
  }

  let looking = false;
  let again = false;
  async function look() {
    const { pane, position } = target;
    const engine = engines.get(pane?.name);
    if (!engine?.facts || !pane.tokens.length) return;
    if (looking) {
      again = true;
      return;
    }
    looking = true;
    const { layer, head } = shading.chosen() ?? { layer: 0, head: 0 };
    const request = { position, settings: settingsOf(options()), n: ROWS, layer, head };
    try {
      const found = await engine.call("look", request);
      if (target.pane !== pane) return;
      candidates.draw(found, { pane, isNext: found.position >= pane.tokens.length });
      for (const other of panes)
        other.shade(shading.chosen() && (other === pane ? found : { position: 0, attention: [] }));
      shading.draw(pane, found);
    } finally {
      looking = false;
      if (again) lookSoon();
      again = false;
    }
  }
  const lookSoon = beforePaint(look);

  const traits = ["name", "compare", "prompt", "seed", "speed"];
  const kept = keepDrawn(model, [...traits, ...ALL_SLIDERS.map(({ trait }) => trait)], framed, draw);
  return () => {
    kept.end();
    lookSoon.cancel();
    for (const engine of engines.values()) engine.end();
  };
}

export default { render };

// The settings as the worker calls them.
function settingsOf({ temperature, top_k: topK, top_p: topP, min_p: minP, ...penalties }) {
  const { repetition, frequency, presence } = penalties;
  return { temperature, topK, topP, minP, repetition, frequency, presence };
}

// On the book's site, scripts and weights are files of the site.
function siteSource(site) {
  return {
    worker: () => new Worker(new URL("playground/worker.js", site), { type: "module" }),
    files: (name) => ({ folder: new URL(`playground/models/${name}/`, site).href }),
  };
}

// In a notebook, the kernel sends the worker's script and the models, as bytes.
function kernelSource(model) {
  const ask = (request) =>
    new Promise((resolve, reject) => {
      const end = (settle, value) => {
        clearTimeout(timer);
        model.off("msg:custom", answer);
        settle(value);
      };
      const answer = (message, buffers) => {
        if (message.kind !== request.kind || message.name !== request.name) return;
        end(resolve, { ...message, buffers });
      };
      const silent = "No kernel answers. Run the cell again to get the models from the kernel.";
      const timer = setTimeout(() => end(reject, new Error(silent)), 1000 * KERNEL_SECONDS);
      model.on("msg:custom", answer);
      model.send(request);
    });
  return {
    async worker() {
      const { source } = await ask({ kind: "worker" });
      const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      return new Worker(url, { type: "module" });
    },
    async files(name) {
      const { config, tokenizer, buffers } = await ask({ kind: "model", name });
      const { buffer, byteOffset, byteLength } = buffers[0];
      const weights = buffer.slice(byteOffset, byteOffset + byteLength);
      return { files: { config, tokenizer, weights } };
    },
  };
}

const CANCELED = new Error("Loading was stopped.");

// A worker that is asked: `call` returns a promise of the result, and tells what happens before.
function connect(worker) {
  const open = new Map();
  let calls = 0;
  const rejectAll = (error) => {
    for (const { reject } of open.values()) reject(error);
    open.clear();
  };
  worker.onmessage = ({ data: { call, event, result, error } }) => {
    const { resolve, reject, tell } = open.get(call) ?? {};
    if (event) return tell?.(event);
    open.delete(call);
    if (error) reject?.(new Error(error));
    else resolve?.(result);
  };
  worker.onerror = () =>
    rejectAll(new Error("The model could not be started: its script did not load or run."));
  return {
    call: (kind, request = {}, tell) =>
      new Promise((resolve, reject) => {
        open.set((calls += 1), { resolve, reject, tell });
        worker.postMessage({ call: calls, kind, ...request });
      }),
    end() {
      worker.terminate();
      rejectAll(CANCELED);
    },
  };
}

function labeled(name, control, ...rest) {
  const id = newId();
  control.id = id;
  const label = h("label", { for: id, class: "fml-label" }, name);
  return h("div", { class: "fml-field" }, label, control, ...rest);
}

// Which model writes, and which one beside it.
function modelChoice(model, entries) {
  const option = ({ name, title }) => h("option", { value: name }, `${name}: ${title}`);
  const pick = (trait, select) => () => update(model, { [trait]: select.value });
  const first = h("select", {}, ...entries.map(option));
  const none = h("option", { value: "" }, "nothing");
  const second = h("select", {}, none, ...entries.map(option));
  first.addEventListener("change", pick("name", first));
  second.addEventListener("change", pick("compare", second));
  return {
    node: h("div", { class: "fml-fields" }, labeled("Model", first), labeled("Compare with", second)),
    draw() {
      first.value = model.get("name");
      second.value = model.get("compare");
      for (const node of second.options) node.disabled = node.value === first.value;
    },
  };
}

function promptField(model, onWrite) {
  const text = h("textarea", {
    rows: 3,
    spellcheck: "false",
    input: () => update(model, { prompt: text.value }),
    keydown(event) {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      event.stopPropagation(); // JupyterLab would run the cell
      onWrite();
    },
  });
  const examples = model.get("examples");
  const choose = h(
    "select",
    { "aria-label": "Examples of prompts" },
    h("option", { value: "" }, "Examples …"),
    ...examples.map(({ label }, i) => h("option", { value: i }, label)),
  );
  choose.addEventListener("change", () => {
    const { prompt, name } = examples[choose.value] ?? {};
    choose.value = "";
    if (prompt !== undefined) update(model, { prompt, ...(name ? { name } : {}) });
  });
  const node = labeled("Prompt", text);
  const heads = h("div", { class: "fml-heads" }, node.firstChild, choose);
  node.prepend(heads);
  return {
    node,
    draw() {
      if (text.value !== model.get("prompt")) text.value = model.get("prompt");
    },
  };
}

function actionButtons({ start, stop, go, step, reset }) {
  const press = (action) => (event) =>
    event.currentTarget.getAttribute("aria-disabled") !== "true" && action();
  const button = (name, action) => h("button", { click: press(action) }, name);
  const main = button("Write", start);
  main.classList.add("fml-main");
  const [halt, more, one] = [button("Stop", stop), button("Continue", go), button("One token", step)];
  const enable = (node, on) => node.setAttribute("aria-disabled", !on);
  return {
    node: h("div", { class: "fml-buttons" }, main, halt, more, one, button("Reset", reset)),
    draw({ label, busy, canGo }) {
      write(main, label);
      enable(main, !busy);
      enable(halt, busy);
      for (const node of [more, one]) enable(node, canGo && !busy);
    },
  };
}

// A slider and a field for the same number.
function settingRow(model, setting) {
  const { trait, name, min, max, step, hint } = setting;
  const set = (value) => update(model, { [trait]: value });
  const range = h("input", { type: "range", min, max, step, "aria-label": name });
  range.addEventListener("input", () => set(Number(range.value)));
  const id = newId();
  const field = h("input", { id, type: "number", min, max: setting.most ?? max, step: "any" });
  field.addEventListener("change", () => {
    const value = typed(field.value, setting);
    if (value !== undefined) return set(value);
    const whole = step >= 1 ? "a whole number" : "a number";
    field.setCustomValidity(`${name} is ${whole} from ${min} to ${setting.most ?? max}.`);
    field.reportValidity();
    field.value = model.get(trait);
  });
  field.addEventListener("input", () => field.setCustomValidity(""));
  const label = h("label", { for: id }, name, ...(hint ? [h("small", {}, ` ${hint}`)] : []));
  return {
    node: h("div", { class: "fml-setting" }, label, range, field),
    draw() {
      const value = model.get(trait);
      const short = String(Number(value.toPrecision(4)));
      if (Number(range.value) !== value) range.value = value;
      if (document.activeElement !== field && field.value !== short) field.value = short;
    },
  };
}

function settingsPanel(model) {
  const rows = SLIDERS.map((setting) => settingRow(model, setting));
  const more = MORE_SLIDERS.map((setting) => settingRow(model, setting));
  const seed = seedField(model);
  const speed = h(
    "select",
    {},
    ...Object.entries(SPEEDS).map(([name, value]) => h("option", { value }, name)),
  );
  speed.addEventListener("change", () => update(model, { speed: Number(speed.value) }));
  return {
    node: h(
      "div",
      { class: "fml-settings", role: "group", "aria-label": "Settings" },
      ...rows.map(({ node }) => node),
      seed.node,
      h(
        "details",
        {},
        h("summary", {}, "Penalties, length, speed"),
        ...more.map(({ node }) => node),
        labeled("Speed", speed),
      ),
    ),
    draw() {
      for (const row of [...rows, ...more, seed]) row.draw();
      speed.value = model.get("speed");
    },
  };
}

function seedField(model) {
  const id = newId();
  const field = h("input", { id, type: "number", min: 0, max: MAX_SEED, step: 1 });
  const range = { min: 0, max: MAX_SEED, step: 1 };
  field.addEventListener("change", () => {
    const value = typed(field.value, range);
    if (value !== undefined) return update(model, { seed: value });
    field.setCustomValidity(`The seed is a whole number from 0 to ${number(MAX_SEED)}.`);
    field.reportValidity();
    field.value = model.get("seed");
  });
  field.addEventListener("input", () => field.setCustomValidity(""));
  const next = () => update(model, { seed: (model.get("seed") + 1) % (MAX_SEED + 1) });
  return {
    node: h(
      "div",
      { class: "fml-setting" },
      h("label", { for: id }, "Seed"),
      h("button", { click: next, "aria-label": "Next seed" }, "Next"),
      field,
    ),
    draw() {
      if (document.activeElement !== field) field.value = model.get("seed");
    },
  };
}

// The text of one model, token by token. The place after the end stands for the next token.
function textPane({ name, title }, onLook) {
  const id = newId();
  const facts = h("span", { class: "fml-note" });
  const box = h("div", {
    class: "fml-text",
    role: "listbox",
    "aria-labelledby": id,
    tabindex: 0,
    keydown: pressed,
    pointerover: ({ target }) => look(target.closest("[role=option]")),
    pointerleave: () => look(box.querySelector(":focus") ?? end),
    focusin: ({ target }) => look(target.closest("[role=option]") ?? end),
  });
  const end = h("span", {
    class: "fml-next",
    role: "option",
    tabindex: -1,
    "aria-selected": "false",
    "aria-label": "next token",
  });
  end.append("?");
  const empty = h("p", { class: "fml-note" }, "The text appears here, token by token.");
  box.append(empty);
  const node = h(
    "section",
    { class: "fml-pane" },
    h("div", { class: "fml-heads" }, h("p", { class: "fml-label", id }, `${name}: ${title}`), facts),
    box,
  );
  const pane = { name, node, tokens: [], nPrompt: 0, restart, add, cut, clear, finish, shade };
  pane.response = () => pane.tokens.slice(pane.nPrompt);
  let options = [];
  let marked = end;

  function look(option) {
    if (!option || !pane.tokens.length) return;
    mark(option);
    onLook(pane, option === end ? Infinity : Math.max(1, options.indexOf(option)));
  }
  function mark(option) {
    marked.setAttribute("aria-selected", "false");
    marked = option;
    marked.setAttribute("aria-selected", "true");
  }
  function pressed(event) {
    const all = [...options, end];
    const at = all.indexOf(event.target);
    const to = at < 0 ? all.length - 1 : arrowTarget(event.key, all, at);
    if (to === undefined || (at < 0 && !event.key.startsWith("Arrow"))) return;
    event.preventDefault();
    all[to]?.focus();
  }
  function optionOf(piece, position) {
    const kind = position < pane.nPrompt ? "fml-given" : "fml-written";
    const parts = runningText(partsOf(piece)).map(sign);
    const node = h("span", { class: kind, role: "option", tabindex: -1, "aria-selected": "false" });
    node.append(...parts);
    node.style.setProperty("--shade", surprise(piece.probability));
    return node;
  }
  function restart(tokens, nPrompt) {
    Object.assign(pane, { tokens: [...tokens], nPrompt });
    options = tokens.map(optionOf);
    box.replaceChildren(...options, end);
    box.removeAttribute("tabindex");
    end.tabIndex = 0;
    mark(end);
    write(facts, "");
  }
  function add(piece) {
    pane.tokens.push(piece);
    options.push(optionOf(piece, pane.tokens.length - 1));
    end.before(options.at(-1));
    mark(end);
    box.scrollTop = box.scrollHeight;
  }
  function cut(position) {
    pane.tokens.length = position;
    for (const option of options.splice(position)) option.remove();
  }
  function clear() {
    Object.assign(pane, { tokens: [], nPrompt: 0 });
    options = [];
    box.replaceChildren(empty);
    box.tabIndex = 0;
    write(facts, "");
  }
  function finish({ reason, written, spent }) {
    const speed = written ? `${number(written)} tokens, ${number(spent / written, 1)} ms each. ` : "";
    write(facts, speed + REASONS[reason]);
  }
  // Shades by the attention that is paid to each token, or by how unlikely each was.
  function shade(found) {
    box.classList.toggle("fml-by-attention", Boolean(found));
    const most = found ? Math.max(...found.attention, 1e-9) : 1;
    options.forEach((option, i) => {
      const value = found ? (found.attention[i] ?? 0) / most : surprise(pane.tokens[i].probability);
      option.style.setProperty("--shade", value.toFixed(3));
    });
  }
  return pane;
}

// By what the tokens are shaded, and, for a head, where it attended most.
function shadingChoice({ layers, heads }, onChange) {
  const head = (layer, i) =>
    h("option", { value: `${layer} ${i}` }, `attention of layer ${layer + 1}, head ${i + 1}`);
  const all = Array.from({ length: layers * heads }, (_, i) =>
    head(Math.floor(i / heads), i % heads),
  );
  const select = h("select", { change: onChange }, h("option", { value: "" }, "surprise"), ...all);
  const note = h("p", { class: "fml-note" });
  const field = labeled("Shade tokens by", select);
  const plain =
    "The darker a token, the less likely the model found it. Point at a token, or move to it with " +
    "the arrow keys, to see what else could have been there.";
  write(note, plain);
  const chosen = () => {
    if (!select.value) return undefined;
    const [layer, head] = select.value.split(" ").map(Number);
    return { layer, head };
  };
  return {
    node: h("div", { class: "fml-shading" }, field, note),
    chosen,
    draw(pane, { position, attention }) {
      if (!chosen()) return write(note, plain);
      const most = [...attention.keys()].sort((a, b) => attention[b] - attention[a]).slice(0, 4);
      const named = (i) => `“${visibleToken(pane.tokens[i])}”`;
      const paid = (i) => `${named(i)} ${percent(attention[i])}`;
      const what = position < pane.tokens.length ? named(position) : "the next token";
      write(note, `To predict ${what}, this head attended most to ${most.map(paid).join(", ")}.`);
    },
  };
}

// The most likely tokens at a position: an outline for the model's probability, a bar for that
// after all settings. A press puts the token there.
function candidateTable(onPut) {
  const lines = Array.from({ length: ROWS }, () => {
    const button = h("button", {});
    const bar = h(
      "div",
      { class: "fml-probability" },
      ...["after", "before"].map((kind) => h("span", { class: `fml-${kind}` })),
    );
    const [before, after] = [h("td", { class: "fml-past" }), h("td", {})];
    const head = h("th", { scope: "row" }, button);
    const node = h("tr", { class: "fml-absent" }, head, h("td", {}, bar), before, after);
    return { node, button, before, after };
  });
  const title = h("span", { class: "fml-label" }, "Candidates");
  const note = h("span", { class: "fml-note" });
  const columns = ["Token", "", "Before", "After"].map((name, i) =>
    h(i === 1 ? "td" : "th", i === 1 ? {} : { scope: "col", class: i === 2 ? "fml-past" : null }, name),
  );
  const node = h(
    "table",
    { class: "fml-table fml-bars" },
    h("caption", {}, title, note),
    h("thead", {}, h("tr", {}, ...columns)),
    h("tbody", {}, ...lines.map((line) => line.node)),
  );
  const key = "Outline: before the settings. Bar: after them.";
  function clear() {
    write(title, "Candidates");
    write(note, key);
    for (const line of lines) line.node.classList.add("fml-absent");
  }
  clear();
  return {
    node,
    clear,
    draw(found, { pane, isNext }) {
      const rows = withChosen(found);
      const isPrompt = found.position < pane.nPrompt;
      const place = isNext ? "the next token" : `token ${found.position + 1}`;
      write(title, `Candidates for ${place}`);
      const kept = `${number(found.left)} tokens are left.`;
      const hint = isPrompt ? "This place is part of the prompt." : "Choose one to put it there.";
      write(note, `${key} ${kept} ${hint}`);
      const scale = Math.max(...rows.flatMap(({ before, after }) => [before, after]), 0.01);
      lines.forEach((line, i) => {
        const row = rows[i];
        line.node.classList.toggle("fml-absent", !row);
        if (!row) return;
        line.button.replaceChildren(token(partsOf(row)));
        line.button.onclick = () => onPut(row.id);
        line.button.setAttribute("aria-disabled", isPrompt);
        line.button.setAttribute("aria-label", `Put ${spokenToken(row)}`);
        line.node.classList.toggle("fml-cut", row.after === 0);
        line.node.classList.toggle("fml-chosen", row.id === found.chosen?.id);
        line.node.style.setProperty("--before", row.before / scale);
        line.node.style.setProperty("--after", row.after / scale);
        write(line.before, percent(row.before));
        write(line.after, row.after === 0 ? "✕ cut" : percent(row.after));
      });
    },
  };
}
