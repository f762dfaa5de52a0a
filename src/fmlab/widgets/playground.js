// The playground. The models run in workers (worker.js); this is the display.

const ROWS = 8; // candidates that are listed
const MAX_SEED = 2 ** 32 - 1;
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
const SPEEDS = { "10 tokens per second": 10, "30 tokens per second": 30, "as fast as possible": 0 };
const REASONS = {
  stop: "The model ended the text.",
  context: "The context is full.",
  length: "Press Continue for more.",
  stopped: "Stopped.",
};

// How dark a token is shaded that had this probability: one that was certain is not.
export const surprise = (probability) => Math.min(1, -Math.log2(Math.max(probability, 1e-9)) / 8);

// A number that was typed, as one that a setting can have; undefined if it is none.
export function typed(text, { min, max, step, most = max }) {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < min || value > most) return undefined;
  return step >= 1 ? (Number.isInteger(value) ? value : undefined) : value;
}

// The parts of a token as running text shows them: spaces as they are, and where a line ends, a
// sign and the end of the line. The special token before a text says in words what it is.
export function runningText(parts, position) {
  const plain = { space: " ", newline: "\n", tab: "\t" };
  return parts.flatMap((part) => {
    if (position === 0 && part.text === "<|endoftext|>") return [{ ...part, text: "[start of document] " }];
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
  const pressed = h("div", {}, actions.node, h("div", { class: "fml-loading" }, bar, status));
  const framed = frame(
    el,
    { kind: "fml-playground", title: model.get("title") },
    ...(model.get("preview")
      ? [columns, prompt.node, pressed, choice.node, shading.node] // first, what it has written
      : [choice.node, prompt.node, pressed, h("div", {}, columns, shading.node)]),
    h("div", { class: "fml-both" }, settings.node, candidates.node),
  );

  const showing = playPreview(model.get("preview"), {
    begin({ tokens, nPrompt }) {
      panes[0].restart(tokens, nPrompt);
      panes[0].note("Written when this page was made. Start writes it again, here.");
    },
    add: (token) => panes[0].add(token),
    end: (found) => candidates.draw(found, { pane: panes[0], isNext: true }),
  });

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
    if (old.length) showing.end();
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
      label: absent.length ? `Start (${megabytes(sizeOf(absent))})` : "Write",
      busy: busy > 0,
      canGo: !absent.length && hasText,
    });
    if (!absent.length || busy || status.classList.contains("fml-error")) return;
    const list = absent.map((name) => `${name} (${megabytes(entries.get(name).bytes)})`).join(" and ");
    const place = site ? "this site" : "the kernel";
    write(status, `Start loads ${list} from ${place}. This is needed only once.`);
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
      write(status, "Loaded. From now on, it works without a connection.");
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
    showing.end();
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
    showing.end();
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
    for (const pane of panes) pane.settle();
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
    if (!engines.get(pane.name)?.facts) return framed.say("Press Start first: the model is not loaded.");
    const { token, reason } = await engines.get(pane.name).call("put", { position: at, id });
    pane.cut(at);
    pane.add(token);
    pane.finish({ reason: reason ?? "length" });
    target = { pane, position: Infinity };
    if (pane === panes[0]) update(model, { text: plainText(pane.response()) });
    framed.say(`${spokenToken(token)} chosen. Press Continue to write what follows.`);
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
    candidates.node.setAttribute("aria-busy", "true");
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
      candidates.node.setAttribute("aria-busy", again);
      if (again) lookSoon();
      again = false;
    }
  }
  const lookSoon = beforePaint(look);

  const traits = ["name", "compare", "prompt", "seed", "speed"];
  const kept = keepDrawn(model, [...traits, ...ALL_SLIDERS.map(({ trait }) => trait)], framed, draw);
  showing.start(model.get("speed"));
  return () => {
    kept.end();
    showing.end();
    lookSoon.cancel();
    for (const engine of engines.values()) engine.end();
  };
}

// What a link may set.
function settings(model) {
  const names = model.get("models").map(({ name }) => name);
  const range = ({ trait, min, max, most = max, step }) => [
    trait,
    { kind: "number", min, max: most, whole: step >= 1 },
  ];
  return {
    name: { kind: "choice", choices: names },
    compare: { kind: "choice", choices: ["", ...names] },
    prompt: { kind: "text", longest: 1000 }, // addresses may not be much longer
    seed: { kind: "number", min: 0, max: MAX_SEED, whole: true },
    ...Object.fromEntries(ALL_SLIDERS.map(range)),
  };
}

export default { render, settings };

// Shows what the model wrote when the page was made, token by token, as if it wrote it now; for
// readers who want no motion, all at once. `end` leaves the text as it is.
function playPreview(preview, { begin, add, end }) {
  let timer;
  let rest = [];
  const next = () => {
    const token = rest.shift();
    if (token) add(token);
    else stop();
    if (!rest.length && token) end(preview.found);
  };
  const stop = () => clearInterval(timer);
  return {
    start(perSecond) {
      if (!preview) return;
      begin(preview);
      rest = [...preview.response];
      if (perSecond && !matchMedia("(prefers-reduced-motion: reduce)").matches)
        timer = setInterval(next, 1000 / perSecond);
      else while (rest.length) next();
    },
    end() {
      stop();
      rest = [];
    },
  };
}

// The settings as the worker calls them.
function settingsOf({ temperature, top_k: topK, top_p: topP, min_p: minP, ...penalties }) {
  const { repetition, frequency, presence } = penalties;
  return { temperature, topK, topP, minP, repetition, frequency, presence };
}
