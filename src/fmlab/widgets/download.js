// Data that a page leaves out until a reader asks for them.

const PATIENCE = 60_000; // ms without a sign of life

// Asks for data by name, and returns their bytes. A running kernel answers, or else widget-host.js.
export function request(model, name, onProgress = () => {}) {
  return new Promise((resolve, reject) => {
    let timer;
    function settle(how, value) {
      clearTimeout(timer);
      model.off("msg:custom", heard);
      how(value);
    }
    function wait() {
      clearTimeout(timer);
      const silence = "There was no answer. In a notebook, run its cells first.";
      timer = setTimeout(() => settle(reject, new Error(silence)), PATIENCE);
    }
    function heard(message, buffers) {
      if (message?.data !== name) return;
      if (message.error) settle(reject, new Error(message.error));
      else if (buffers?.length) settle(resolve, unzip(buffers[0]));
      else {
        wait();
        onProgress(message.loaded);
      }
    }
    wait();
    model.on("msg:custom", heard);
    try {
      model.send({ request: name });
    } catch (error) {
      settle(reject, error);
    }
  });
}

// The bytes that gzip compressed.
export async function unzip(packed) {
  const unzipped = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(unzipped).arrayBuffer());
}

// A published vocabulary, from what fmlab.widgets.vocabularies packed: its merges as two columns of
// symbols, and the id of each symbol, -1 for a byte that has none.
export function readVocabulary(data) {
  const end = data.indexOf(10);
  const head = JSON.parse(new TextDecoder().decode(data.subarray(0, end)));
  let at = end + 1;
  const column = (n) => {
    const numbers = new Int32Array(n);
    for (let i = 0; i < n; i++) {
      const word = data[at + i] | (data[at + n + i] << 8) | (data[at + 2 * n + i] << 16);
      numbers[i] = (word << 8) >> 8; // 24 bits with a sign
    }
    at += 3 * n;
    return numbers;
  };
  const [left, right, ids] = [column(head.merges), column(head.merges), column(256 + head.merges)];
  let id = 0;
  return { ...head, left, right, ids: ids.map((step) => (id += step) - 1) };
}

// The bytes of each token of a published vocabulary, by id, special tokens included.
export function vocabularyTokens({ left, right, ids, special }) {
  const symbols = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
  for (let i = 0; i < left.length; i++) {
    const [first, second] = [symbols[left[i]], symbols[right[i]]];
    const token = new Uint8Array(first.length + second.length);
    token.set(first);
    token.set(second, first.length);
    symbols.push(token);
  }
  const tokens = [];
  symbols.forEach((token, symbol) => {
    if (ids[symbol] >= 0) tokens[ids[symbol]] = token;
  });
  for (const [text, id] of Object.entries(special)) tokens[id] = new TextEncoder().encode(text);
  return tokens;
}

// Recorded logits, from what fmlab.sampling.recorded packed: the prompts, and a row for each.
export function readLogits(data) {
  const end = data.indexOf(10);
  const { prompts, size, steps } = JSON.parse(new TextDecoder().decode(data.subarray(0, end)));
  const rows = prompts.map((_, row) => {
    const low = end + 1 + 2 * row * size;
    const number = (i) => ((data[low + i] | (data[low + size + i] << 8)) << 16) >> 16;
    return Float64Array.from({ length: size }, (_, i) => number(i) / steps);
  });
  return { prompts, rows };
}

// A labeled choice between what the page has and what it loads when that is chosen. An entry is
// {name, label, title, kilobytes}; `load(name, onProgress)` resolves when `isHere(name)`.
export function sourceChoice(label, entries, { isHere, load, choose }) {
  const id = newId();
  const absent = entries.filter(({ name }) => !isHere(name));
  const status = h("p", { class: "fml-note fml-status", role: "status" });
  const options = entries.map(({ name, label }) => h("option", { value: name }, label));
  const choice = h("select", { id, change: () => get(choice.value) }, ...options);
  const sizes = absent.map(({ kilobytes }) => number(kilobytes)).join(" and ");
  status.append(`Loaded only if chosen: ${sizes} kB.`);
  let current = entries[0].name;
  let wanted; // what is being loaded
  async function get(name) {
    if (wanted === name) return;
    wanted = name;
    if (!isHere(name)) {
      const { title, kilobytes } = entries.find((entry) => entry.name === name);
      const progress = h("span", { "aria-hidden": "true" }, " …");
      status.replaceChildren(`Loading ${title}, ${number(kilobytes)} kB`, progress);
      const told = (loaded) => write(progress, `: ${number(loaded / 1000)} kB`);
      try {
        await load(name, told);
        if (wanted === name) status.replaceChildren(`${title} is loaded, ${number(kilobytes)} kB.`);
      } catch (error) {
        if (wanted !== name) return;
        status.replaceChildren(`${title} could not be loaded. ${error.message}`);
        [wanted, choice.value] = [undefined, current];
        return;
      }
    }
    if (wanted !== name) return;
    wanted = undefined;
    choose(name);
  }
  return {
    node: h(
      "div",
      { class: "fml-source" },
      h("label", { for: id, class: "fml-label" }, label),
      choice,
      status,
    ),
    get,
    // Says what is shown; a choice that is still being loaded stays as it is.
    draw(name) {
      current = name;
      if (wanted === undefined) choice.value = name;
    },
  };
}

// What the page can load, as entries of a choice: {name, title, kilobytes, files, label}.
export const offers = (model) =>
  (model.get("published") ?? []).map(([name, title, nTokens, kilobytes, files]) => {
    const isModel = files && !files.length; // not data, but a model that runs in the page
    const label = isModel ? `Your own text, read by ${title}` : `${title}: ${number(nTokens)} tokens`;
    return { name, title, kilobytes, files, label };
  });

// What is shown of each source of data, one at a time, and the choice between them. `own` is the
// stage of what the page has, labeled `ownLabel`; a stage is {nodes, ...}. `load(offer, onProgress)`
// resolves to the stage of an offer, and `choose(name, stage)` sets the traits of a reader's choice.
export function stageSwitch(model, label, { own, ownLabel, load, choose }) {
  const stages = new Map([["", own]]); // by source
  const offered = offers(model);
  const entries = [{ name: "", label: ownLabel }, ...offered];
  const sources = {
    isHere: (name) => stages.has(name),
    async load(name, onProgress) {
      const offer = offered.find((entry) => entry.name === name);
      stages.set(name, await load(offer, onProgress));
    },
    choose: (name) => choose(name, stages.get(name)),
  };
  const choice = offered.length ? sourceChoice(label, entries, sources) : undefined;
  const place = h("div", { class: "fml-stage" });
  let shown; // the stage in place
  return {
    nodes: [...(choice ? [choice.node] : []), place],
    // Puts the stage of a source in place and returns it; undefined while it is being loaded, since
    // Python chose it: the one before stays.
    show(name) {
      if (!stages.has(name)) {
        choice?.get(name);
        if (shown) return undefined;
      }
      const next = stages.get(name) ?? own;
      if (next !== shown) place.replaceChildren(...next.nodes);
      shown = next;
      choice?.draw(name);
      return shown;
    },
  };
}
