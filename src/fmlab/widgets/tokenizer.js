// The tokenizer explorer: display and controls. The arithmetic is in bpe.js.

const MAX_CHARACTERS = 20_000;
const MAX_CHIPS = 1_000;
const MAX_STEPS = 40;
const MOST_MERGES = 200_000; // more than any vocabulary here has

// The values of the slider: every small number of merges, then steps of 4%.
export function sliderStops(size) {
  const stops = [0];
  for (let at = 0; at < size; stops.push(at)) {
    at = Math.min(size, Math.max(at + 1, Math.round(at * 1.04)));
  }
  return stops;
}

// A text as the widget takes it: whole characters, and not more of them than it can show.
export function cleanText(text) {
  const whole = text.slice(0, 2 * MAX_CHARACTERS).replace(/\p{Surrogate}/gu, "\ufffd");
  return Array.from(whole).slice(0, MAX_CHARACTERS).join("");
}

function render({ model, el }) {
  const merges = new Merges(model.get("merges"), model.get("bytes_per_id"));
  const own = stage(model, merges, model.get("split"));
  const stages = stageSwitch(model, "Tokenizer", {
    own,
    ownLabel: `Trained here: ${number(own.nBytes + own.size)} tokens`,
    async load({ name }, onProgress) {
      const vocabulary = readVocabulary(await request(model, name, onProgress));
      return stage(model, new PublishedMerges(vocabulary), vocabulary.split);
    },
    choose(vocabulary, { size }) {
      const isNew = vocabulary !== model.get("vocabulary"); // else a link or Python chose it
      update(model, { vocabulary, n_merges: isNew ? size : Math.min(model.get("n_merges"), size) });
    },
  });
  const field = textField(model);
  const framed = frame(
    el,
    { kind: "fml-tokenizer", title: model.get("title") },
    ...[field.node, ...stages.nodes],
  );

  let silent = true; // at first
  function draw() {
    const stage = stages.show(model.get("vocabulary") ?? "");
    if (!stage) return;
    field.draw(model.get("text"));
    const nMerges = Math.min(model.get("n_merges"), stage.size);
    const tokens = stage.draw(model.get("text"), nMerges);
    const vocabularySize = number(stage.nBytes + nMerges);
    if (!silent) framed.say(`Tokens: ${number(tokens)}. Vocabulary: ${vocabularySize}.`);
    silent = false;
  }
  return keepDrawn(model, ["text", "n_merges", "vocabulary"], framed, draw).end;
}

// What is shown of one vocabulary, below the text. `draw` returns the number of tokens.
function stage(model, merges, split) {
  const history = historian(merges);
  const wordsOf = (text) => splitText(text, split);
  const visible = (id) => decodeToken(merges.bytes(id));
  // Every step that a word goes through makes one token out of two.
  const countTokens = (words, nMerges) =>
    words.map(history).reduce((n, past) => n + past.bytes.length - stepsWithin(past, nMerges), 0);

  const slider = mergeSlider(model, merges, visible);
  const ladder = mergeLadder(merges, visible);
  const chips = chipBox(merges, history, ladder.draw);
  const tiles = countTiles();
  const table = languageTable(model, (text, nMerges) => countTokens(wordsOf(text), nMerges));
  let words = []; // of the text
  let text;
  return {
    size: merges.size,
    nBytes: merges.nBytes,
    nodes: [slider, tiles, chips, ladder, table].map(({ node }) => node),
    draw(newText, nMerges) {
      if (text !== newText) words = wordsOf((text = newText));
      const tokens = countTokens(words, nMerges);
      slider.draw(nMerges);
      tiles.draw(text, tokens);
      chips.draw(text, words, nMerges, tokens);
      table.draw(text, nMerges);
      return tokens;
    },
  };
}

// What a link may set.
function settings(model) {
  const names = (model.get("published") ?? []).map(([name]) => name);
  return {
    vocabulary: {
      ...{ kind: "choice", choices: ["", ...names] },
      set: (vocabulary) => update(model, { vocabulary, n_merges: MOST_MERGES }),
    },
    text: { kind: "text", longest: 1000 }, // addresses may not be much longer
    n_merges: { kind: "number", min: 0, max: MOST_MERGES, whole: true },
  };
}

export default { render, settings };

// left + right → made
function sum(parts, made, visible) {
  const [left, right] = parts.map((id) => token(visible(id)));
  return [left, " + ", right, " → ", token(visible(made))];
}

// The field to type in. Which language a text is in is known only of the sentences of the table.
function textField(model) {
  const id = newId();
  const note = h("p", { class: "fml-note", role: "status" });
  const area = h("textarea", { id, rows: 3, dir: "auto", spellcheck: "false", input: typed });
  function typed() {
    const text = cleanText(area.value);
    const most = number(MAX_CHARACTERS);
    note.textContent = text.length < area.value.length ? `Cut after ${most} characters.` : "";
    if (text !== area.value) area.value = text;
    update(model, { text });
  }
  return {
    node: h("div", {}, h("label", { for: id, class: "fml-label" }, "Text"), area, note),
    draw(text) {
      if (area.value !== text) area.value = text;
      area.lang = model.get("languages").find(([, , sentence]) => sentence === text)?.[1] ?? "";
    },
  };
}

function mergeSlider(model, merges, visible) {
  const id = newId();
  const stops = sliderStops(merges.size);
  const set = (n) => update(model, { n_merges: Math.min(merges.size, Math.max(0, n)) });
  const button = (name, sign, step) =>
    h("button", { "aria-label": name, click: () => set(model.get("n_merges") + step) }, sign);
  const less = button("One merge less", "−", -1);
  const more = button("One merge more", "+", 1);
  const range = h("input", { id, type: "range", min: 0, max: stops.length - 1, input: moved });
  const used = h("output", { for: id });
  const newest = h("p", { class: "fml-note fml-newest" });
  const newestSum = (made) => sum(merges.parts(made), made, visible);
  function moved() {
    set(stops[range.value]);
  }
  const label = h("label", { for: id, class: "fml-label" }, "Merges used");
  return {
    node: h(
      "div",
      {},
      h("div", { class: "fml-heads" }, label, used),
      h("div", { class: "fml-slider" }, less, range, more),
      newest,
    ),
    draw(nMerges) {
      const size = number(merges.nBytes + nMerges);
      if (stops[range.value] !== nMerges) range.value = nearestStop(stops, nMerges);
      less.setAttribute("aria-disabled", nMerges === 0);
      more.setAttribute("aria-disabled", nMerges === merges.size);
      const [n, v] = [number(nMerges), size].map((value) => h("strong", {}, value));
      used.replaceChildren(n, ` of ${number(merges.size)}, vocabulary `, v);
      range.setAttribute("aria-valuetext", used.textContent);
      newest.replaceChildren(
        ...(nMerges
          ? ["The last one joins ", ...newestSum(N_BYTES + nMerges - 1)]
          : ["None: every byte is a token of its own."]),
      );
    },
  };
}

// The tokens of the text, word by word. One chip is in the tab order; arrow keys move from there.
function chipBox(merges, history, onChoice) {
  const id = newId();
  let used; // how many merges
  const box = h("div", {
    class: "fml-chips",
    role: "listbox",
    "aria-labelledby": id,
    "aria-multiselectable": "true", // a word is chosen, with all its tokens
    click: ({ target }) => choose(target.closest("[role=option]")),
    keydown: pressed,
  });
  const note = h("p", { class: "fml-note" });
  let groups = []; // {word, node, nodes, state} of the words that have room
  let plain = true; // whether all words run the way of the text
  let drawn; // the text that `groups` shows
  let chosen; // the group whose merges are shown
  let minHeight; // the height that the box keeps

  // Flat, and with its looks as classes: a slider redraws hundreds of chips within a frame.
  function chip(id, parts, i) {
    const deep = i % 2 ? " fml-deep" : "";
    const part = parts.some(({ kind }) => kind === "bytes") ? " fml-part" : "";
    return h(
      "span",
      { class: `fml-chip${deep}${part}`, role: "option", tabindex: -1, "aria-selected": "false" },
      ...parts.map(ownedSign),
      h("small", {}, String(merges.shown(id))),
    );
  }
  // The chips of some tokens of a word, its first ones.
  function chipsOf(word, ids) {
    const all = owners(word, merges);
    let at = 0;
    return ids.map((id, i) => {
      const bytes = merges.bytes(id);
      return chip(id, decodePart(bytes, all.slice(at, (at += bytes.length))), i);
    });
  }
  const wordNode = (i) =>
    h("span", { class: i % 2 ? "fml-word fml-sand" : "fml-word", role: "none" });
  function choose(option) {
    if (!option) return;
    chosen = groups.find(({ node }) => node === option.parentNode);
    mark(option);
    option.focus();
  }
  // Marks the chosen word, puts one chip into the tab order, and tells whose merges to show.
  function mark(current) {
    for (const { node } of groups) {
      const selected = node === chosen.node;
      if (!selected && !node.classList.contains("fml-chosen")) continue;
      node.classList.toggle("fml-chosen", selected);
      for (const option of node.children) option.setAttribute("aria-selected", selected);
    }
    const first = (selector) => box.querySelector(selector);
    reach(current ?? first("[tabindex='0']") ?? chosen?.node.firstChild ?? first("[role=option]"));
    onChoice(chosen && history(chosen.word), used);
  }
  function reach(option) {
    for (const other of box.querySelectorAll("[tabindex='0']")) other.tabIndex = -1;
    if (option) option.tabIndex = 0;
  }
  function pressed(event) {
    const options = [...box.querySelectorAll(".fml-word:not([hidden]) > *")];
    const at = options.indexOf(event.target);
    if (at < 0) return;
    const to = arrowTarget(event.key, options, at, event.target.closest("[dir]").dir);
    if (event.key === "Enter" || event.key === " ") choose(event.target);
    else if (to !== undefined) {
      const option = options[to] ?? event.target;
      reach(option);
      option.focus();
    } else return;
    event.preventDefault();
  }
  // Makes a group for each word, as many as there may be room for. Words at the start and at the end
  // that have not changed keep theirs: on a long text, to lay all of them out again would be felt.
  // The chosen word stays chosen if it is still there.
  function lay(words, base) {
    const old = groups;
    words = words.slice(0, MAX_CHIPS);
    const same = old.findIndex(({ word }, i) => word !== words[i]);
    const start = same < 0 ? old.length : same;
    let end = 0; // how many at the end are kept; words alternate in color, so by pairs only
    if ((words.length - old.length) % 2 === 0)
      while (
        end < Math.min(words.length, old.length) - start &&
        old.at(-1 - end).word === words.at(-1 - end)
      )
        end += 1;
    const more = words.slice(start, words.length - end).map((word, i) => {
      const node = wordNode(start + i);
      return { word, nodes: /[\r\n]/.test(word) ? [node, h("br")] : [node], node };
    });
    const rest = old.slice(old.length - end);
    groups = [...old.slice(0, start), ...more, ...rest];
    const runs = directionRuns(words, base);
    const wasPlain = plain;
    plain = runs.every(({ dir }) => !dir);
    if (plain && wasPlain) {
      for (const { nodes } of old.slice(start, old.length - end))
        for (const node of nodes) node.remove();
      const added = document.createDocumentFragment();
      added.append(...more.flatMap(({ nodes }) => nodes));
      box.insertBefore(added, rest[0]?.node ?? null);
    } else {
      const run = ({ dir, from, to }) => {
        const nodes = groups.slice(from, to).flatMap(({ nodes }) => nodes);
        return dir ? [h("span", { class: "fml-run", dir }, ...nodes)] : nodes;
      };
      box.replaceChildren(...runs.flatMap(run));
    }
    if (!groups.includes(chosen)) {
      chosen = groups.find(({ word }) => word === chosen?.word) ?? mostMerged(groups, history);
    }
  }
  const label = h("p", { class: "fml-label", id }, "Tokens and their ids");
  return {
    node: h("div", {}, label, box, note, legend()),
    draw(text, words, nMerges, tokens) {
      const fresh = text !== drawn;
      used = nMerges;
      box.dir = direction(text);
      if (fresh) lay(words, box.dir);
      drawn = text;
      let room = MAX_CHIPS;
      for (const group of groups) {
        const past = history(group.word);
        const steps = stepsWithin(past, nMerges);
        const size = Math.min(room, past.bytes.length - steps);
        const state = `${steps} ${size}`;
        if (state !== group.state) {
          group.node.replaceChildren(...chipsOf(group.word, idsAfter(past, steps).slice(0, size)));
          group.node.hidden = !size;
        }
        group.state = state;
        room -= size;
      }
      const [most, all] = [number(MAX_CHIPS), number(tokens)];
      note.textContent =
        tokens > MAX_CHIPS ? `The first ${most} of ${all} tokens. The counts are for all.` : "";
      mark();
      // For one text the box never shrinks, so that what is below it stays put while one drags.
      if (fresh) box.style.minHeight = minHeight = "";
      if (box.offsetHeight !== minHeight)
        box.style.minHeight = `${(minHeight = box.offsetHeight)}px`;
    },
  };
}

// A part of a token. Bytes that are part of a character stand after it.
function ownedSign(part) {
  if (!part.owner) return sign(part);
  const node = sign({ ...part, spoken: `${part.spoken} of ${part.owner}` });
  node.prepend(h("span", { class: "fml-owner" }, part.owner));
  return node;
}

// The word in which most happens, as long as it fits.
function mostMerged(groups, history) {
  const size = ({ word }) => history(word).steps.length;
  const fitting = groups.filter((group) => size(group) < MAX_STEPS / 2);
  const most = Math.max(...fitting.map(size));
  return fitting.find((group) => size(group) === most) ?? groups[0];
}

function legend() {
  const sample = (kind, text) => h("span", { class: `fml-${kind}`, "aria-hidden": "true" }, text);
  return h(
    "p",
    { class: "fml-note" },
    ...["Choose a token to see how its word is merged. ", sample("mark", "␣"), " space, "],
    ...[sample("mark", "↵"), " newline, €", sample("bytes", "⟨E2⟩"), " part of €."],
  );
}

function countTiles() {
  const names = ["Characters", "UTF-8 bytes", "Words", "Tokens"];
  const ratios = ["Tokens per word", "Characters per token"];
  const values = [...names, ...ratios].map((name) => [name, h("strong")]);
  const tiles = values.map(([name, value]) => h("div", {}, h("span", {}, name), " ", value));
  return {
    node: h("div", { class: "fml-tiles" }, ...tiles),
    draw(text, tokens) {
      const { characters, bytes, words } = countText(text);
      const whole = [characters, bytes, words, tokens].map((n) => number(n));
      const shares = [tokens / words, characters / tokens].map((n) => number(n, n < 1000 ? 2 : 0));
      [...whole, ...shares].forEach((n, i) => (values[i][1].textContent = n));
    },
  };
}

// How one word is merged, from its bytes to its tokens, one line per merge. Unused merges are
// listed too, which shows the next merges and keeps the height of the list.
function mergeLadder(merges, visible) {
  const label = h("p", { class: "fml-label" });
  const list = h("ol", { class: "fml-ladder" });
  const rest = h("p", { class: "fml-note" });
  let drawn; // the history that the list shows
  let lines = []; // {node, made, from, to}: the steps of the history that a line stands for

  function lay(history) {
    drawn = history;
    lines = [];
    label.replaceChildren();
    list.replaceChildren();
    rest.replaceChildren();
    if (!history) return;
    const rows = mergeSteps(history, merges);
    let from = 0;
    for (const { rank, left, right, made, times } of rows.slice(0, MAX_STEPS)) {
      const again = times > 1 ? [`, ${number(times)} times`] : [];
      const node = line(`merge ${number(rank)}`, ...sum([left, right], made, visible), ...again);
      lines.push({ node, made, from, to: (from += times) });
    }
    const bytes = line("bytes");
    bytes.lastChild.append(...state(history.bytes));
    list.append(bytes, ...lines.map(({ node }) => node));
    const start = decodeToken(history.bytes.slice(0, MAX_STEPS));
    const cut = history.bytes.length > MAX_STEPS ? "…" : "";
    label.append("How ", token(start), `${cut} is merged`);
    const more = rows.length - lines.length;
    if (!rows.length) rest.append("No merge applies to this word.");
    if (more) rest.append(`${number(more)} more merges are not listed.`);
  }
  const line = (name, ...sum) =>
    h(
      "li",
      {},
      h("span", { class: "fml-rank" }, name),
      h("span", { class: "fml-sum" }, ...sum),
      h("span", { class: "fml-state", dir: direction(drawn.word) }),
    );
  const state = (ids, made) => {
    const tokens = ids.slice(0, MAX_STEPS).map((id) => token(visible(id)));
    tokens.forEach((node, i) => node.classList.toggle("fml-made", ids[i] === made));
    return ids.length > MAX_STEPS ? [...tokens, "…"] : tokens;
  };
  return {
    node: h("div", {}, label, list, rest),
    draw(history, nMerges) {
      if (drawn !== history) lay(history);
      const used = history ? stepsWithin(history, nMerges) : 0;
      for (const step of lines) {
        const inUse = step.from < used;
        if (step.used === inUse) continue;
        step.used = inUse;
        step.node.classList.toggle("fml-unused", !inUse);
        const after = () => state(idsAfter(history, step.to), step.made);
        step.node.lastChild.replaceChildren(...(inUse ? after() : ["not in use"]));
      }
    },
  };
}

// The same sentence in several languages: how many tokens each needs.
function languageTable(model, countTokens) {
  const rows = model.get("languages").map(([name, , sentence]) => {
    const { characters, bytes } = countText(sentence);
    const button = h("button", { click: () => update(model, { text: sentence }) }, name);
    const bar = h("span", { class: "fml-bar" });
    const cells = [h("span"), h("td"), h("td")];
    return { sentence, characters, bytes, button, bar, cells };
  });
  if (!rows.length) return { node: "", draw() {} };
  const most = Math.max(...rows.map(({ bytes }) => bytes)); // bars shrink as merges are added
  const head = ["Language", "Tokens", `× ${model.get("languages")[0][0]}`, "Characters per token"];
  const note = h("span", { class: "fml-note" });
  const caption = h(
    "caption",
    {},
    h("span", { class: "fml-label" }, `One text in ${number(rows.length)} languages`),
    note,
  );
  const top = h("tr", {}, ...head.map((name) => h("th", { scope: "col" }, name)));
  const body = rows.map(({ button, bar, cells: [tokens, times, perToken] }) => {
    const measure = h("td", {}, h("div", { class: "fml-measure" }, bar, tokens));
    return h("tr", {}, h("th", { scope: "row" }, button), measure, times, perToken);
  });
  return {
    node: h(
      "table",
      { class: "fml-table" },
      caption,
      h("thead", {}, top),
      h("tbody", {}, ...body),
    ),
    draw(text, nMerges) {
      const counts = rows.map(({ sentence }) => countTokens(sentence, nMerges));
      const loaded = rows.some(({ sentence }) => sentence === text);
      const other = loaded ? "" : "These texts, not the one above. ";
      write(note, `${other}Choose a language to load its text above.`);
      rows.forEach(({ sentence, characters, button, bar, cells: [tokens, times, perToken] }, i) => {
        button.setAttribute("aria-pressed", sentence === text);
        bar.style.setProperty("--share", counts[i] / most);
        tokens.textContent = number(counts[i]);
        times.textContent = number(counts[i] / counts[0], 2);
        perToken.textContent = number(characters / counts[i], 2);
      });
    },
  };
}
