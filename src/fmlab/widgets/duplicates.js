// The duplicate explorer. First the arithmetic, that of fmlab.data; then the display.

const PRIME = 2 ** 31 - 1;
const MAX_CHARACTERS = 2000;
const MOST = { n: 6, bands: 32, rows: 8 };

// The runs of n words of a text, in lower case; a shorter text is one run.
export function shingles(text, n) {
  const words = text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];
  const starts = Array.from({ length: Math.max(1, words.length - n + 1) }, (_, i) => i);
  return new Set(starts.map((i) => words.slice(i, i + n).join(" ")));
}

export const common = (first, second) => [...first].filter((shingle) => second.has(shingle));

// The size of the intersection of two sets, divided by that of their union.
export function jaccard(first, second) {
  const both = common(first, second).length;
  const union = first.size + second.size - both;
  return union ? both / union : 1;
}

const TABLE = Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  return value >>> 0;
});
export function crc32(text) {
  let value = 0xffffffff;
  for (const byte of new TextEncoder().encode(text)) value = TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

// (a x + b) modulo 2^31 - 1. The factor is split, so that no product exceeds 2^53.
export const hashed = (x, a, b) => ((((x * (a >>> 16)) % PRIME) * 65536 + x * (a & 65535) + b) % PRIME);

// The smallest value of each of H hashes. `numbers` hold every a, then every b.
export function signature(set, n_hashes, numbers) {
  const values = [...set].map((shingle) => crc32(shingle) % PRIME);
  return Array.from({ length: n_hashes }, (_, i) => {
    const [a, b] = [numbers[i], numbers[n_hashes + i]];
    return values.reduce((least, x) => Math.min(least, hashed(x, a, b)), PRIME);
  });
}

// The probability that two texts of a similarity agree in all rows of some band.
export const chanceOfCandidate = (similarity, bands, rows) => 1 - (1 - similarity ** rows) ** bands;

// All that is shown about two texts.
export function compare({ first, second, n, bands, rows, threshold }, numbers) {
  const sets = [first, second].map((text) => shingles(text, n));
  const signatures = sets.map((set) => signature(set, bands * rows, numbers));
  const agrees = signatures[0].map((value, i) => value === signatures[1][i]);
  const inBand = Array.from({ length: bands }, (_, i) => agrees.slice(i * rows, (i + 1) * rows));
  const n_agree = agrees.filter(Boolean).length;
  const n_bands = inBand.filter((band) => band.every(Boolean)).length;
  const similarity = jaccard(...sets);
  return {
    ...{ sets, signatures, inBand, n_bands, similarity },
    estimate: n_agree / agrees.length,
    interval: wilson(n_agree, agrees.length),
    chance: chanceOfCandidate(similarity, bands, rows),
    isEqual: first === second,
    isCandidate: n_bands > 0,
    isFlagged: n_bands > 0 && similarity >= threshold,
  };
}

// What happens to the pair, step by step.
export function verdict({ bands, threshold }, { isEqual, n_bands, isFlagged, similarity }) {
  const exact = isEqual
    ? "The texts are equal, so an exact hash finds the copy."
    : "The texts are not equal, so an exact hash misses this pair.";
  const limit = number(threshold, 2);
  if (!n_bands) {
    const lost = similarity >= threshold ? `, although its similarity reaches the threshold of ${limit}` : "";
    return `${exact} No band agrees, so the pair is never compared${lost}: not flagged.`;
  }
  const some = `${n_bands} of ${bands} ${bands > 1 ? "bands" : "band"} ${n_bands > 1 ? "agree" : "agrees"}`;
  const side = isFlagged ? "reaches" : "is below";
  const end = `Its similarity ${side} the threshold of ${limit}: ${isFlagged ? "" : "not "}flagged.`;
  return `${exact} ${some}, so the pair is a candidate and is compared. ${end}`;
}

const SETTINGS = ["first", "second", "n", "bands", "rows", "threshold"];

function render({ model, el }) {
  const texts = ["First", "Second"].map((name) => textField(model, name));
  const names = model.get("pairs").map(([name]) => name);
  const examples = pairButtons({ label: "Pairs:", names, choose: (i) => choosePair(model, i) });
  const tiles = resultTiles();
  const line = h("p", { class: "fml-verdict fml-dup-verdict" });
  const controls = controlPanel(model);
  const [curve, cells, lists] = [candidateCurve(), signatureCells(), shingleLists()];
  const framed = frame(
    el,
    { kind: "fml-dup", title: model.get("title") },
    examples.node,
    h("div", { class: "fml-two" }, ...texts.map(({ node }) => node)),
    h("div", {}, tiles.node, line),
    controls.node,
    h("div", { class: "fml-two" }, curve.node, cells.node),
    lists.node,
  );
  let spoken;
  function draw() {
    const state = Object.fromEntries(SETTINGS.map((name) => [name, model.get(name)]));
    const result = compare(state, model.get("numbers"));
    examples.draw(model.get("pairs").findIndex(([, ...pair]) => pair[0] === state.first && pair[1] === state.second));
    for (const part of [...texts, tiles, controls, curve, cells, lists]) part.draw(state, result);
    const summary = verdict(state, result);
    write(line, summary);
    const said = `Similarity ${number(result.similarity, 2)}. ${summary}`;
    if (spoken !== undefined && said !== spoken) framed.say(said);
    spoken = said;
  }
  const kept = keepDrawn(model, SETTINGS, framed, draw);
  return kept.end;
}

// What a link may set. A pair is set by its place, and is in a copied link as its two texts.
function settings(model) {
  const text = { kind: "text", longest: MAX_CHARACTERS };
  const whole = (name) => ({ kind: "number", min: 1, max: MOST[name], whole: true });
  const last = model.get("pairs").length - 1;
  return {
    pair: { kind: "number", min: 0, max: last, whole: true, get: () => 0, set: (i) => choosePair(model, i) },
    first: text,
    second: text,
    n: whole("n"),
    bands: whole("bands"),
    rows: whole("rows"),
    threshold: { kind: "number", min: 0.05, max: 1 },
  };
}

export default { render, settings };

function choosePair(model, i) {
  const [, first, second] = model.get("pairs")[i];
  update(model, { first, second });
}

function textField(model, name) {
  const [id, about, trait] = [newId(), newId(), name.toLowerCase()];
  const field = h("textarea", {
    ...{ id, rows: 6, maxlength: MAX_CHARACTERS, spellcheck: "false", "aria-describedby": about },
    input: () => update(model, { [trait]: field.value }),
  });
  const note = h("p", { class: "fml-note", id: about });
  const label = h("label", { for: id, class: "fml-label" }, `${name} text`);
  return {
    node: h("div", {}, label, field, note),
    draw(state, { sets }) {
      const text = state[trait];
      if (field.value !== text) field.value = text;
      const n_shingles = sets[trait === "first" ? 0 : 1].size;
      const [only] = sets[trait === "first" ? 0 : 1];
      const isShort = only.split(" ").length < state.n;
      const short = only ? `Fewer than ${state.n} words: the whole text is one shingle.` : "No words: type some.";
      const tooLong = text.length >= MAX_CHARACTERS ? ` At most ${number(MAX_CHARACTERS)} characters.` : "";
      const many = `${number(n_shingles)} ${n_shingles > 1 ? "shingles" : "shingle"} of ${state.n} words.`;
      write(note, (isShort ? short : many) + tooLong);
    },
  };
}

function resultTiles() {
  const names = ["Jaccard similarity", "MinHash estimate", "Exact hash equal", "Chance of a candidate", "Candidate", "Flagged"];
  const values = names.map(() => h("strong"));
  const range = h("small", {});
  const tiles = names.map((name, i) => h("div", {}, h("span", {}, name), values[i]));
  tiles[1].append(range);
  return {
    node: h("div", { class: "fml-tiles" }, ...tiles),
    draw(_, { similarity, estimate, interval, isEqual, chance, isCandidate, isFlagged }) {
      const yes = (value) => (value ? "yes" : "no");
      const texts = [number(similarity, 2), number(estimate, 2), yes(isEqual), number(chance, 2)];
      [...texts, yes(isCandidate), yes(isFlagged)].forEach((text, i) => write(values[i], text));
      write(range, interval.map((end) => number(end, 2)).join(" to "));
    },
  };
}

function controlPanel(model) {
  const upTo = (most) => Array.from({ length: most }, (_, i) => i + 1);
  const card = (trait, name, ends, stops = upTo(MOST[trait])) =>
    sliderCard({ name, ends, stops, moved: (value) => update(model, { [trait]: value }) });
  const cards = {
    threshold: card("threshold", "Threshold", ["0.05", "1"], upTo(20).map((i) => i / 20)),
    n: card("n", "Shingle size", ["1", `${MOST.n}`]),
    bands: card("bands", "Bands", ["1", `${MOST.bands}`]),
    rows: card("rows", "Rows", ["1", `${MOST.rows}`]),
  };
  return {
    node: h("div", { class: "fml-dup-controls" }, ...Object.values(cards).map(({ node }) => node)),
    draw: (state) => Object.entries(cards).forEach(([trait, { draw }]) => draw(state[trait])),
  };
}

// How likely a pair becomes a candidate, over its similarity; this pair is a point on the curve.
function candidateCurve() {
  const [width, height, left, right, top, bottom] = [340, 236, 44, 330, 10, 190];
  const x = (similarity) => left + (right - left) * similarity;
  const y = (chance) => bottom - (bottom - top) * chance;
  const words = (x, y, text, anchor) => svg("text", { x, y, "text-anchor": anchor }, text);
  const ticks = [0, 0.2, 0.4, 0.6, 0.8, 1];
  const axes = [
    ...[0, 0.5, 1].flatMap((value) => [
      svg("path", { class: "fml-dup-grid", d: `M${left} ${y(value)}H${right}` }),
      words(left - 6, y(value) + 4, String(value), "end"),
    ]),
    ...ticks.map((value) => words(x(value), bottom + 18, String(value), "middle")),
    words((left + right) / 2, height - 6, "Jaccard similarity of a pair", "middle"),
  ];
  const shape = (kind) => svg("path", { class: `fml-dup-${kind}` });
  const [curve, limit, range] = [shape("curve"), shape("limit"), shape("range")];
  const point = svg("circle", { class: "fml-dup-point", r: 6 });
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" }, ...axes, limit, curve, range, point);
  const key = (kind, text) =>
    h("span", {}, h("span", { class: `fml-dup-key fml-dup-key-${kind}`, "aria-hidden": "true" }), text);
  return {
    node: h(
      "div",
      { class: "fml-dup-plot" },
      h("p", { class: "fml-label" }, "Probability of a candidate"),
      picture,
      h(
        "p",
        { class: "fml-note fml-keys" },
        key("point", "this pair"),
        key("range", "95% interval of its estimate"),
        key("limit", "threshold"),
      ),
    ),
    draw({ bands, rows, threshold }, { similarity, interval, chance }) {
      const steps = Array.from({ length: 101 }, (_, i) => i / 100);
      const at = (s) => `${x(s).toFixed(1)} ${y(chanceOfCandidate(s, bands, rows)).toFixed(1)}`;
      curve.setAttribute("d", `M${steps.map(at).join("L")}`);
      limit.setAttribute("d", `M${x(threshold).toFixed(1)} ${top}V${bottom}`);
      const [low, high] = interval.map((end) => x(end).toFixed(1));
      const level = y(chance).toFixed(1);
      range.setAttribute("d", `M${low} ${level}H${high}M${low} ${level}m0 -5v10M${high} ${level}m0 -5v10`);
      point.setAttribute("cx", x(similarity).toFixed(1));
      point.setAttribute("cy", level);
      const text = `With ${bands} bands of ${rows} rows, a pair of similarity ${number(similarity, 2)} becomes a candidate`;
      picture.setAttribute("aria-label", `${text} with a probability of ${number(chance, 3)}.`);
    },
  };
}

// Both signatures, one above the other, band by band. Of each value, the last two digits.
function signatureCells() {
  const id = newId();
  const box = h("div", { class: "fml-dup-cells", role: "region", tabindex: 0, "aria-labelledby": id });
  const heading = h("p", { class: "fml-label", id });
  const about =
    "Upper row: first text, lower row: second; the last two digits of each hash. Filled: the hashes agree. Framed, with =: the whole band agrees. The box scrolls.";
  const last = (value) => String(value % 100).padStart(2, "0");
  return {
    node: h("div", {}, heading, box, h("p", { class: "fml-note" }, about)),
    draw({ bands, rows }, { signatures, inBand }) {
      write(heading, `Signatures of ${number(bands * rows)} ${bands * rows > 1 ? "hashes" : "hash"}`);
      box.replaceChildren(
        ...inBand.map((agrees, band) => {
          const count = agrees.filter(Boolean).length;
          const label = `Band ${band}: ${count} of ${rows} hashes agree.`;
          const cells = signatures.flatMap((values) =>
            agrees.map((same, i) => h("span", { class: same && "fml-dup-same" }, last(values[band * rows + i]))),
          );
          const isWhole = count === rows;
          const kind = `fml-dup-band${isWhole ? " fml-dup-whole" : ""}`;
          const grid = h("span", { class: "fml-dup-grid-cells", style: `--rows: ${rows}` }, ...cells);
          return h("span", { class: kind, role: "img", "aria-label": label }, grid);
        }),
      );
    },
  };
}

// The shingles that both texts have, and those of one text alone.
function shingleLists() {
  const names = ["In both texts", "Only in the first", "Only in the second"];
  const kinds = ["both", "first", "second"];
  const groups = kinds.map((kind) => {
    const id = newId();
    const [heading, list] = [h("p", { class: "fml-label", id }), h("ul", { class: `fml-dup-${kind}`, "aria-labelledby": id })];
    return { heading, list, node: h("div", {}, heading, list) };
  });
  const id = newId();
  const total = h("p", { id });
  const box = h(
    "div",
    { class: "fml-dup-shingles", role: "region", tabindex: 0, "aria-labelledby": id },
    ...groups.map(({ node }) => node),
  );
  let drawn;
  return {
    node: h("div", {}, total, box),
    draw({ n }, { sets: [first, second], similarity }) {
      const both = common(first, second);
      const shared = new Set(both);
      const without = (set) => [...set].filter((shingle) => !shared.has(shingle));
      const parts = [both, without(first), without(second)];
      const text = JSON.stringify(parts);
      if (text === drawn) return;
      drawn = text;
      const all = parts.flat().length;
      write(total, `Shingles of ${n}: ${both.length} of ${all} are in both texts, so the similarity is ${number(similarity, 2)}.`);
      groups.forEach(({ heading, list }, i) => {
        write(heading, `${names[i]}: ${parts[i].length}`);
        list.replaceChildren(...parts[i].map((shingle) => h("li", {}, shingle || "(no words)")));
      });
    },
  };
}
