// The response explorer: what several models write after the same prompt. The page holds the
// responses to some prompts; for the reader's own, the models run here, each in a worker.

const REASONS = { stop: "The model ended its response.", context: "The context is full." };
const MAX_CHARACTERS = 1000;
const GREEDY = { temperature: 0, topK: 0, topP: 1, minP: 0 };

// What is said under a response.
export const ending = (reason, nTokens) =>
  REASONS[reason] ?? `Cut after ${number(nTokens)} tokens: the model did not stop.`;

function render({ model, el, site }) {
  const from = site ? siteSource(site) : kernelSource(model);
  const engines = new Map(); // by name, those that are loaded
  const entries = model.get("models");
  const total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  const asked = new Map(); // responses to the reader's own prompts, by prompt
  let busy = false;

  const prompts = model.get("prompts");
  const ids = [newId(), newId()];
  const select = h(
    "select",
    { id: ids[0], change: chosen },
    ...prompts.map((text, i) => h("option", { value: i }, text)),
    h("option", { value: -1 }, "Your own prompt …"),
  );
  const note = h("p", { class: "fml-note" });
  const field = h("textarea", { id: ids[1], rows: 2, maxlength: MAX_CHARACTERS, spellcheck: "false" });
  const button = h("button", { click: ask });
  const bar = h("progress", { "aria-label": "Loading", max: 1, value: 0, hidden: true });
  const status = h("p", { class: "fml-note", role: "status" });
  const own = h(
    "div",
    { hidden: true },
    h("label", { for: ids[1], class: "fml-label" }, "Your prompt"),
    field,
    h("div", { class: "fml-ask" }, button, bar),
    status,
  );
  const panes = entries.map(pane);
  const framed = frame(
    el,
    { kind: "fml-responses", title: model.get("title") },
    h("div", {}, h("label", { for: ids[0], class: "fml-label" }, "Prompt"), select, note),
    own,
    h("div", { class: "fml-side-by-side" }, ...panes.map(({ node }) => node)),
  );
  let isOwn = false;
  const say = () => framed.say(panes.map(({ name, text }) => `${name}: ${text()}`).join(" "));

  function chosen() {
    isOwn = Number(select.value) < 0;
    if (!isOwn) update(model, { own: "", prompt: Number(select.value) });
    draw();
    if (isOwn) field.focus();
    else say();
  }
  function draw() {
    const text = model.get("own");
    if (text) isOwn = true;
    select.value = isOwn ? -1 : model.get("prompt");
    own.hidden = !isOwn;
    if (document.activeElement !== field && text) field.value = text;
    const isHere = engines.size === entries.length;
    write(button, isHere ? "Ask" : `Load the ${entries.length} models and ask (${megabytes(total)})`);
    button.setAttribute("aria-disabled", busy);
    write(note, isOwn ? "" : model.get("notes")[model.get("prompt")]);
    const shown = isOwn ? asked.get(text) : model.get("recorded")[model.get("prompt")];
    if (!busy) panes.forEach((pane, i) => pane.draw(...(shown?.[i] ?? ["", undefined])));
    if (text && !asked.has(text) && !busy) ask(text); // a link or Python set it
  }
  async function load() {
    const loaded = entries.map(() => 0);
    bar.hidden = false;
    const open = async ({ name }, i) => {
      if (engines.has(name)) return;
      const engine = connect(await from.worker());
      const request = await from.files(name);
      await engine.call("open", request, ({ loaded: n }) => {
        loaded[i] = n;
        const sum = loaded.reduce((a, b) => a + b);
        bar.value = sum / total;
        write(status, `Loaded ${megabytes(sum)} of ${megabytes(total)}.`);
      });
      engines.set(name, engine);
    };
    try {
      await Promise.all(entries.map(open));
    } finally {
      bar.hidden = true;
    }
  }
  async function ask() {
    const prompt = field.value.trim() || model.get("own");
    if (busy || !prompt) return;
    busy = true;
    update(model, { own: prompt });
    draw();
    try {
      await load();
      write(status, "");
      const n = model.get("n_tokens");
      const responses = await Promise.all(
        entries.map(async ({ name }, i) => {
          let text = "";
          panes[i].draw("", undefined);
          const request = { prompt, n, settings: GREEDY, seed: 0 };
          const decoder = new TextDecoder();
          const { reason } = await engines.get(name).call("write", request, ({ token }) => {
            if (!token) return;
            text += decoder.decode(Uint8Array.from(token.bytes), { stream: true });
            panes[i].draw(text, undefined);
          });
          return [text, reason];
        }),
      );
      asked.set(prompt, responses);
    } catch (error) {
      asked.set(prompt, undefined);
      write(status, error.message);
    }
    busy = false;
    draw();
    say();
  }

  function pane({ name, title }) {
    const [response, end] = [h("p", { class: "fml-response", dir: "auto" }), h("p", { class: "fml-note" })];
    const head = h("p", { class: "fml-label" }, name, h("small", {}, title));
    return {
      name,
      text: () => response.textContent,
      node: h("section", { class: "fml-pane" }, head, response, end),
      draw(text, reason) {
        write(response, text || "…");
        write(end, reason ? ending(reason, model.get("n_tokens")) : "");
      },
    };
  }

  const { end } = keepDrawn(model, ["prompt", "own"], framed, draw);
  return () => {
    end();
    for (const engine of engines.values()) engine.end();
  };
}

// What a link may set.
const settings = (model) => ({
  prompt: { kind: "number", min: 0, max: model.get("prompts").length - 1, whole: true },
  own: { kind: "text", longest: MAX_CHARACTERS },
});

export default { render, settings };
