// The planning calculator: choose a model, type your numbers, see what follows and what matters.

function render({ model, el }) {
  const catalog = model.get("models");
  const entry = (name) => catalog.find((each) => each.name === name);
  const select = h(
    "select",
    { id: newId(), change: () => update(model, { model: select.value }) },
    ...catalog.map(({ name, title }) => h("option", { value: name }, title)),
  );
  const formula = h("p", { class: "fml-planning-formula" });
  const doubt = h("p", { class: "fml-note" });
  const fields = h("div", { class: "fml-planning-fields" });
  const trouble = h("p", { class: "fml-planning-trouble", role: "alert" });
  const reset = h("button", { type: "button", click: () => change(null) }, "Back to the example");
  const tiles = h("div", { class: "fml-tiles fml-planning-tiles" });
  const matters = h("p", { class: "fml-planning-matters" });
  const bars = h("ol", { class: "fml-planning-bars" });
  const framed = frame(
    el,
    { kind: "fml-planning", title: model.get("title") },
    h("div", {}, h("label", { class: "fml-label", for: select.id }, "Model"), select),
    formula,
    doubt,
    fields,
    h("div", {}, reset),
    trouble,
    tiles,
    matters,
    bars,
  );
  const own = () => model.get("settings")[model.get("model")];
  const change = (values) => {
    const { name, inputs } = entry(model.get("model"));
    const example = Object.fromEntries(inputs.map((each) => [each.name, each.default]));
    const settings = values ? { ...own(), ...values } : example;
    const problem = conflict(name, settings);
    write(trouble, problem ?? "");
    if (!problem) update(model, { settings: { ...model.get("settings"), [name]: settings } });
  };
  let shown = null;
  let controls = [];
  const draw = () => {
    const { name, inputs, outputs, key, ...texts } = entry(model.get("model"));
    const settings = own();
    if (shown !== name) {
      shown = name;
      write(trouble, "");
      controls = inputs.map((input) => planningField(input, change, trouble));
      fields.replaceChildren(...controls.map(({ node }) => node));
      select.value = name;
      write(formula, texts.formula);
      write(doubt, `Doubt first: ${texts.assumes}`);
    }
    for (const [i, control] of controls.entries()) control.draw(settings[inputs[i].name]);
    const found = FORMULAS[name](settings);
    const say = ({ name: which, label, kind }) => `${label}: ${written(found[which], kind)}`;
    tiles.replaceChildren(
      ...outputs.map(({ name: which, label, kind }) =>
        h("div", {}, h("span", {}, label), h("strong", {}, written(found[which], kind))),
      ),
    );
    const output = outputs.find((each) => each.name === key);
    const rows = sensitivity({ name, key, inputs }, settings).slice(0, 6);
    const label = (which) => inputs.find((each) => each.name === which).label;
    write(
      matters,
      `Most important here: ${label(rows[0][0])}. Each bar shows "${output.label}" ` +
        "when one input changes: a number by 20%, a fraction by 20% of its distance to 0 or 1 " +
        "(whichever is nearer), or a choice.",
    );
    bars.replaceChildren(...planningBars(rows, found[key], label, output.kind));
    framed.say(outputs.map(say).join(". "));
  };
  return keepDrawn(model, ["model", "settings"], framed, draw).end;
}

// A labeled field for one input; what is typed and does not fit stays, with the reason.
function planningField(input, change, trouble) {
  const id = newId();
  if (input.kind === "choice") {
    const box = h("input", {
      id,
      type: "checkbox",
      change: () => change({ [input.name]: box.checked ? 1 : 0 }),
    });
    return {
      node: h("div", { class: "fml-planning-choice" }, box, h("label", { for: id }, input.label)),
      draw: (value) => (box.checked = value === 1),
    };
  }
  const read = () => {
    const { value, problem } = typed(field.value, input);
    field.setAttribute("aria-invalid", String(Boolean(problem)));
    write(trouble, problem ? `${input.label}: ${problem}` : "");
    if (!problem) change({ [input.name]: value });
  };
  const field = h("input", { id, type: "text", inputmode: "decimal", autocomplete: "off", input: read });
  const unit = { fraction: "0 to 1, or %", dollars: "$", seconds: "s" }[input.kind];
  return {
    node: h(
      "div",
      {},
      h("label", { for: id }, unit ? `${input.label} (${unit})` : input.label),
      field,
    ),
    draw(value) {
      const current = typed(field.value, input).value;
      const isTyping = field.getRootNode().activeElement === field;
      if (current !== value && !(isTyping && current === undefined)) {
        field.value = String(value);
        field.setAttribute("aria-invalid", "false");
      }
    },
  };
}

// Horizontal bars from the lower to the higher result, with the present one as a line.
function planningBars(rows, now, label, kind) {
  const ends = [now, ...rows.flatMap(([, low, high]) => [low, high])].filter(Number.isFinite);
  const [least, most] = [Math.min(...ends), Math.max(...ends)];
  const place = (value) => {
    if (!Number.isFinite(value)) return 100;
    return most > least ? (100 * (value - least)) / (most - least) : 50;
  };
  return rows.map(([name, low, high]) => {
    const [from, to] = [place(low), place(high)].sort((a, b) => a - b);
    const style = `left:${from}%;width:${Math.max(0.8, to - from)}%`;
    return h(
      "li",
      {},
      h(
        "div",
        { class: "fml-heads" },
        h("span", {}, label(name)),
        h("span", {}, `${written(low, kind)} to ${written(high, kind)}`),
      ),
      h(
        "div",
        { class: "fml-planning-bar", "aria-hidden": "true" },
        h("span", { style }),
        h("i", { style: `left:${place(now)}%` }),
      ),
    );
  });
}

export default { render };
