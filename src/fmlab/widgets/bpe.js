// Byte-level byte-pair encoding in the page, equal to fmlab.tokenization id for id.
// Ids 0-255 are the bytes; merge number i, counted from 1, makes id 255 + i.

const N_BYTES = 256;
const MAX_WORDS = 20_000; // words whose merge history is cached

// The split patterns of fmlab.tokenization. What they mark as possessive could give nothing back
// here either: classes that follow one another share no character. White space is written as its
// property because the languages disagree about \s (U+0085, U+FEFF), and the long s is an s to a
// pattern that ignores case.
const SPACE = String.raw`\p{White_Space}`;
const OTHER = String.raw`[^${SPACE}\p{L}\p{N}]`;
const BEFORE_WORD = String.raw`${SPACE}+(?!\P{White_Space})`;
const SPLITS = {
  gpt2: [
    String.raw`'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?${OTHER}+`,
    `${SPACE}+$|${BEFORE_WORD}|${SPACE}`,
  ].join("|"),
  digits: [
    String.raw`\p{N}|'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?${OTHER}+`,
    String.raw`${SPACE}+(?=\p{N})|${SPACE}+$|${BEFORE_WORD}|${SPACE}`,
  ].join("|"),
  gpt4: [
    "'(?:[sSſdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])",
    String.raw`[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?${OTHER}+[\r\n]*`,
    String.raw`${SPACE}+$|${SPACE}*[\r\n]|${BEFORE_WORD}|${SPACE}`,
  ].join("|"),
};

// The words of a text; joined, they are the text again.
export function splitText(text, split = "gpt4") {
  patterns[split] ??= new RegExp(SPLITS[split], "gu");
  return text.match(patterns[split]) ?? [];
}
const patterns = {};

// UTF-8, also of lone surrogates: each is the three bytes that Python's "surrogatepass" gives.
export function utf8(text) {
  const bytes = [];
  for (const character of text) {
    const c = character.codePointAt(0);
    const rest = (shift) => 0x80 | ((c >> shift) & 0x3f);
    if (c < 0x80) bytes.push(c);
    else if (c < 0x800) bytes.push(0xc0 | (c >> 6), rest(0));
    else if (c < 0x10000) bytes.push(0xe0 | (c >> 12), rest(6), rest(0));
    else bytes.push(0xf0 | (c >> 18), rest(12), rest(6), rest(0));
  }
  return bytes;
}

// A merge table, from the pairs of ids that Python packed: little-endian, `width` bytes per id.
export class Merges {
  nBytes = N_BYTES; // how many bytes have an id
  #ids = new Map();
  #bytes = [];

  constructor(packed, width) {
    const view = new DataView(packed.buffer ?? packed, packed.byteOffset ?? 0, packed.byteLength);
    const id = (i) => (width === 2 ? view.getUint16(2 * i, true) : view.getUint32(4 * i, true));
    this.size = view.byteLength / (2 * width);
    this.pairs = Array.from({ length: this.size }, (_, i) => [id(2 * i), id(2 * i + 1)]);
    this.pairs.forEach(([left, right], i) => this.#ids.set(this.#key(left, right), N_BYTES + i));
  }
  #key(left, right) {
    return left * (N_BYTES + this.size) + right;
  }
  // The id that a pair becomes, or undefined.
  id(left, right) {
    return this.#ids.get(this.#key(left, right));
  }
  // The two ids that an id was made of, or undefined for a byte.
  parts(id) {
    return this.pairs[id - N_BYTES];
  }
  // The bytes that an id stands for.
  bytes(id) {
    this.#bytes[id] ??= id < N_BYTES ? [id] : this.parts(id).flatMap((part) => this.bytes(part));
    return this.#bytes[id];
  }
  // What Python calls this id, and which bytes of a word have an id.
  shown(id) {
    return id;
  }
  known(bytes) {
    return bytes;
  }
}

// The merges of a published tokenizer, from what `readVocabulary` returns. GPT-4's list says of each
// token only that it exists. Python has found the two parts that it is merged from, and no other two
// can meet: each token is what its own bytes are merged into.
export class PublishedMerges extends Merges {
  #names;

  constructor({ left, right, ids }) {
    const pairs = new Uint32Array(2 * left.length);
    for (let i = 0; i < left.length; i++) [pairs[2 * i], pairs[2 * i + 1]] = [left[i], right[i]];
    super(pairs, 4);
    this.#names = ids;
    this.nBytes = ids.subarray(0, N_BYTES).filter((id) => id >= 0).length;
  }
  shown(id) {
    return this.#names[id];
  }
  known(bytes) {
    return this.nBytes === N_BYTES ? bytes : bytes.filter((byte) => this.#names[byte] >= 0);
  }
}

// Every merge that the full table makes in a word, in the order in which it makes them: the
// earliest merge next, from left to right. What a merge makes can only be part of later merges, so
// a tokenizer that has the first few merges only does exactly the first few of these steps.
export function mergeHistory(word, merges) {
  const bytes = merges.known(utf8(word));
  const end = bytes.length;
  const symbols = [...bytes];
  const before = bytes.map((_, i) => i - 1);
  const after = bytes.map((_, i) => i + 1);
  const pairAt = (i) => merges.id(symbols[i], symbols[after[i]]);
  const queue = new Queue();
  const look = (i) => {
    const id = i >= 0 && after[i] < end ? pairAt(i) : undefined;
    if (id !== undefined) queue.push(id * 2 ** 24 + i); // ordered by merge, then by place
  };
  for (let i = 0; i < end; i++) look(i);

  const steps = [];
  while (queue.size) {
    const next = queue.pop();
    const [id, at] = [Math.floor(next / 2 ** 24), next % 2 ** 24];
    const absorbed = after[at];
    if (absorbed >= end || pairAt(at) !== id) continue; // a neighbor has been merged since
    steps.push({ id, at, absorbed });
    [symbols[at], symbols[absorbed]] = [id, -1];
    after[at] = after[absorbed];
    before[after[at]] = at;
    look(before[at]);
    look(at);
  }
  return { word, bytes, steps };
}

// A priority queue of numbers, the smallest first: a binary heap.
class Queue {
  #heap = [];

  get size() {
    return this.#heap.length;
  }
  push(value) {
    const heap = this.#heap;
    let i = heap.length;
    for (let up; i && heap[(up = (i - 1) >> 1)] > value; i = up) heap[i] = heap[up];
    heap[i] = value;
  }
  pop() {
    const heap = this.#heap;
    const [least, last] = [heap[0], heap.pop()];
    if (!heap.length) return least;
    let i = 0;
    for (let down = 1; down < heap.length; down = 2 * i + 1) {
      if (heap[down + 1] < heap[down]) down += 1;
      if (heap[down] >= last) break;
      heap[i] = heap[down];
      i = down;
    }
    heap[i] = last;
    return least;
  }
}

// How many steps of a history use the first `nMerges` merges only.
export function stepsWithin({ steps }, nMerges) {
  let [low, high] = [0, steps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle].id < N_BYTES + nMerges) low = middle + 1;
    else high = middle;
  }
  return low;
}

// The ids of a word after the first `n` steps of its history.
export function idsAfter({ bytes, steps }, n) {
  const symbols = [...bytes];
  for (const { id, at, absorbed } of steps.slice(0, n)) {
    symbols[at] = id;
    symbols[absorbed] = -1;
  }
  return symbols.filter((id) => id >= 0);
}

// A function that returns a word's merge history and caches it.
export function historian(merges) {
  const known = new Map();
  return (word) => {
    if (!known.has(word)) {
      if (known.size >= MAX_WORDS) known.clear();
      known.set(word, mergeHistory(word, merges));
    }
    return known.get(word);
  };
}

// The ids of a text under the first `nMerges` merges.
export function encode(text, merges, { split = "gpt4", nMerges = merges.size } = {}) {
  const history = historian(merges);
  return splitText(text, split).flatMap((word) =>
    idsAfter(history(word), stepsWithin(history(word), nMerges)).map((id) => merges.shown(id)),
  );
}

// The merges that make the tokens of a word, in order: [{rank, left, right, made, times}]. The rank
// counts from 1, `times` says in how many places of the word the merge was made, the rest are ids.
export function mergeSteps(history, merges, nMerges = merges.size) {
  const rows = [];
  for (const { id } of history.steps.slice(0, stepsWithin(history, nMerges))) {
    if (rows.at(-1)?.made === id) {
      rows.at(-1).times += 1;
      continue;
    }
    const [left, right] = merges.parts(id);
    rows.push({ rank: id - N_BYTES + 1, left, right, made: id, times: 1 });
  }
  return rows;
}

// How long a text is: characters are code points, words are what white space separates.
export function countText(text) {
  const characters = Array.from(text).length;
  const words = text.match(/\P{White_Space}+/gu)?.length ?? 0;
  return { characters, bytes: utf8(text).length, words };
}

const RIGHT_TO_LEFT =
  /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

// "rtl" if the first letter of a text belongs to a script that runs from right to left.
export function direction(text) {
  return RIGHT_TO_LEFT.test(text.match(/\p{L}/u)?.[0] ?? "") ? "rtl" : "ltr";
}

// Which character each byte of a word belongs to, for the bytes that are known: {character, start,
// length}, the same object for all bytes of one character.
export function owners(word, merges) {
  const all = [];
  for (const character of word) {
    const bytes = utf8(character);
    const owner = { character, start: all.length, length: bytes.length };
    all.push(...merges.known(bytes).map(() => owner));
  }
  return all;
}

// A token in its word as parts to show, as of `decodeToken`. `owned` has the owner of each byte;
// a part of a character has a text `owner`, the character as one can show it.
export function decodePart(bytes, owned) {
  const parts = [];
  let [from, whole] = [0, false];
  const flush = (to) => {
    if (to <= from) return;
    const some = decodeToken(bytes.slice(from, to));
    if (!whole) {
      const [{ text }] = decodeToken(utf8(owned[from].character));
      for (const part of some) Object.assign(part, { owner: text });
    }
    parts.push(...some);
    from = to;
  };
  for (let i = 0; i < bytes.length; ) {
    let end = i + 1;
    while (owned[end] === owned[i] && end < bytes.length) end += 1;
    const isWhole = end - i === owned[i].length;
    if (!isWhole || !whole) flush(i);
    whole = isWhole;
    if (!whole) flush(end);
    i = end;
  }
  flush(bytes.length);
  return parts;
}

// "ltr" or "rtl" if a word has letters or digits with a direction of their own.
export function wordDirection(word) {
  if (RIGHT_TO_LEFT.test(word.match(/\p{L}/u)?.[0] ?? "")) return "rtl";
  return /[\p{L}\p{N}]/u.test(word) ? "ltr" : undefined;
}

// Words in runs of one direction: [{dir, from, to}]. Within a text that runs in direction `base`, a
// run of the other one reaches from its first to its last word, with the signs between them. `dir`
// is undefined for the rest.
export function directionRuns(words, base) {
  const runs = [];
  let [from, last] = [0, -1]; // of the open run: its start, and the last word of the other direction
  let other = false;
  const close = (to) => {
    if (to > from) runs.push({ dir: other ? (base === "rtl" ? "ltr" : "rtl") : undefined, from, to });
    from = to;
  };
  words.forEach((word, i) => {
    const direction = wordDirection(word);
    const breaks = /[\r\n]/.test(word);
    if (direction && direction !== base) {
      if (!other) close(i);
      [other, last] = [true, i];
    }
    if (other && (direction === base || breaks)) {
      close(last + 1);
      other = false;
    }
  });
  if (other) close(last + 1);
  other = false;
  close(words.length);
  return runs;
}
