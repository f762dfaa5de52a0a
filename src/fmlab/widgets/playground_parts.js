// The parts of the playground: choices, prompt, buttons, settings, texts, candidates.

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
  const none = h("option", { value: "" }, "no other model");
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
    maxlength: 5000, // as Python allows
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
    role: "group", // a list box must have options
    "aria-labelledby": id,
    keydown: pressed,
    pointerover: ({ target }) => look(target.closest("[role=option]")),
    pointerleave: () => look(box.querySelector(":focus") ?? end),
    focusin: ({ target }) => reach(target.closest("[role=option]")),
  });
  const end = h("span", {
    class: "fml-next",
    role: "option",
    tabindex: -1,
    "aria-selected": "false",
    "aria-label": "next token",
  });
  end.append("?");
  const empty = h("p", { class: "fml-note" }, "What the model writes appears here, token by token.");
  box.append(empty);
  const node = h(
    "section",
    { class: "fml-pane" },
    h("div", { class: "fml-heads" }, h("p", { class: "fml-label", id }, `${name}: ${title}`), facts),
    box,
  );
  const pane = { name, node, tokens: [], nPrompt: 0, restart, add, cut, clear, finish, settle, shade };
  pane.response = () => pane.tokens.slice(pane.nPrompt);
  pane.note = (text) => write(facts, text);
  let options = [];
  let marked = end;
  let reachable = end; // by the Tab key

  function reach(option) {
    reachable.tabIndex = -1;
    reachable = option;
    reachable.tabIndex = 0;
    look(option);
  }
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
    const to = at < 0 ? undefined : arrowTarget(event.key, all, at);
    if (to === undefined) return;
    event.preventDefault();
    all[to]?.focus();
  }
  function optionOf(piece, position) {
    const kind = position < pane.nPrompt ? "fml-given" : "fml-written";
    const parts = runningText(partsOf(piece), position).map(sign);
    const node = h("span", { class: kind, role: "option", tabindex: -1, "aria-selected": "false" });
    node.append(...parts);
    node.style.setProperty("--shade", surprise(piece.probability));
    return node;
  }
  function restart(tokens, nPrompt) {
    Object.assign(pane, { tokens: [...tokens], nPrompt });
    options = tokens.map(optionOf);
    box.replaceChildren(...options, end);
    box.setAttribute("role", "listbox");
    settle();
    write(facts, "");
  }
  // Back to the place of the next token.
  function settle() {
    reachable.tabIndex = -1;
    reachable = end;
    end.tabIndex = 0;
    mark(end);
  }
  function add(piece) {
    pane.tokens.push(piece);
    options.push(optionOf(piece, pane.tokens.length - 1));
    end.before(options.at(-1));
    box.scrollTop = box.scrollHeight;
  }
  function cut(position) {
    pane.tokens.length = position;
    for (const option of options.splice(position)) option.remove();
    settle();
  }
  function clear() {
    Object.assign(pane, { tokens: [], nPrompt: 0 });
    options = [];
    box.replaceChildren(empty);
    box.setAttribute("role", "group");
    write(facts, "");
  }
  function finish({ reason, written, spent }) {
    const count = written === 1 ? "1 token" : `${number(written)} tokens`;
    const speed = `${count}, ${number(spent / written, 1)} ms each. `;
    write(facts, (written ? speed : "") + REASONS[reason]);
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
    h("option", { value: `${layer} ${i}` }, `attention of layer ${layer}, head ${i}`);
  const all = Array.from({ length: layers * heads }, (_, i) =>
    head(Math.floor(i / heads), i % heads),
  );
  const select = h("select", { change: onChange }, h("option", { value: "" }, "surprisal"), ...all);
  const note = h("p", { class: "fml-note" });
  const field = labeled("Shade tokens by", select);
  const plain =
    "Surprisal: the darker a token, the less likely the model found it. Point at a token, or move to it with " +
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

// How many tokens can still be sampled.
export const settingsKeep = (left) =>
  `The settings keep ${left === 1 ? "1 token" : `${number(left)} tokens`}.`;

// What a press on a candidate does.
export function hintFor({ isPrompt, isNext }) {
  if (isPrompt) return "This token is part of the prompt, which you change above.";
  return isNext
    ? "Choose one to append it."
    : "Choose one to replace this token and remove what follows.";
}

// The most likely tokens at a position: an outline for the model's probability, a bar for that
// after all settings. A press puts the token there.
function candidateTable(onPut) {
  const lines = Array.from({ length: ROWS }, () => {
    const button = h("button", {}, "–"); // gives the empty row its height
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
  const key = "Outline: the model’s probabilities. Bar: after the settings.";
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
      write(note, `${key} ${settingsKeep(found.left)} ${hintFor({ isPrompt, isNext })}`);
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
