// The loss explorer: how likely a model found each token of a text. The page holds the results for
// some texts; for the reader's own, a model runs here in a worker.

const MAX_CHARACTERS = 2000;
const LIKELY = 5; // tokens that are listed for a place
const [COUNTED, COUNTS] = ["bigram", "bigram-counts"]; // a model, and the file of its counts
const FIRST_OWN = "The baker was kind, and the bread was fresh.";

export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

// 0.123 -> "12.3%", 0.00004 -> "1 in 25,000".
export function chance(p) {
  if (p >= 0.9995) return "> 99.9%";
  return p >= 0.001 ? `${number(100 * p, 1)}%` : `1 in ${number(Number((1 / p).toPrecision(3)))}`;
}

// Recorded results of a text as the worker would give them: {model: [{bytes, loss, rank, likely}]}.
export function unpackLosses({ ids, models }, vocabulary) {
  const token = (id) => ({ id, bytes: vocabulary[id] });
  const rows = ({ losses, ranks, likely }) =>
    ids.map((id, i) => ({
      ...token(id),
      loss: losses[i],
      rank: ranks[i],
      likely: likely[i].map(([other, probability]) => ({ ...token(other), probability })),
    }));
  return Object.fromEntries(Object.entries(models).map(([name, found]) => [name, rows(found)]));
}

// How a mean loss compares with knowing nothing.
export function verdict(loss, vocabSize) {
  const uniform = Math.log(vocabSize);
  if (loss > uniform)
    return `That is worse than a uniform guess among ${number(vocabSize)} tokens: the model is confident, and wrong.`;
  return `A uniform guess among ${number(vocabSize)} tokens has ${number(uniform, 2)} nats.`;
}

// What is said of one token: its probability, loss and rank.
export function sayToken({ bytes, name, loss, rank }, position, vocabSize) {
  const place = `Token ${position + 1}, “${visibleToken({ bytes, name })}”`;
  const order = rank === 1 ? "the most likely token" : `rank ${number(rank)} of ${number(vocabSize)}`;
  return `${place}: probability ${chance(Math.exp(-loss))}, loss ${number(loss, 2)} nats, ${order}.`;
}

function render({ model, el, site }) {
  const from = site ? siteSource(site) : kernelSource(model);
  const engines = new Map(); // by name, those that are loaded
  const wanted = new Set(); // the models that the reader has asked for
  const results = new Map(); // by text: the rows of each model
  const [examples, entries] = [model.get("examples"), model.get("models")];
  const vocabSize = model.get("vocab_size");
  const vocabulary = model.get("vocabulary");
  model.get("recorded").forEach((found, i) => results.set(examples[i][1], unpackLosses(found, vocabulary)));
  const listed = new Set(results.keys());
  let isOwn = model.get("own") !== "";
  let typedText = ""; // the latest own text that came from the field
  let example = model.get("example");
  let busy = false;
  let pointed; // the token under the mouse, if any
  const shownText = () => model.get("own") || (isOwn ? "" : examples[model.get("example")][1]);
  const rowsOf = (text, name) => results.get(text)?.[name];

  const ids = [newId(), newId()];
  const select = h(
    "select",
    { id: ids[0], change: chosen },
    ...examples.map(([label], i) => h("option", { value: i }, label)),
    h("option", { value: -1 }, "Your own text …"),
  );
  const typed = whenTyped(() => writeOwn(field.value), 300);
  const field = h("textarea", {
    ...{ id: ids[1], rows: 2, maxlength: MAX_CHARACTERS, spellcheck: "false" },
    ...typed,
  });
  const own = h("div", {}, h("label", { for: ids[1], class: "fml-label" }, "Your text"), field);
  const bar = h("progress", { "aria-label": "Loading", max: 1, value: 0, hidden: true });
  const status = h("p", { class: "fml-note", role: "status" });
  const scores = scoreTable(entries, (name) => {
    if (isOwn) wanted.add(name);
    update(model, { model: name });
    drawSoon();
  });
  const line = h("p", { class: "fml-says" });
  const row = lossRow(model, (position) => {
    pointed = position;
    drawSoon();
  });
  const place = placeTable();
  const framed = frame(
    el,
    { kind: "fml-losses", title: model.get("title") },
    h("div", {}, h("label", { for: ids[0], class: "fml-label" }, "Text"), select),
    own,
    h("div", {}, scores.node, line, h("div", { class: "fml-loading" }, bar, status)),
    row.node,
    place.node,
  );

  function writeOwn(text) {
    typedText = text;
    pointed = undefined;
    update(model, { own: text, position: 0 });
    drawSoon();
  }
  function chosen() {
    typed.input.cancel();
    const index = Number(select.value);
    isOwn = index < 0;
    writeOwn(isOwn ? field.value || FIRST_OWN : "");
    if (!isOwn) update(model, { example: index });
    if (isOwn) field.value = model.get("own");
    own.hidden = !isOwn;
    if (isOwn) field.focus();
  }

  let spoken;
  function draw() {
    const isCleared = !model.get("own") && typedText !== "";
    if (model.get("own")) isOwn = true;
    else if (isCleared || example !== model.get("example")) isOwn = false;
    example = model.get("example");
    const [text, name] = [shownText(), model.get("model")];
    select.value = isOwn ? -1 : example;
    own.hidden = !isOwn;
    const isTyping = field.getRootNode().activeElement === field;
    if (isOwn && !isTyping && field.value !== text) field.value = text;
    const lossOf = (rows) => (rows?.length ? mean(rows.map(({ loss }) => loss)) : NaN);
    const losses = entries.map(({ name }) => lossOf(rowsOf(text, name)));
    const isHere = entries.map(({ name }) => !isOwn || engines.has(name));
    scores.draw({ losses, isHere, name, vocabSize });
    const rows = rowsOf(text, name) ?? [];
    const position = Math.min(model.get("position"), Math.max(0, rows.length - 1));
    const at = pointed < rows.length ? pointed : position;
    row.draw({ rows, position, at, most: Math.log(vocabSize) });
    place.draw(rows[at], at, vocabSize);
    const loss = lossOf(rows);
    const hint = text ? "Choose a model: it is loaded then, and reads your text in this page." : "Type a text.";
    const summary = Number.isFinite(loss)
      ? `${name}: ${number(loss, 2)} nats per token. ${verdict(loss, vocabSize)}`
      : hint;
    write(line, summary);
    if (spoken !== undefined && summary !== spoken) framed.say(summary);
    spoken = summary;
    evaluate();
  }

  // The own text and the models whose results for it are missing. The chosen model is among them if
  // it is loaded, if the reader has pressed its button, or if a link or Python has set the text.
  function missing() {
    const [text, name] = [shownText(), model.get("model")];
    if (!text || listed.has(text)) return undefined;
    const names = new Set(engines.keys());
    if (wanted.has(name) || text !== typedText) names.add(name);
    const left = [...names].filter((name) => !rowsOf(text, name));
    return left.length ? { text, name: left.includes(name) ? name : left[0] } : undefined;
  }
  async function evaluate() {
    if (busy) return;
    busy = true;
    for (let next = missing(); next; next = missing()) {
      const { text, name } = next;
      let rows = []; // of a text that is too long
      try {
        await load(name);
        write(status, "");
        rows = await engines.get(name).call("losses", { text, n: LIKELY });
      } catch (error) {
        write(status, error.message);
        if (!engines.has(name)) {
          wanted.delete(name);
          typedText = text;
          break;
        }
      }
      results.set(text, { ...results.get(text), [name]: rows });
      drawSoon();
    }
    busy = false;
  }
  async function load(name) {
    if (engines.has(name)) return;
    const { bytes } = entries.find((entry) => entry.name === name);
    const engine = connect(await from.worker());
    const tell = (loaded) => {
      bar.value = Math.min(1, loaded / bytes);
      write(status, `Loading ${name}: ${megabytes(loaded)} of ${megabytes(bytes)}.`);
    };
    tell(0);
    bar.hidden = false;
    try {
      if (name === COUNTED) await engine.call("openCounts", { data: await request(model, COUNTS, tell) });
      else await engine.call("open", await from.files(name), ({ loaded }) => tell(loaded));
      engines.set(name, engine);
    } catch (error) {
      engine.end();
      throw error;
    } finally {
      bar.hidden = true;
    }
  }

  const kept = keepDrawn(model, ["example", "own", "model", "position"], framed, draw);
  function drawSoon() {
    kept.drawSoon();
  }
  return () => {
    kept.end();
    for (const engine of engines.values()) engine.end();
  };
}

// What a link may set.
function settings(model) {
  const whole = (size) => ({ kind: "number", min: 0, max: size - 1, whole: true });
  const setExample = (example) => update(model, { example, own: "", position: 0 });
  return {
    example: { ...whole(model.get("examples").length), set: setExample },
    own: { kind: "text", longest: MAX_CHARACTERS },
    model: { kind: "choice", choices: model.get("models").map(({ name }) => name) },
    position: whole(MAX_CHARACTERS),
  };
}

export default { render, settings };

// The mean loss of each model on the text, below that of a uniform guess; a model is chosen here.
function scoreTable(entries, choose) {
  const baseline = { name: "", bytes: 0 };
  const rows = [baseline, ...entries].map(({ name, bytes }) => {
    const [loss, perplexity, bar] = [h("td"), h("td"), h("span", { class: "fml-mean" })];
    const button = name ? h("button", { click: () => choose(name) }, name) : "uniform guess";
    const head = h("th", { scope: "row" }, button);
    const track = h("div", { class: "fml-track" }, bar);
    const graph = h("td", { class: "fml-graph", "aria-hidden": "true" }, track);
    return { name, bytes, button, loss, perplexity, bar, node: h("tr", {}, head, loss, perplexity, graph) };
  });
  const heads = ["Model", "Nats per token", "Perplexity"].map((name) => h("th", { scope: "col" }, name));
  const head = h("thead", {}, h("tr", {}, ...heads, h("td", { class: "fml-graph" })));
  const caption = h("caption", {}, h("strong", {}, "Mean loss on this text."), " Dashed: a uniform guess.");
  const body = h("tbody", {}, ...rows.map(({ node }) => node));
  return {
    node: h("table", { class: "fml-table fml-means" }, caption, head, body),
    draw({ losses, isHere, name, vocabSize }) {
      const uniform = Math.log(vocabSize);
      const all = [uniform, ...losses];
      const most = Math.max(1.5 * uniform, ...all.filter(Number.isFinite));
      rows.forEach((row, i) => {
        write(row.loss, number(all[i], 2));
        write(row.perplexity, number(Math.exp(all[i]), all[i] < Math.log(1000) ? 1 : 0));
        const width = Number.isFinite(all[i]) ? (100 * all[i]) / most : 0;
        row.bar.style.setProperty("--width", `${width.toFixed(2)}%`);
        row.bar.parentNode.style.setProperty("--uniform", `${((100 * uniform) / most).toFixed(2)}%`);
        if (!i) return;
        row.node.classList.toggle("fml-chosen", row.name === name);
        row.button.setAttribute("aria-pressed", String(row.name === name));
        write(row.button, isHere[i - 1] ? row.name : `Load ${row.name} (${megabytes(row.bytes)})`);
      });
    },
  };
}

// The tokens of the text, each with its loss. Only the chosen one is in the tab order; arrow keys
// move from there.
function lossRow(model, point) {
  const id = newId();
  let options = [];
  let drawn; // the rows that the options show
  const box = tokenBox(model, point, () => options, { "aria-labelledby": id, dir: "auto" });
  const samples = [0, 1, 3, 5, 8].map((loss) => ({ loss, node: h("span", { class: "fml-sample" }, `${loss}`) }));
  const scale = h("span", { class: "fml-samples" }, ...samples.map(({ node }) => node));
  const legend = h("p", { class: "fml-note fml-legend" }, "Below each token, and as its shade: its loss in nats. ", scale);
  return {
    node: h("div", {}, h("p", { class: "fml-label", id }, "Loss of each token"), box, legend),
    draw({ rows, position, at, most }) {
      const shade = (loss) => `${(100 * Math.min(1, loss / most)).toFixed(1)}%`;
      if (drawn !== rows) {
        options = rows.map(({ loss, ...shown }) => {
          const label = h("small", {}, number(loss, 1), h("span", { class: "fml-unseen" }, " nats"));
          const style = `--shade: ${shade(loss)}`;
          return h("span", { class: "fml-piece", role: "option", style }, token(partsOf(shown)), label);
        });
        const endsLine = (i) => rows[i].bytes.includes(10);
        box.replaceChildren(...options.flatMap((node, i) => (endsLine(i) ? [node, h("br")] : [node])));
        for (const { loss, node } of samples) node.style.setProperty("--shade", shade(loss));
      }
      drawn = rows;
      options.forEach((option, i) => {
        option.tabIndex = i === position ? 0 : -1;
        option.setAttribute("aria-selected", i === position);
        option.classList.toggle("fml-query", i === at);
      });
    },
  };
}

// What the model expected in one place: the most likely tokens, and the one that is in the text.
function placeTable() {
  const line = h("p", { class: "fml-says" });
  const body = h("tbody");
  const heads = ["Most likely there", "Probability"].map((name) => h("th", { scope: "col" }, name));
  const table = h(
    "table",
    { class: "fml-table fml-likely" },
    h("thead", {}, h("tr", {}, ...heads, h("td", { class: "fml-graph" }))),
    body,
  );
  let drawn;
  return {
    node: h("div", {}, line, table),
    draw(row, position, vocabSize) {
      table.hidden = !row;
      if (row === drawn) return;
      drawn = row;
      write(line, row ? sayToken(row, position, vocabSize) : "");
      if (!row) return;
      const actual = { ...row, probability: Math.exp(-row.loss) };
      const isListed = row.likely.some(({ id }) => id === row.id);
      const shown = isListed ? row.likely : [...row.likely, actual];
      body.replaceChildren(
        ...shown.map(({ probability, ...other }) => {
          const isActual = other.id === row.id;
          const head = h("th", { scope: "row" }, token(partsOf(other)), isActual ? h("small", {}, " in the text") : "");
          const bar = h("span", { class: "fml-mean", style: `--width: ${(100 * probability).toFixed(2)}%` });
          const graph = h("td", { class: "fml-graph", "aria-hidden": "true" }, bar);
          return h("tr", { class: isActual && "fml-chosen" }, head, h("td", {}, chance(probability)), graph);
        }),
      );
    },
  };
}
