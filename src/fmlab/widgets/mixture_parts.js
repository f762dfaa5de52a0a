// The parts of the mixture explorer that are drawn: curve, table, and texts.

const UNIFORM = 8; // bits per byte of a uniform guess

// The loss on both texts, against the fraction of the second one.
function mixturePlot() {
  const [width, height] = [360, 262];
  const [left, right, top, bottom] = [28, 336, 14, 214];
  const x = (share) => left + (right - left) * share;
  let most = UNIFORM; // the top of the axis, which doubles as often as a loss needs it
  const y = (loss) => bottom - ((bottom - top) * loss) / most;
  const words = (x, y, text, anchor) => svg("text", { x, y, "text-anchor": anchor }, text);
  const axisName = words((left + right) / 2, height - 8, "", "middle");
  const levels = [0, 0.25, 0.5, 0.75, 1].map((level) => words(left - 7, y(UNIFORM * level) + 4, "", "end"));
  const grid = levels.map((_, i) => svg("path", { class: "fml-mix-grid", d: `M${left} ${y((UNIFORM * i) / 4)}H${right}` }));
  const axes = [
    ...grid,
    ...levels,
    ...[0, 0.2, 0.4, 0.6, 0.8, 1].map((share) => words(x(share), bottom + 19, shareText(share), "middle")),
    axisName,
  ];
  const lines = ["first", "second"].map((kind) => svg("path", { class: `fml-mix-${kind}` }));
  const dots = ["first", "second"].map((kind) => svg("circle", { class: `fml-mix-dot-${kind}`, r: 6 }));
  const at = svg("path", { class: "fml-mix-at" });
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" }, ...axes, at, ...lines, ...dots);
  const keys = ["first", "second"].map((kind) => {
    const name = h("span");
    const mark = h("span", { class: `fml-mix-key fml-mix-key-${kind}`, "aria-hidden": "true" });
    return { name, node: h("span", {}, mark, name) };
  });
  return {
    node: h(
      "div",
      { class: "fml-mix-plot" },
      h("p", { class: "fml-label" }, "Loss by mixture, in bits per byte"),
      picture,
      h("p", { class: "fml-note fml-keys" }, ...keys.map(({ node }) => node)),
    ),
    draw({ share, now, names, points }) {
      write(axisName, `${names[1]} in the training text`);
      keys.forEach(({ name }, i) => write(name, `on ${names[i]}`));
      const known = [...points].sort(([a], [b]) => a - b);
      const highest = Math.max(...known.flatMap(([, losses]) => losses), ...(now ?? []));
      most = UNIFORM;
      while (most < highest) most *= 2;
      levels.forEach((level, i) => write(level, String((most * i) / 4)));
      lines.forEach((line, i) => {
        const path = known.map(([s, losses]) => `${x(s).toFixed(1)} ${y(losses[i]).toFixed(1)}`);
        line.setAttribute("d", path.length ? `M${path.join("L")}` : "");
      });
      at.setAttribute("d", `M${x(share).toFixed(1)} ${top}V${bottom}`);
      dots.forEach((dot, i) => {
        dot.setAttribute("visibility", now ? "visible" : "hidden");
        dot.setAttribute("cx", x(share).toFixed(1));
        dot.setAttribute("cy", y(now?.[i] ?? 0).toFixed(1));
      });
      const losses = names.map((name, i) => `${number(now?.[i], 2)} on ${name}`).join(", ");
      picture.setAttribute("aria-label", `With ${shareText(share)} ${names[1]}, the loss is ${losses}.`);
    },
  };
}

// The losses of this mixture, beside those of either text alone and of single bytes.
function lossTable() {
  const heads = Array.from({ length: 5 }, () => h("th", { scope: "col" }));
  const rows = [0, 1].map(() => ({
    head: h("th", { scope: "row" }),
    cells: heads.slice(1).map(() => h("td")),
  }));
  const body = rows.map(({ head, cells }) => h("tr", {}, head, ...cells));
  return {
    node: h(
      "table",
      { class: "fml-table fml-mix-table" },
      h("caption", {}, "This model and three others"),
      h("thead", {}, h("tr", {}, ...heads)),
      h("tbody", {}, ...body),
    ),
    draw({ share, now, none, all, frequencies, names: [first, second] }) {
      const texts = ["Loss on", `${shareText(share)} ${second}`, `Only ${first}`, `Only ${second}`, `${shareText(share)}, n = 1`];
      texts.forEach((text, i) => write(heads[i], text));
      rows.forEach(({ head, cells }, i) => {
        write(head, [first, second][i]);
        [now, none, all, frequencies].forEach((losses, k) => write(cells[k], number(losses?.[i], 2)));
      });
    },
  };
}

// What the model writes, and a button for more.
function writtenText(model) {
  const again = h("button", { click: () => update(model, { seed: (model.get("seed") + 1) % 2 ** 32 }) }, "Write again");
  const label = h("span", { class: "fml-label", id: newId() }, "The model writes");
  const text = h("p", { class: "fml-mix-written", role: "region", tabindex: 0, "aria-labelledby": label.id });
  return {
    node: h("div", {}, h("div", { class: "fml-heads" }, label, again), text),
    draw: (shown) => write(text, shown.text ?? ""),
  };
}

// One of the two texts, which a reader may replace.
function mixedText(model, trait) {
  const [id, about] = [newId(), newId()];
  const field = h("textarea", {
    ...{ id, rows: 6, maxlength: MAX_CHARACTERS, spellcheck: "false", "aria-describedby": about },
    input: () => update(model, { [trait]: field.value }),
  });
  const note = h("p", { class: "fml-note", id: about });
  const label = h("label", { for: id, class: "fml-label" });
  const place = trait === "first" ? 1 : 2;
  return {
    node: h("div", {}, label, field, note),
    draw(state, name, both) {
      write(label, `Text ${place}${name === `text ${place}` ? "" : `: ${name}`}`);
      if (field.value !== state[trait]) field.value = state[trait];
      const size = new TextEncoder().encode(state[trait]).length;
      if (size < MIN_BYTES) return write(note, `${number(size)} bytes. Type or paste at least ${MIN_BYTES}.`);
      if (!both) return write(note, `${number(size)} bytes. The other text is too short.`);
      const [{ training, test }] = both;
      const used = `The first ${number(training.length)} bytes are for training, the next ${number(test.length)} for testing.`;
      const full = state[trait].length >= MAX_CHARACTERS ? ` At most ${number(MAX_CHARACTERS)} characters.` : "";
      return write(note, used + full);
    },
  };
}
