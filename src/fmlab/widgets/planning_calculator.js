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
  const fields = h("div", { class: "fml-fields" });
  const reset = h("button", { type: "button", click: startOver }, "Back to the example");
  const tiles = h("div", { class: "fml-tiles fml-planning-tiles" });
  const matters = h("p", { class: "fml-planning-matters" });
  const bars = h("ol", { class: "fml-results fml-planning-bars" });
  const framed = frame(
    el,
    { kind: "fml-planning", title: model.get("title") },
    h("div", {}, h("label", { class: "fml-label", for: select.id }, "Model"), select),
    formula,
    doubt,
    fields,
    h("div", {}, reset),
    tiles,
    matters,
    bars,
  );
  const own = () => model.get("settings")[model.get("model")];
  const change = (values) => {
    const settings = { ...own(), ...values };
    update(model, { settings: { ...model.get("settings"), [model.get("model")]: settings } });
  };
  function startOver() {
    const { inputs } = entry(model.get("model"));
    controls.reset();
    change(Object.fromEntries(inputs.map((each) => [each.name, each.default])));
  }
  let shown = null;
  let controls = null;
  const draw = () => {
    const { name, inputs, outputs, key, ...texts } = entry(model.get("model"));
    const settings = own();
    if (shown !== name) {
      shown = name;
      controls = numberFields(inputs, change, (values) => conflict(name, values));
      fields.replaceChildren(...controls.nodes);
      select.value = name;
      write(formula, texts.formula);
      write(doubt, `Check this assumption first: ${texts.assumes}`);
    }
    controls.draw(settings);
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

// What a link may set: which model, and the inputs of that model.
function settings(model) {
  const catalog = model.get("models");
  const name = model.get("model");
  const own = () => model.get("settings")[name];
  const rule = (input) => ({
    kind: "number",
    ...{ min: input.low, max: input.high, whole: ["whole", "choice"].includes(input.kind) },
    of: name,
    get: () => own()[input.name],
    set(value) {
      const values = { ...own(), [input.name]: value };
      if (!conflict(name, values)) update(model, { settings: { ...model.get("settings"), [name]: values } });
    },
  });
  const { inputs } = catalog.find((entry) => entry.name === name);
  return {
    model: { kind: "choice", choices: catalog.map((entry) => entry.name), always: true },
    ...Object.fromEntries(inputs.map((input) => [input.name, rule(input)])),
  };
}

export default { render, settings };
