// The arithmetic of the mixture explorer: an n-gram model of bytes, as fmlab.models.ngram.

const BASE = 257; // 256 bytes, and the marker that stands before a text
const MIN_BYTES = 100;
const TRAINED = 0.8; // of a text; the rest is held out
const WRITTEN = 240;

// The n-gram of `order` bytes that ends at each byte, as one number.
function ngrams(bytes, order) {
  const limit = BASE ** (order - 1);
  let key = limit - 1; // order - 1 start markers: the digits 256
  return Array.from(bytes, (byte) => {
    key = (key % limit) * BASE + byte;
    return key;
  });
}

// How often each n-gram of an order occurs, and by context: its total and its different followers.
function tableOf(texts, order) {
  const [counts, contexts] = [new Map(), new Map()];
  for (const text of texts)
    for (const ngram of ngrams(text, order)) {
      const count = counts.get(ngram) ?? 0;
      counts.set(ngram, count + 1);
      const context = Math.floor(ngram / BASE);
      const seen = contexts.get(context);
      if (!seen) contexts.set(context, { total: 1, followers: 1 });
      else {
        seen.total++;
        seen.followers += count === 0;
      }
    }
  return { counts, contexts };
}

// The tables of all orders up to n.
export const train = (texts, n) => Array.from({ length: n }, (_, i) => tableOf(texts, i + 1));

// The probability of the last byte of n-grams, one of each order, the shortest first.
function probability(tables, keys) {
  let p = 1 / 256;
  tables.forEach(({ counts, contexts }, i) => {
    const context = contexts.get(Math.floor(keys[i] / BASE));
    if (!context) return;
    const { total, followers } = context;
    p = ((counts.get(keys[i]) ?? 0) + followers * p) / (total + followers);
  });
  return p;
}

// The mean loss on a text, in bits per byte.
export function bitsPerByte(tables, text) {
  const keys = tables.map((_, i) => ngrams(text, i + 1));
  let sum = 0;
  for (let at = 0; at < text.length; at++)
    sum -= Math.log2(probability(tables, keys.map((row) => row[at])));
  return sum / text.length;
}

// What the model writes, drawn byte by byte from the bytes that it has read.
export function writes(tables, seed) {
  const known = [...tables[0].counts.keys()].sort((a, b) => a - b);
  const written = [];
  for (let i = 0; i < WRITTEN; i++) {
    const contexts = tables.map((_, k) => contextOf(written, k));
    const probs = known.map((byte) => probability(tables, contexts.map((context) => context * BASE + byte)));
    const limit = uniform(seed, i) * probs.reduce((a, b) => a + b);
    let sum = 0;
    const place = probs.findIndex((p) => (sum += p) > limit);
    written.push(known[place < 0 ? known.length - 1 : place]);
  }
  return new TextDecoder().decode(Uint8Array.from(written));
}

// The last k bytes as one number; before the text stand markers.
function contextOf(bytes, k) {
  let context = 0;
  for (let i = bytes.length - k; i < bytes.length; i++) context = context * BASE + (i < 0 ? BASE - 1 : bytes[i]);
  return context;
}

// The bytes of both texts to train and to test on, as many of each as the shorter text has; null if it is too short.
export function parts(first, second) {
  const texts = [first, second].map((text) => new TextEncoder().encode(text));
  const end = Math.min(...texts.map(({ length }) => length));
  if (end < MIN_BYTES) return null;
  const middle = Math.floor(TRAINED * end);
  return texts.map((text) => ({ training: text.slice(0, middle), test: text.slice(middle, end) }));
}

// The model of a mixture: `share` of the bytes that it reads are from the second text.
export function mixed([first, second], share, n) {
  const size = first.training.length;
  const k = Math.floor(share * size + 0.5);
  return train([first.training.slice(0, size - k), second.training.slice(0, k)], n);
}

export const lossesOf = (tables, both) => both.map(({ test }) => bitsPerByte(tables, test));
