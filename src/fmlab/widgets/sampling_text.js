// The sampling explorer on the reader's own text: a model of the book runs in the page, drawn tokens
// are appended, and the tokens that would follow are shown in gray.

const AHEAD = 24; // tokens in gray
const MAX_CHARACTERS = 2000;
const FIRST_TEXT = "Velique could not find the basket. At last she looked in the";

// Loads a model and returns what `stage` needs of it: the vocabulary, and a source of one row.
async function ownText(model, { name, kilobytes }, from, onProgress, redraw) {
  const engine = connect(await from.worker());
  const request = await from.files(name);
  await engine.call("open", request, ({ loaded }) => onProgress(Math.min(loaded, 1000 * kilobytes)));
  const tokens = await engine.call("vocabulary");
  const bytes = tokens.map(({ name, bytes }) =>
    name ? new TextEncoder().encode(name) : Uint8Array.from(bytes),
  );
  const box = textBox(model);
  const source = { node: box.node, row: () => source.found?.row, draw, end: engine.end };
  let asked; // the latest request, as text
  let busy = false;
  function wanted() {
    const settings = settingsOf(model);
    const [text, response, seed] = ["text", "response", "seed"].map((trait) => model.get(trait));
    return { text: text ?? "", response: response ?? [], settings, seed, n: AHEAD };
  }
  async function ask() {
    if (busy) return;
    busy = true;
    for (let request = wanted(); JSON.stringify(request) !== asked; request = wanted()) {
      asked = JSON.stringify(request);
      try {
        const found = await engine.call("ahead", request);
        const isSame = source.found?.text === request.text && sameIds(source.found, request);
        source.found = { ...found, ...request, row: isSame ? source.found.row : prepared(found.logits) };
        box.refuse("");
      } catch (error) {
        box.refuse(error.message);
      }
    }
    busy = false;
    redraw();
  }
  function draw() {
    box.draw(source.found);
    if (JSON.stringify(wanted()) !== asked) ask();
  }
  if (!model.get("text")) update(model, { text: FIRST_TEXT, response: [] });
  await ask();
  if (!source.found) {
    update(model, { text: FIRST_TEXT, response: [] }); // a link's text may be too long
    await ask();
  }
  return { tokens: bytes, source };
}

const sameIds = (one, other) => String(one.response) === String(other.response);

function textBox(model) {
  const id = newId();
  const commit = () => {
    if (field.value !== model.get("text")) update(model, { text: field.value, response: [] });
  };
  const field = h("textarea", {
    ...{ id, rows: 2, spellcheck: "false", maxlength: MAX_CHARACTERS },
    ...whenTyped(commit, 250),
  });
  const problem = h("p", { class: "fml-problem", role: "alert" });
  const shown = h("p", { dir: "auto" });
  const next = { class: "fml-next", role: "img", "aria-label": "next token" };
  const place = h("span", next, "?");
  let found;
  const response = () => model.get("response") ?? [];
  const append = (n) => () => {
    if (!found || !sameIds(found, { response: response() })) return;
    update(model, { response: [...response(), ...found.next.slice(0, n).map(({ id }) => id)] });
  };
  const back = () => update(model, { response: response().slice(0, -1) });
  const clear = () => update(model, { response: [] });
  const reseed = () => update(model, { seed: (model.get("seed") + 1) % (MAX_SEED + 1) });
  const button = (name, click) => h("button", { click }, name);
  const note =
    "Gray: what the model would write next, with these settings and this seed. Move the temperature and read it again.";
  return {
    node: h(
      "div",
      { class: "fml-own" },
      h("label", { for: id, class: "fml-label" }, "Your text"),
      field,
      problem,
      h("div", { class: "fml-prompt" }, shown),
      h("p", { class: "fml-note" }, note),
      h(
        "div",
        { class: "fml-buttons", role: "group", "aria-label": "Continue the text" },
        button("Append 1 token", append(1)),
        button("Append 10", append(10)),
        button("Remove the last", back),
        button("Back to your text", clear),
        button("Next seed", reseed),
      ),
    ),
    refuse: (message) => write(problem, message),
    draw(latest) {
      if (document.activeElement !== field) field.value = model.get("text") ?? "";
      if (!latest || latest === found) return;
      found = latest;
      const running = (token) => h("span", { class: "fml-token" }, ...asText(token).map(sign));
      const { tokens, nPrompt, next, reason } = latest;
      const written = tokens.slice(nPrompt).map(running);
      const gray = h("span", { class: "fml-ahead" }, ...next.map(running));
      const end = { stop: " The model ended its text here.", context: " The context is full." }[reason];
      shown.replaceChildren(
        ...tokens.slice(1, nPrompt).map(running), // the first one begins a document
        ...(written.length ? [h("strong", {}, ...written)] : []),
        place,
        gray,
        ...(end ? [h("span", { class: "fml-note" }, end)] : []),
      );
    },
  };
}

// The parts of a token in running text: spaces as they are, and a line that ends.
function asText({ name, bytes }) {
  if (name) return [{ kind: "mark", text: name, spoken: name }];
  const plain = { space: " ", newline: "\n", tab: "\t" };
  return decodeToken(bytes).map((part) => {
    const text = part.kind === "mark" ? plain[part.spoken] : undefined;
    return text === undefined ? part : { kind: "text", text };
  });
}
