// The votes explorer: samples from the recorded distribution of a model's answers, what each rule
// selects from them, and how often it is right, for one question and over all.

const RARE = -1; // an answer that the record does not list; as in votes.py
const MAX_SEED = 2 ** 32 - 1;
const SCOPES = ["question", "all"];
const DRAWN = ["question", "n", "seed", "scope"];

// The indices of the answers that are sampled, RARE for one that is not listed.
export function sampled({ p }, n, seed) {
  const rest = Math.max(0, 1 - p.reduce((sum, x) => sum + x, 0));
  const uniforms = Array.from({ length: n }, (_, i) => uniform(seed, i));
  return draw([...p, rest], uniforms).map((i) => (i < p.length ? i : RARE));
}

// How often each listed answer was sampled, the most frequent first, equals as they came:
// [{index, count}]; and the number of answers that are not listed.
export function tally(samples) {
  const counts = new Map();
  for (const index of samples) if (index !== RARE) counts.set(index, (counts.get(index) ?? 0) + 1);
  const rows = [...counts].map(([index, count]) => ({ index, count }));
  const nRare = samples.filter((index) => index === RARE).length;
  return { rows: rows.sort((a, b) => b.count - a.count), nRare };
}

// The rows of a tally that are shown: what the rules select, then the most frequent, up to `size`.
export function shownRows(rows, selected, size) {
  const chosen = new Set(Object.values(selected));
  const isChosen = ({ index }) => chosen.has(index);
  const kept = [...rows.filter(isChosen), ...rows.filter((row) => !isChosen(row))].slice(0, size);
  return rows.filter((row) => kept.includes(row));
}

// What each rule selects, by its name: an index, or RARE; the checker may find nothing.
export function select(samples, { scores, right }) {
  const counts = new Map(tally(samples).rows.map(({ index, count }) => [index, count]));
  const highest = (value) => samples.reduce((best, i) => (value(i) > value(best) ? i : best));
  const byScore = Object.entries(scores).map(([name, score]) => [name, highest((i) => score[i] ?? -Infinity)]);
  return Object.fromEntries([
    ["random pick", samples[0]],
    ["majority", highest((i) => counts.get(i) ?? 1)],
    ...byScore,
    ["checker", samples.find((i) => right.includes(i))],
  ]);
}

// A question as Python packed it: answers on lines, numbers on one line.
export function readQuestion({ answers, p, scores, ...rest }) {
  const numbers = (line) => line.split(" ").map(Number);
  const byName = Object.fromEntries(Object.entries(scores).map(([name, line]) => [name, numbers(line)]));
  return { ...rest, answers: answers.split("\n"), p: numbers(p), scores: byName };
}

// 0.123 -> "0.12"; next to 0 and 1 it says so, as far as the four digits that the page has tell.
export function rate(value) {
  if (value > 0 && value < 0.005) return "<0.01";
  return value < 1 && value >= 0.995 ? ">0.99" : number(value, 2);
}

function render({ model, el }) {
  const questions = model.get("questions").map(readQuestion);
  const budgets = model.get("budgets");
  const [askId, sliderId] = [newId(), newId()];
  const once = ({ rates }) => rate(rates["random pick"][0]);
  const choice = h(
    "select",
    { id: askId, change: () => update(model, { question: Number(choice.value) }) },
    ...questions.map((each, i) => h("option", { value: i }, `${each.text} (${once(each)})`)),
  );
  const slider = h("input", {
    id: sliderId,
    type: "range",
    min: 0,
    max: budgets.length - 1,
    input: () => update(model, { n: budgets[slider.value] }),
  });
  const output = h("output", { for: sliderId });
  const again = () => update(model, { seed: (model.get("seed") + 1) % (MAX_SEED + 1) });
  const rules = ruleTable(model.get("rules"));
  const chart = rateChart(budgets, model.get("rules"));
  const scopes = scopeButtons(model);
  const votes = tallyTable(model.get("rules"));
  const asked = h("label", { for: askId, class: "fml-label" }, "Question (chance that one sample is right)");
  const framed = frame(
    el,
    { kind: "fml-votes", title: model.get("title") },
    h("div", {}, asked, choice),
    h(
      "div",
      { class: "fml-votes-n" },
      h("label", { for: sliderId, class: "fml-label" }, "Samples N"),
      slider,
      output,
      h("button", { type: "button", click: again }, "Sample again"),
    ),
    h("div", { class: "fml-votes-both" }, rules.node, h("div", {}, scopes.node, chart.node)),
    votes.node,
  );
  let isFirst = true;
  function draw() {
    const [index, n, seed, scope] = DRAWN.map((name) => model.get(name));
    const question = questions[index];
    const samples = sampled(question, n, seed);
    const selected = select(samples, question);
    const curves = scope === "all" ? model.get("curves") : byQuestion(question.rates);
    choice.value = index;
    slider.value = nearestStop(budgets, n);
    slider.setAttribute("aria-valuetext", counted(n));
    write(output, number(n));
    scopes.draw(scope);
    votes.draw(question, samples, selected);
    const news = rules.draw(question, selected, curves, budgets.indexOf(n));
    chart.draw(curves, n);
    if (!isFirst) framed.say(`${counted(n)}. ${news}`);
    isFirst = false;
  }
  return keepDrawn(model, DRAWN, framed, draw).end;
}

// What a link may set.
function settings(model) {
  return {
    question: { kind: "number", min: 0, max: model.get("questions").length - 1, whole: true },
    n: {
      kind: "choice",
      choices: model.get("budgets").map(String),
      get: () => String(model.get("n")),
      set: (n) => model.set("n", Number(n)),
    },
    seed: { kind: "number", min: 0, max: MAX_SEED, whole: true },
    scope: { kind: "choice", choices: SCOPES },
  };
}

export default { render, settings };

// The rates of one question in the form of those over all: [mean], without an interval.
const byQuestion = (rates) =>
  Object.fromEntries(Object.entries(rates).map(([rule, values]) => [rule, values.map((value) => [value])]));

const counted = (n) => `${number(n)} sample${n === 1 ? "" : "s"}`;

// The buttons that choose whose rates are shown.
function scopeButtons(model) {
  const names = { question: "This question", all: `All ${number(model.get("n_questions"))} questions` };
  const buttons = SCOPES.map((scope) => h("button", { type: "button", click: () => update(model, { scope }) }, names[scope]));
  const id = newId();
  const label = h("span", { class: "fml-label", id }, "Chance that each rule is right");
  return {
    node: h("div", { class: "fml-votes-scopes", role: "group", "aria-labelledby": id }, label, ...buttons),
    draw(scope) {
      buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(SCOPES[i] === scope)));
    },
  };
}

// What each rule selects, and how often it is right.
function ruleTable(rules) {
  const rows = rules.map((rule, i) => {
    const [answer, verdict, value] = [h("span", { class: "fml-votes-two" }), h("span", { role: "img" }), h("td")];
    const head = h("th", { scope: "row" }, h("span", { class: "fml-votes-name" }, key(i), capitalized(rule)));
    const node = h("tr", {}, head, h("td", {}, h("span", { class: "fml-votes-answer" }, verdict, " ", answer)), value);
    return { rule, answer, verdict, value, node };
  });
  const heads = ["Rule", "Selects, for this question", ""].map((name) => h("th", { scope: "col" }, name));
  const head = h("thead", {}, h("tr", {}, ...heads));
  const body = h("tbody", {}, ...rows.map(({ node }) => node));
  return {
    node: h("table", { class: "fml-table fml-votes-rules" }, head, body),
    draw({ answers, right }, selected, curves, at) {
      const outcomes = { right: [], wrong: [] };
      for (const { rule, answer, verdict, value, node } of rows) {
        const index = selected[rule];
        const isRight = right.includes(index);
        write(answer, index === undefined ? "no right answer" : (answers[index] ?? "a rare answer"));
        write(verdict, isRight ? "✓" : "✗");
        verdict.setAttribute("aria-label", isRight ? "right" : "wrong");
        node.classList.toggle("fml-votes-right", isRight);
        const [mean, ...interval] = curves[rule][at];
        const range = interval.map((end) => number(end, 2)).join("–");
        value.replaceChildren(h("strong", {}, rate(mean)), h("small", {}, range));
        outcomes[isRight ? "right" : "wrong"].push(rule);
        write(heads[2], range ? "Right, 95% interval" : "Right, this question");
      }
      const lists = Object.entries(outcomes).filter(([, names]) => names.length);
      return lists.map(([name, names]) => `${capitalized(name)}: ${names.join(", ")}.`).join(" ");
    },
  };
}

// The sampled answers with their votes and scores. A row that is not needed stays empty.
function tallyTable(rules) {
  const scored = rules.slice(2, -1);
  const line = () => {
    const [head, votes, bar] = [h("th", { scope: "row" }), h("span"), h("span", { class: "fml-votes-bar" })];
    const scores = scored.map(() => h("span"));
    const cells = [h("td", {}, votes, bar), ...scores.map((score) => h("td", {}, score))];
    return { node: h("tr", {}, head, ...cells), head, votes, bar, scores };
  };
  const lines = rules.map(line);
  const rest = line();
  const heads = ["Sampled answer", "Votes", ...scored.map(capitalized)].map((name) => h("th", { scope: "col" }, name));
  const head = h("thead", {}, h("tr", {}, ...heads));
  const body = h("tbody", {}, ...[...lines, rest].map(({ node }) => node));
  return {
    node: h("table", { class: "fml-table fml-votes-tally" }, head, body),
    draw({ answers, scores, right }, samples, selected) {
      const { rows, nRare } = tally(samples);
      const shown = shownRows(rows, selected, lines.length);
      const fill = (line, name, count, index) => {
        write(line.head, name);
        write(line.votes, count ? number(count) : "");
        line.votes.classList.toggle("fml-votes-best", index !== undefined && index === selected.majority);
        line.bar.style.setProperty("--fraction", count / samples.length);
        scored.forEach((rule, i) => {
          write(line.scores[i], index === undefined ? "" : signed(scores[rule][index], 2));
          line.scores[i].classList.toggle("fml-votes-best", index !== undefined && index === selected[rule]);
        });
      };
      lines.forEach((line, i) => {
        const { index, count } = shown[i] ?? { count: 0 };
        const isRight = right.includes(index);
        line.node.classList.toggle("fml-votes-right", isRight);
        fill(line, count ? `${answers[index]}${isRight ? " ✓" : ""}` : "", count, index);
      });
      const nOthers = nRare + rows.length - shown.length;
      const count = samples.length - shown.reduce((sum, row) => sum + row.count, 0);
      fill(rest, nOthers ? `${number(nOthers)} other${nOthers > 1 ? "s, together" : ""}` : "", count);
    },
  };
}

// How often each rule is right, against the number of samples, and at the current one.
function rateChart(budgets, rules) {
  const [width, height, left, top, right, bottom] = [340, 226, 30, 10, 322, 184];
  const x = (n) => left + ((right - left) * Math.log(n)) / Math.log(Math.max(2, budgets.at(-1)));
  const y = (rate) => bottom - (bottom - top) * Math.min(1, Math.max(0, rate));
  const text = (x, y, words, anchor = "middle") => svg("text", { x, y, "text-anchor": anchor }, words);
  const now = svg("path", { class: "fml-votes-now" });
  const parts = rules.map((_, i) => {
    const [line, interval] = ["line", "interval"].map((kind) => svg("path", { class: `fml-votes-${kind}` }));
    return { line, interval, shape: mark(i) };
  });
  const group = ({ line, interval, shape }, i) => svg("g", { class: styleOf(i) }, line, interval, shape);
  const node = svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", class: "fml-votes-chart" },
    now,
    svg("path", { class: "fml-axis", d: `M${left} ${top}V${bottom}H${right}` }),
    ...[0, 0.5, 1].map((rate) => text(left - 6, y(rate) + 5, String(rate), "end")),
    ...budgets.filter((_, i) => i % 2 === 0).map((n) => text(x(n), bottom + 18, number(n))),
    text((left + right) / 2, height - 5, "samples N"),
    ...parts.map(group),
  );
  return {
    node,
    draw(curves, n) {
      const at = budgets.indexOf(n);
      const here = x(n).toFixed(1);
      now.setAttribute("d", `M${here} ${top}V${bottom}`);
      parts.forEach(({ line, interval, shape }, i) => {
        const rows = curves[rules[i]];
        const points = rows.map(([mean], j) => `${x(budgets[j]).toFixed(1)} ${y(mean).toFixed(1)}`);
        const [mean, low = mean, high = mean] = rows[at];
        line.setAttribute("d", `M${points.join("L")}`);
        interval.setAttribute("d", `M${here} ${y(low).toFixed(1)}V${y(high).toFixed(1)}`);
        shape.setAttribute("transform", `translate(${here} ${y(mean).toFixed(1)})`);
      });
      const values = rules.map((rule) => {
        const of = (i) => rate(curves[rule].at(i)[0]);
        return `${rule} ${of(at)}, and ${of(-1)} with the most samples`;
      });
      const label = `Chance that each rule is right, against N. At ${number(n)}: ${values.join("; ")}.`;
      node.setAttribute("aria-label", label);
    },
  };
}

// A rule's line and mark, as a key for the table.
function key(i) {
  const shape = mark(i);
  shape.setAttribute("transform", "translate(14 7)");
  const line = svg("path", { class: "fml-votes-line", d: "M0 7H28" });
  const attributes = { viewBox: "0 0 28 14", class: "fml-votes-key", "aria-hidden": "true" };
  return svg("svg", attributes, svg("g", { class: styleOf(i) }, line, shape));
}

// The mark of a rule at the origin: a bar, a square, a circle, a triangle, its opposite.
const SHAPES = ["M0 -5V5", "M-4 -4H4V4H-4Z", "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0 -5 0Z", "M-5 -4H5L0 5Z", "M-5 4H5L0 -5Z"];
const mark = (i) => svg("path", { class: "fml-votes-mark", d: SHAPES[i % SHAPES.length] });
const styleOf = (i) => `fml-votes-${i % SHAPES.length}`;
