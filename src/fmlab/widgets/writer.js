// From a prompt to text: a tokenizer, a model, and the steps of fmlab.generation, in the page.

const END_OF_TEXT = "<|endoftext|>"; // before every document, and after every response
const [USER, ASSISTANT] = ["<|user|>", "<|assistant|>"];
// fmlab.tokenization.GPT4_SPLIT, as a tokenizer's file has it: bpe.js calls it "gpt4".
const GPT4_SPLIT = [
  String.raw`'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+`,
  String.raw`|\s++$|\s*[\r\n]|\s+(?!\S)|\s`,
].join("");

// The tokenizer that fmlab.tokenization.BPETokenizer.save wrote: bytes, merges, special tokens.
export class Tokenizer {
  #merges;
  #special;

  constructor({ pattern, special_tokens: special, merges }) {
    if (pattern !== GPT4_SPLIT) throw new Error("the tokenizer splits text in an unknown way");
    this.#merges = new Merges(Uint16Array.from(merges.flat()), 2);
    const first = N_BYTES + merges.length;
    this.#special = new Map(special.map((token, i) => [token, first + i]));
  }
  // Whether the tokens that say who speaks are among the special ones.
  get hasChat() {
    return this.#special.has(USER) && this.#special.has(ASSISTANT);
  }
  get end() {
    return this.#special.get(END_OF_TEXT);
  }
  encode(text) {
    return encode(text, this.#merges);
  }
  // What a model reads: a document's beginning, or, if it was trained on dialogues, a user's turn.
  prompt(text) {
    if (!this.hasChat) return [this.end, ...this.encode(text)];
    const [user, assistant] = [USER, ASSISTANT].map((token) => this.#special.get(token));
    return [this.end, user, ...this.encode(text), assistant];
  }
  // A token as {id, bytes}, with its name if it is a special one.
  token(id) {
    for (const [name, special] of this.#special) if (special === id) return { id, name, bytes: [] };
    return { id, bytes: this.#merges.bytes(id) };
  }
}

// The logits after fmlab.sampling.Penalties: repetition counts the tokens of prompt and response,
// frequency and presence those of the response.
export function penalize(logits, prompt, response, settings = {}) {
  const { repetition = 1, frequency = 0, presence = 0 } = settings;
  const penalized = Float64Array.from(logits);
  for (const id of repetition === 1 ? [] : new Set([...prompt, ...response]))
    penalized[id] = logits[id] > 0 ? logits[id] / repetition : logits[id] * repetition;
  for (const id of frequency ? response : []) penalized[id] -= frequency;
  for (const id of presence ? new Set(response) : []) penalized[id] -= presence;
  return penalized;
}

// Writes after a prompt, one token per call. Token number i uses the uniform number i of the seed,
// also at temperature 0, so that a token depends only on prompt, settings and seed.
export class Writer {
  constructor(model, tokenizer) {
    Object.assign(this, { model, tokenizer, ids: [], nPrompt: 0 });
  }
  // Reads a prompt and, if there is one, the beginning of a response, as ids. Errors: RangeError if
  // they are longer than the context.
  start(text, response = []) {
    const prompt = this.tokenizer.prompt(text);
    const ids = [...prompt, ...response];
    const longest = this.model.contextLength;
    if (ids.length > longest)
      throw new RangeError(
        `The ${response.length ? "text" : "prompt"} has ${ids.length} tokens, but this model's context is ${longest}.`,
      );
    this.model.truncate(sharedStart(this.ids, ids));
    this.model.read(ids.slice(this.model.length));
    this.ids = ids;
    this.nPrompt = prompt.length;
  }
  // Chooses the next token and reads it. Returns it as {id, reason}; the reason why the text ends
  // here is "stop", "context", or undefined.
  next(settings, seed) {
    const logits = this.#penalized(this.ids.length, settings);
    const number = uniform(seed, this.ids.length - this.nPrompt);
    const id =
      settings.temperature === 0
        ? logits.indexOf(logits.reduce((most, logit) => Math.max(most, logit)))
        : draw(restrict(logits, settings).probs, [number])[0];
    return this.put(id);
  }
  // Makes a token the next one. There is room for one more than the context: it is not read.
  put(id) {
    const hasRoom = this.ids.length < this.model.contextLength;
    if (hasRoom) this.model.read([id]);
    this.ids.push(id);
    return { id, reason: id === this.tokenizer.end ? "stop" : hasRoom ? undefined : "context" };
  }
  // Forgets the tokens from a position on.
  cut(position) {
    this.ids.length = Math.max(this.nPrompt, Math.min(position, this.ids.length));
    this.model.truncate(this.ids.length);
  }
  // The `n` most likely tokens for a position under the model's logits, each {id, before, after}:
  // the model's probability, and that after penalties and all settings. `left` is how many tokens
  // the settings leave, and `chosen` is the token that is there, if there is one.
  candidates(position, settings, n) {
    const before = softmax(this.model.logits(position - 1));
    const { probs, order, steps } = restrict(this.#penalized(position, settings), settings);
    const likely = new Set([...order.subarray(0, n), ...rank(before).subarray(0, n)]);
    const entry = (id) => ({ id, before: before[id], after: probs[id] });
    const rows = [...likely].map(entry).sort((a, b) => b.after - a.after || b.before - a.before);
    const id = this.ids[position];
    return {
      rows: rows.slice(0, n),
      chosen: id === undefined ? undefined : entry(id),
      left: steps.at(-1).left,
    };
  }
  // The probability that the model gave to the token at a position; 1 for the first.
  probability(position) {
    return position === 0 ? 1 : this.probabilities(position)[this.ids[position]];
  }
  // The probability of every token at a position after the first.
  probabilities(position) {
    return softmax(this.model.logits(position - 1));
  }
  #penalized(position, settings) {
    const logits = this.model.logits(position - 1);
    const prompt = this.ids.slice(0, this.nPrompt);
    return penalize(logits, prompt, this.ids.slice(this.nPrompt, position), settings);
  }
}

// How many tokens two lists have in common at the start, but fewer than the second has: the last
// token is always read, so that there is something to predict from.
function sharedStart(a, b) {
  let n = 0;
  while (n < a.length && n < b.length - 1 && a[n] === b[n]) n += 1;
  return n;
}
