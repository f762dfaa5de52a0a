// The image-text explorer. First the search, that of Python; then the display. Embeddings are unit
// vectors, so that a dot product is a cosine similarity.

export const CHOICES = ["number", "color", "shape", "row"];
export const N_SHOWN = 6;

// The caption of four choices.
export function captionOf({ number, color, shape, row }) {
  const plural = number === "one" ? "" : shape.endsWith("s") ? "es" : "s";
  const things = `${number} ${color} ${shape}${plural}`;
  return row === "anywhere" ? things : `${things} at the ${row}`;
}

// Which caption, in the order of Python's product, has these choices.
export function captionIndex(choices, chosen) {
  return CHOICES.reduce(
    (place, name) => place * choices[name].length + choices[name].indexOf(chosen[name]),
    0,
  );
}

// The dot product of one vector with each of several, which are given one after another.
export function similarities(vector, flat) {
  const size = vector.length;
  return Array.from({ length: flat.length / size }, (_, i) =>
    vector.reduce((total, value, j) => total + value * flat[i * size + j], 0),
  );
}

// The indices of the k largest scores, the largest first; of equal ones, the first.
export function nearest(scores, k) {
  const order = scores.map((_, i) => i).sort((a, b) => scores[b] - scores[a] || a - b);
  return order.slice(0, k);
}

// The similarities of all pictures with the caption of these choices.
export function search(traits, chosen) {
  const { choices, size } = traits;
  const start = captionIndex(choices, chosen) * size;
  const vector = traits.caption_vectors.slice(start, start + size);
  return similarities(vector, traits.picture_vectors);
}

const GIVEN = ["choices", "labels", "unseen", "size", "picture_vectors", "caption_vectors"];

function render({ model, el }) {
  const traits = Object.fromEntries(GIVEN.map((name) => [name, model.get(name)]));
  const selects = CHOICES.map((name) => choiceOf(model, name, traits.choices[name]));
  const sentence = h("p", { class: "fml-image-caption" });
  const note = h("p", { class: "fml-note" });
  const cards = Array.from({ length: N_SHOWN }, () => cardOf(model.get("sheet"), traits.labels));
  const list = h("ol", { class: "fml-image-cards" }, ...cards.map(({ node }) => node));
  const framed = frame(
    el,
    { kind: "fml-image", title: model.get("title") },
    h("div", { class: "fml-image-choices" }, ...selects.map(({ node }) => node)),
    sentence,
    note,
    list,
  );
  let silent = true; // at first
  function show() {
    const chosen = Object.fromEntries(CHOICES.map((name) => [name, model.get(name)]));
    const scores = search(traits, chosen);
    const best = nearest(scores, N_SHOWN);
    for (const select of selects) select.draw(chosen);
    write(sentence, `Pictures closest to “${captionOf(chosen)}”:`);
    const isNew = traits.unseen.includes(`${chosen.color} ${chosen.shape}`);
    write(
      note,
      isNew
        ? "No training picture had this color together with this shape."
        : "Training pictures had this color together with this shape.",
    );
    cards.forEach((card, i) => card.draw(best[i], scores[best[i]]));
    if (!silent) framed.say(`${captionOf(chosen)}: closest is ${traits.labels[best[0]]}.`);
    silent = false;
  }
  return keepDrawn(model, CHOICES, framed, show).end;
}

// What a link may set.
function settings(model) {
  const rule = (name) => ({ kind: "choice", choices: model.get("choices")[name] });
  return Object.fromEntries(CHOICES.map((name) => [name, rule(name)]));
}

export default { render, settings };

function choiceOf(model, name, values) {
  const id = newId();
  const change = () => update(model, { [name]: select.value });
  const options = values.map((value) => h("option", { value }, value));
  const select = h("select", { id, change }, ...options);
  return {
    node: h("div", {}, h("label", { for: id }, name), select),
    draw(chosen) {
      if (select.value !== chosen[name]) select.value = chosen[name];
    },
  };
}

// A picture from the sheet, with its similarity.
function cardOf(sheet, labels) {
  const inner = h("img", { src: sheet, alt: "" });
  const picture = h("div", { class: "fml-image-picture", role: "img" }, inner);
  const value = h("span", { class: "fml-image-value" });
  return {
    node: h("li", {}, picture, value),
    draw(i, score) {
      inner.style.setProperty("--place", i);
      inner.style.setProperty("--pictures", labels.length);
      picture.setAttribute("aria-label", labels[i]);
      write(value, number(score, 2));
    },
  };
}
