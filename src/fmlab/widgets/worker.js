// The worker of the playground: it holds one model and answers what the page asks, so that the page
// stays responsive while the model writes. A message is {call, kind, ...}; each is answered with
// {call, result} or {call, error}, and before that, while something happens, with {call, event}.

const N_NEXT = 10; // next tokens in a trace

export function serve(scope) {
  const respond = commands();
  scope.onmessage = async ({ data: { call, kind, ...request } }) => {
    try {
      const result = await respond[kind](request, (event) => scope.postMessage({ call, event }));
      scope.postMessage({ call, result });
    } catch (error) {
      scope.postMessage({ call, error: error.message });
    }
  };
}

export function commands() {
  let writer;
  let scorer; // what gives probabilities to the tokens of a text: the writer, or counts
  let job; // what is being written
  const shown = (position) => ({
    ...writer.tokenizer.token(writer.ids[position]),
    probability: writer.probability(position),
  });
  const allShown = () => writer.ids.map((_, position) => shown(position));
  return {
    // Loads a model: from `files`, its texts and weights, or from `folder`, an address.
    async open({ folder, files }, tell) {
      const { config, tokenizer, weights } = files ?? (await fetchFiles(folder, tell));
      const tensors = readSafetensors(weights);
      writer = new Writer(
        new GPT(JSON.parse(config), tensors),
        new Tokenizer(JSON.parse(tokenizer)),
      );
      scorer = writer;
      const { nLayers, nHeads, contextLength, vocabSize } = writer.model;
      return { nLayers, nHeads, contextLength, vocabSize, hasChat: writer.tokenizer.hasChat };
    },

    // Writes up to `n` tokens: after a prompt, or, without one, after what is there. Tells the
    // prompt and every token; returns why and where it ended, and the time it took to compute.
    async write({ prompt, n, settings, seed, perSecond = Infinity }, tell) {
      const own = (job = {}); // only the latest job continues
      if (prompt !== undefined) {
        writer.start(prompt);
        tell({ tokens: allShown(), nPrompt: writer.nPrompt });
      }
      const isFull = writer.ids.length > writer.model.contextLength;
      let reason = isFull ? "context" : undefined;
      let [written, spent] = [0, 0];
      const began = performance.now();
      while (!reason && written < n) {
        const start = performance.now();
        ({ reason } = writer.next(settings, seed));
        spent += performance.now() - start;
        written += 1;
        tell({ token: shown(writer.ids.length - 1) });
        await pause(began + (1000 * written) / perSecond - performance.now());
        if (job !== own) return { reason: "stopped", written, spent };
      }
      return { reason: reason ?? "length", written, spent };
    },

    stop() {
      job = undefined;
    },

    // What is known about a position: the most likely tokens there, and where a head attended when
    // the model predicted it, from the position before.
    look({ position, settings, n, layer, head }) {
      const at = Math.max(1, Math.min(position, writer.ids.length, writer.model.length));
      const { rows, chosen, left } = writer.candidates(at, settings, n);
      const named = (row) => ({ ...row, ...writer.tokenizer.token(row.id) });
      return {
        position: at,
        rows: rows.map(named),
        chosen: chosen && named(chosen),
        left,
        attention: writer.model.attention(layer, head, at - 1),
      };
    },

    // All tokens of the vocabulary, by id.
    vocabulary() {
      const { vocabSize } = writer.model;
      return Array.from({ length: vocabSize }, (_, id) => writer.tokenizer.token(id));
    },

    // The logits of the token after a text and a response, and the `n` tokens that `write` would
    // write there. They are not kept.
    ahead({ text, response, n, settings, seed }) {
      writer.start(text, response);
      const { length } = writer.ids;
      const logits = writer.model.logits();
      const [next, tokens] = [[], writer.ids.map((id) => writer.tokenizer.token(id))];
      let reason = response.at(-1) === writer.tokenizer.end ? "stop" : undefined;
      while (!reason && next.length < n) {
        const written = writer.next(settings, seed);
        next.push(writer.tokenizer.token(written.id));
        reason = written.reason;
      }
      writer.cut(length);
      return { logits, tokens, nPrompt: writer.nPrompt, next, reason };
    },

    // Takes counts of pairs of tokens instead of a model: a file of fmlab.models.bigram_file.
    openCounts({ data }) {
      scorer = new Bigrams(data);
    },

    // For each token of a text: its loss in nats, its rank by probability, and the `n` most likely
    // tokens in its place.
    losses({ text, n }) {
      scorer.start(text);
      return scorer.ids.slice(1).map((id, i) => {
        const probabilities = scorer.probabilities(i + 1);
        const likely = Array.from(rank(probabilities).subarray(0, n), (other) => {
          return { ...scorer.tokenizer.token(other), probability: probabilities[other] };
        });
        const place = 1 + probabilities.reduce((k, p) => k + (p > probabilities[id]), 0);
        return { ...scorer.tokenizer.token(id), loss: -Math.log(probabilities[id]), rank: place, likely };
      });
    },

    // The scores of every head in a text, layer by layer, and the width of a head. Errors: for a
    // text of more than `most` tokens.
    scores({ text, most }) {
      const length = writer.tokenizer.prompt(text).length;
      if (length > most)
        throw new RangeError(`The text has ${length} tokens. The picture has room for ${most}.`);
      writer.start(text);
      const { nLayers, nHeads, width } = writer.model;
      const heads = (layer) => Array.from({ length: nHeads }, (_, i) => writer.model.scores(layer, i));
      const layers = Array.from({ length: nLayers }, (_, layer) => heads(layer));
      const tokens = writer.ids.map((id) => writer.tokenizer.token(id));
      return { layers, tokens, nLayers, nHeads, dHead: width / nHeads };
    },

    // Every number of a position of a text; the text is read first, if it is another one.
    trace({ text, position }) {
      writer.start(text);
      const at = Math.max(0, Math.min(position, writer.ids.length - 1));
      const { logits, ...rest } = writer.model.trace(writer.ids[at], at);
      const probabilities = softmax(logits);
      const order = Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a]);
      const rows = order.slice(0, N_NEXT).map((id) => {
        const { name, bytes } = writer.tokenizer.token(id);
        return { id, name, bytes, logit: logits[id], probability: probabilities[id] };
      });
      const tokens = writer.ids.map((id) => writer.tokenizer.token(id));
      return { ...rest, tokens, position: at, rows, lowest: logits[order.at(-1)] };
    },

    // Puts a token in a place of the response. What followed it is gone.
    put({ position, id }) {
      job = undefined;
      writer.cut(position);
      const { reason } = writer.put(id);
      return { position: writer.ids.length - 1, token: shown(writer.ids.length - 1), reason };
    },
  };
}

// Waits, at least until messages that have arrived are read. A timer cannot be as short as that.
function pause(milliseconds) {
  if (milliseconds > 2) return new Promise((resolve) => setTimeout(resolve, milliseconds));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}

async function fetchFiles(folder, tell) {
  const names = ["config.json", "bpe.json", "model.safetensors"];
  const loaded = names.map(() => 0);
  const files = names.map((name, i) =>
    fetchBytes(new URL(name, folder), (n) => {
      loaded[i] = n;
      tell({ loaded: loaded.reduce((sum, bytes) => sum + bytes) });
    }),
  );
  const [config, tokenizer, weights] = await Promise.all(files);
  const text = (bytes) => new TextDecoder().decode(bytes);
  return { config: text(config), tokenizer: text(tokenizer), weights: weights.buffer };
}

async function fetchBytes(url, tell) {
  const response = await fetch(url).catch(() => undefined);
  if (!response?.ok) {
    const reason = response ? `the site answered ${response.status}` : "there is no connection";
    throw new Error(`${url.pathname.split("/").at(-1)} could not be fetched: ${reason}.`);
  }
  const parts = [];
  let size = 0;
  const reader = response.body.getReader();
  for (let part; !(part = await reader.read()).done; ) {
    parts.push(part.value);
    tell((size += part.value.length));
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

if (typeof WorkerGlobalScope !== "undefined") serve(self);
