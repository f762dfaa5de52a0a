// The arithmetic of the sampling explorer and the playground: that of fmlab.sampling.

// A sum that is relatively this close to its goal has reached it; the rest is rounding.
const ROUNDING = 1e-12;

// The ids from the most to the least likely, ties to the lower id. No temperature changes this.
export function rank(logits) {
  const before = (i, j) => (logits[j] > logits[i] ? 1 : logits[j] < logits[i] ? -1 : i - j);
  return Uint32Array.from(logits, (_, i) => i).sort(before);
}

// Probabilities by id. At temperature 0 the first of the largest logits has probability 1.
export function softmax(logits, temperature = 1) {
  const largest = logits.reduce((most, logit) => Math.max(most, logit), -Infinity);
  if (temperature === 0) {
    const argmax = logits.indexOf(largest);
    return Float64Array.from(logits, (_, i) => (i === argmax ? 1 : 0));
  }
  // Loops, because a large vocabulary has to be done within a frame.
  const probs = new Float64Array(logits.length);
  let total = 0;
  for (let i = 0; i < probs.length; i++) {
    total += probs[i] = Math.exp((logits[i] - largest) / temperature);
  }
  for (let i = 0; i < probs.length; i++) probs[i] /= total;
  return probs;
}

// The probability of the first one, first two, ... ids of an order.
export function cumulative(probs, order) {
  const sums = new Float64Array(order.length);
  let sum = 0;
  for (let i = 0; i < order.length; i++) sums[i] = sum += probs[order[i]];
  return sums;
}

// In bits.
export function entropy(probs) {
  let sum = 0;
  for (let i = 0; i < probs.length; i++) if (probs[i] > 0) sum -= probs[i] * Math.log2(probs[i]);
  return Math.max(0, sum);
}

// Temperature, top-k, top-p and min-p, in this order. Every step keeps a prefix of the
// order from the most to the least likely id, so it is enough to find the length of each prefix.
// `tempered` is the distribution after temperature and `masses` its cumulative sums in that order;
// a step has the number of tokens `left` and their `mass` in `tempered`; `probs`, by id, is the
// distribution to sample from. A result at the same temperature can be handed in as `earlier`.
export function restrict(logits, settings = {}, order = rank(logits), earlier = undefined) {
  const { temperature = 1, topK = 0, topP = 1, minP = 0 } = settings;
  const tempered = earlier?.tempered ?? softmax(logits, temperature);
  const masses = earlier?.masses ?? cumulative(tempered, order);
  const warm = temperature === 0 ? 1 : order.length;
  const top = Math.min(warm, topK || warm);
  const nucleus = topP < 1 ? reach(masses, top, topP * masses[top - 1]) : top;
  const least = minP * tempered[order[0]] * (1 - ROUNDING);
  const likely = minP > 0 ? order.subarray(0, nucleus).findIndex((id) => tempered[id] < least) : -1;
  const kept = likely < 0 ? nucleus : likely;

  const names = ["temperature", "top-k", "top-p", "min-p"];
  const steps = [warm, top, nucleus, kept].map((left, i) => {
    return { name: names[i], left, mass: masses[left - 1] };
  });
  const probs = new Float64Array(order.length);
  for (let i = 0; i < kept; i++) probs[order[i]] = tempered[order[i]] / masses[kept - 1];
  return { tempered, order, masses, steps, probs };
}

// How many of the first `n` masses it takes to reach a goal; at least one.
function reach(masses, n, goal) {
  const enough = masses.subarray(0, n).findIndex((mass) => mass >= goal * (1 - ROUNDING));
  return enough < 0 ? n : enough + 1;
}

// The ids whose intervals contain the uniform numbers: [0, 1) is divided among the ids, in order,
// in proportion to their probabilities.
export function draw(probs, uniforms) {
  let total = 0;
  const ends = probs.map((p) => (total += p));
  return Array.from(uniforms, (uniform) => {
    let [low, high] = [0, ends.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ends[middle] / total > uniform) high = middle;
      else low = middle + 1;
    }
    return low;
  });
}

// Number `i` of the uniform numbers in [0, 1) that belong to a seed: mulberry32, which is a counter
// and a mixer. Consecutive seeds give unrelated numbers.
export function uniform(seed, i) {
  let z = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) + Math.imul(i + 1, 0x6d2b79f5)) | 0;
  z = Math.imul(z ^ (z >>> 15), z | 1);
  z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
  return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
}

// The total variation distance between `n` draws, counted by id, and their distribution.
export function distance(counts, n, probs) {
  return probs.reduce((sum, p, id) => sum + Math.abs(counts[id] / n - p), 0) / 2;
}

// What that distance is on average: for each id the mean absolute deviation of a binomial count,
// in de Moivre's closed form, 2 m C(n, m) p^m (1 - p)^(n - m + 1), m the smallest integer > np.
export function expectedDistance(n, probs) {
  const deviation = (p) => {
    const m = Math.floor(n * p) + 1;
    if (p <= 0 || m > n) return 0;
    const logChoose = logFactorial(n) - logFactorial(m) - logFactorial(n - m);
    return 2 * m * Math.exp(logChoose + m * Math.log(p) + (n - m + 1) * Math.log1p(-p));
  };
  return probs.reduce((sum, p) => sum + deviation(p), 0) / (2 * n);
}

// Stirling's series; below 10, where it is not accurate enough, the sum.
function logFactorial(n) {
  let sum = 0;
  for (let i = 2; i <= n && n < 10; i++) sum += Math.log(i);
  if (n < 10) return sum;
  return (
    n * Math.log(n) - n + Math.log(2 * Math.PI * n) / 2 + 1 / (12 * n) - 1 / (360 * n ** 3) +
    1 / (1260 * n ** 5)
  );
}

// Unpack what Python packed: rows of 32-bit floats; tokens, each after its length in two bytes.
export function unpackRows(packed, nRows) {
  const view = viewOf(packed);
  const n = view.byteLength / 4 / nRows;
  return Array.from({ length: nRows }, (_, row) =>
    Float64Array.from({ length: n }, (_, i) => view.getFloat32(4 * (row * n + i), true)),
  );
}
export function unpackTokens(packed) {
  const view = viewOf(packed);
  const tokens = [];
  for (let at = 0; at < view.byteLength; ) {
    const length = view.getUint16(at, true);
    tokens.push(new Uint8Array(view.buffer, view.byteOffset + at + 2, length));
    at += 2 + length;
  }
  return tokens;
}
const viewOf = ({ buffer, byteOffset, byteLength }) => new DataView(buffer, byteOffset, byteLength);

// The values of the slider of top-k: every number up to 20, then round ones, and the size of the
// vocabulary, which means off.
export function topKStops(size) {
  const round = [25, 30, 35, 40, 45, 50, 60, 70, 80, 90, 100, 120, 140, 160, 180, 200];
  const stops = [...Array(20).keys()].map((i) => i + 1);
  for (let unit = 1; stops.at(-1) < size; unit *= 10) stops.push(...round.map((n) => n * unit));
  return [...new Set(stops)].filter((stop) => stop < size).concat(size);
}

// A probability as short text, never 0% or 100% unless it is exactly that, up to rounding.
export function percent(probability) {
  const value = 100 * probability;
  if (value === 0 || value > 100 - 1e-9) return value ? "100%" : "0%";
  if (value < 0.005) return "<0.01%";
  if (value >= 99.95) return ">99.9%";
  return `${value.toFixed(value < 9.995 ? 2 : 1)}%`;
}
