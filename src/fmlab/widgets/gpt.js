// GPT-2's forward pass in the page, equal to fmlab.models.GPT up to the rounding of 32-bit floats.
// Shapes: T positions, V vocabulary, D model width, H heads, d = D / H width of a head.

// The value of every 16-bit float, by its bits.
const HALF = Float32Array.from({ length: 2 ** 16 }, (_, bits) => {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
});

// The tensors of a safetensors file by name, each {shape, values} with 32-bit floats. The file is
// the length of a JSON header in 8 bytes, the header, and the numbers. Errors: for a damaged file,
// and for numbers that are neither 16 nor 32 bits wide.
export function readSafetensors(buffer) {
  const start = 8 + Number(new DataView(buffer).getBigUint64(0, true));
  if (!(start <= buffer.byteLength)) throw new Error("the file of weights is damaged");
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, start - 8)));
  const tensors = new Map();
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const size = shape.reduce((product, n) => product * n, 1);
    const bytes = buffer.slice(start + offsets[0], start + offsets[1]);
    const width = { F16: 2, F32: 4 }[dtype];
    if (!width) throw new Error(`weights of type ${dtype} cannot be read`);
    if (bytes.byteLength !== width * size) throw new Error("the file of weights is damaged");
    const values =
      dtype === "F32"
        ? new Float32Array(bytes)
        : Float32Array.from(new Uint16Array(bytes), (bits) => HALF[bits]);
    tensors.set(name, { shape, values });
  }
  return tensors;
}

// A model that reads tokens one after the other. It keeps the queries, keys and values of every
// layer and the last hidden states, so logits and attention weights of earlier positions can be
// computed when they are asked for. `config` is the config.json of Hugging Face's GPT-2.
export class GPT {
  #layers;
  #embedding; // (V, D), which is also the output layer
  #positions; // (T, D)
  #lastNorm;
  #hidden; // (T, D)
  #scratch;

  constructor(config, tensors) {
    const { vocab_size: V, n_positions: T, n_embd: D, n_layer: L, n_head: H } = config;
    const take = (name, ...shape) => {
      const tensor = tensors.get(`transformer.${name}`);
      if (!tensor || String(tensor.shape) !== String(shape))
        throw new Error(`the weights have no ${name} of shape ${shape.join(" x ")}`);
      return tensor.values;
    };
    const norm = (name) => ({ gain: take(`${name}.weight`, D), bias: take(`${name}.bias`, D) });
    const linear = (name, nIn, nOut) => ({
      nIn,
      nOut,
      weight: transposed(take(`${name}.weight`, nIn, nOut), nIn, nOut),
      bias: take(`${name}.bias`, nOut),
    });
    this.#layers = Array.from({ length: L }, (_, i) => ({
      beforeAttention: norm(`h.${i}.ln_1`),
      toHeads: linear(`h.${i}.attn.c_attn`, D, 3 * D),
      fromHeads: linear(`h.${i}.attn.c_proj`, D, D),
      beforeMLP: norm(`h.${i}.ln_2`),
      widen: linear(`h.${i}.mlp.c_fc`, D, 4 * D),
      narrow: linear(`h.${i}.mlp.c_proj`, 4 * D, D),
      heads: new Float32Array(T * 3 * D), // of every position: H queries, H keys, H values
    }));
    this.#embedding = { nIn: D, nOut: V, weight: take("wte.weight", V, D) };
    this.#positions = take("wpe.weight", T, D);
    this.#lastNorm = norm("ln_f");
    this.#hidden = new Float32Array(T * D);
    const rows = (width) => new Float32Array(T * width);
    this.#scratch = { x: rows(D), y: rows(D), wide: rows(4 * D), scores: new Float32Array(T) };
    Object.assign(this, { vocabSize: V, contextLength: T, nLayers: L, nHeads: H, width: D });
    this.length = 0; // the number of tokens read
  }

  // Reads tokens: the whole prompt in one pass (prefill), then one at a time. Nothing is computed
  // again for the tokens before them.
  read(ids) {
    const { width: D, length: past } = this;
    const n = ids.length;
    if (past + n > this.contextLength) throw new RangeError("the context is full");
    const x = this.#scratch.x.subarray(0, n * D); // the residual stream
    ids.forEach((id, t) => {
      if (!(id >= 0 && id < this.vocabSize)) throw new RangeError(`there is no token ${id}`);
      for (let i = 0; i < D; i++)
        x[t * D + i] = this.#embedding.weight[id * D + i] + this.#positions[(past + t) * D + i];
    });
    for (const layer of this.#layers) this.#pass(layer, x, n);
    normalize(x, n, this.#lastNorm, this.#hidden.subarray(past * D, (past + n) * D));
    this.length += n;
  }

  // Forgets all tokens but the first `n`.
  truncate(n) {
    this.length = Math.min(this.length, n);
  }

  // The logits (V,) of the token after a position.
  logits(position = this.length - 1) {
    const logits = new Float32Array(this.vocabSize);
    const row = this.#hidden.subarray(position * this.width, (position + 1) * this.width);
    multiply(row, 1, this.#embedding, logits);
    return logits;
  }

  // How much a position attends to each position up to itself: (position + 1,).
  attention(layer, head, position = this.length - 1) {
    const weights = new Float32Array(position + 1);
    attend(this.#layers[layer].heads, this.width, this.width / this.nHeads, head, position, weights);
    return weights;
  }

  // The scores q k^T of a head, row by row (T, T): neither divided by sqrt(d) nor masked.
  scores(layer, head) {
    const [D, T, d] = [this.width, this.length, this.width / this.nHeads];
    const { heads } = this.#layers[layer];
    return Float64Array.from({ length: T * T }, (_, i) => {
      return Math.sqrt(d) * score(heads, D, d, head, Math.floor(i / T), i % T);
    });
  }

  // Every number on the way of a token that has been read, from its embedding to the logits: the
  // same pass for one position, with the keys and values that were kept.
  trace(id, position) {
    const { width: D, nHeads: H } = this;
    const d = D / H;
    const embedding = this.#embedding.weight.slice(id * D, (id + 1) * D);
    const place = this.#positions.slice(position * D, (position + 1) * D);
    const x = embedding.map((value, i) => value + place[i]);
    const add = (added) => added.forEach((value, i) => (x[i] += value));
    const layers = this.#layers.map((layer) => {
      const [before, attention, normed, mlp] = [x.slice(), ...rowsOf(3, D)];
      const [mixed, hidden] = [new Float32Array(D), new Float32Array(4 * D)];
      const heads = Array.from({ length: H }, (_, head) => {
        const at = (part, j) => j * 3 * D + part * D + head * d;
        const own = (part, j = position) => layer.heads.slice(at(part, j), at(part, j) + d);
        const [scores, weights] = rowsOf(2, position + 1);
        for (let j = 0; j <= position; j++) scores[j] = score(layer.heads, D, d, head, position, j);
        attend(layer.heads, D, d, head, position, weights);
        average(layer.heads, D, d, head, position, weights, mixed);
        const output = mixed.slice(head * d, (head + 1) * d);
        const values = Array.from(weights, (_, j) => own(2, j));
        return { query: own(0), key: own(1), values, scores, weights, output };
      });
      multiply(mixed, 1, layer.fromHeads, attention);
      add(attention);
      const between = x.slice();
      normalize(x, 1, layer.beforeMLP, normed);
      multiply(normed, 1, layer.widen, hidden);
      gelu(hidden, 4 * D);
      multiply(hidden, 1, layer.narrow, mlp);
      add(mlp);
      return { before, heads, attention, between, hidden, mlp, after: x.slice() };
    });
    const last = new Float32Array(D);
    normalize(x, 1, this.#lastNorm, last);
    const logits = new Float32Array(this.vocabSize);
    multiply(last, 1, this.#embedding, logits);
    return { embedding, place, layers, last, logits };
  }

  // One block: x, n rows of the residual stream, is changed in place.
  #pass(layer, x, n) {
    const { width: D, length: past, nHeads: H } = this;
    const { y, wide, scores } = this.#scratch;
    const added = wide.subarray(0, n * D);
    normalize(x, n, layer.beforeAttention, y);
    multiply(y, n, layer.toHeads, layer.heads.subarray(past * 3 * D, (past + n) * 3 * D));
    for (let t = 0; t < n; t++) {
      const output = y.subarray(t * D, (t + 1) * D).fill(0);
      for (let head = 0; head < H; head++) {
        attend(layer.heads, D, D / H, head, past + t, scores);
        average(layer.heads, D, D / H, head, past + t, scores, output);
      }
    }
    multiply(y, n, layer.fromHeads, added);
    for (let i = 0; i < n * D; i++) x[i] += added[i];
    normalize(x, n, layer.beforeMLP, y);
    multiply(y, n, layer.widen, wide);
    gelu(wide, 4 * n * D);
    multiply(wide, n, layer.narrow, y);
    for (let i = 0; i < n * D; i++) x[i] += y[i];
  }
}

const rowsOf = (n, width) => Array.from({ length: n }, () => new Float32Array(width));

function transposed(matrix, nRows, nColumns) {
  const result = new Float32Array(matrix.length);
  for (let r = 0; r < nRows; r++)
    for (let c = 0; c < nColumns; c++) result[c * nRows + r] = matrix[r * nColumns + c];
  return result;
}

// y = x weight^T + bias: x (n, nIn), weight (nOut, nIn), y (n, nOut). A processor adds up four sums
// side by side: those of four rows of x where there are as many, or four parts of one.
function multiply(x, n, { weight, bias, nIn, nOut }, y) {
  for (let o = 0, row = 0; o < nOut; o++, row += nIn) {
    const start = bias ? bias[o] : 0;
    let t = 0;
    for (; t + 4 <= n; t += 4) {
      const [first, second, third, fourth] = [t * nIn, (t + 1) * nIn, (t + 2) * nIn, (t + 3) * nIn];
      let [a, b, c, d] = [start, start, start, start];
      for (let i = 0; i < nIn; i++) {
        const w = weight[row + i];
        a += w * x[first + i];
        b += w * x[second + i];
        c += w * x[third + i];
        d += w * x[fourth + i];
      }
      y[t * nOut + o] = a;
      y[(t + 1) * nOut + o] = b;
      y[(t + 2) * nOut + o] = c;
      y[(t + 3) * nOut + o] = d;
    }
    for (let at = t * nIn; t < n; t++, at += nIn) {
      let [a, b, c, d] = [start, 0, 0, 0];
      for (let i = 0; i < nIn; i += 4) {
        a += weight[row + i] * x[at + i];
        b += weight[row + i + 1] * x[at + i + 1];
        c += weight[row + i + 2] * x[at + i + 2];
        d += weight[row + i + 3] * x[at + i + 3];
      }
      y[t * nOut + o] = a + b + (c + d);
    }
  }
}

// LayerNorm of n rows of x, written to y.
function normalize(x, n, { gain, bias }, y) {
  const width = gain.length;
  for (let start = 0; start < n * width; start += width) {
    let [mean, variance] = [0, 0];
    for (let i = 0; i < width; i++) mean += x[start + i] / width;
    for (let i = 0; i < width; i++) variance += (x[start + i] - mean) ** 2 / width;
    const scale = 1 / Math.sqrt(variance + 1e-5);
    for (let i = 0; i < width; i++)
      y[start + i] = (x[start + i] - mean) * scale * gain[i] + bias[i];
  }
}

// How well the query of a position fits the key of position j: q k^T / sqrt(d).
function score(heads, D, d, head, position, j) {
  const [query, key] = [position * 3 * D + head * d, j * 3 * D + D + head * d];
  let sum = 0;
  for (let i = 0; i < d; i++) sum += heads[query + i] * heads[key + i];
  return sum / Math.sqrt(d);
}

// The attention weights of a head at a position, the softmax of its scores, written to `weights`.
function attend(heads, D, d, head, position, weights) {
  let largest = -Infinity;
  for (let j = 0; j <= position; j++) {
    weights[j] = score(heads, D, d, head, position, j);
    largest = Math.max(largest, weights[j]);
  }
  let sum = 0;
  for (let j = 0; j <= position; j++) sum += weights[j] = Math.exp(weights[j] - largest);
  for (let j = 0; j <= position; j++) weights[j] /= sum;
}

// The average of the head's values with these weights, added to the head's part of the output.
function average(heads, D, d, head, position, weights, output) {
  for (let j = 0; j <= position; j++) {
    const value = j * 3 * D + 2 * D + head * d;
    for (let i = 0; i < d; i++) output[head * d + i] += weights[j] * heads[value + i];
  }
}

// GELU, by the approximation with tanh that GPT-2 uses, in place.
function gelu(x, n) {
  const scale = Math.sqrt(2 / Math.PI);
  for (let i = 0; i < n; i++) {
    const v = x[i];
    x[i] = 0.5 * v * (1 + Math.tanh(scale * (v + 0.044715 * v * v * v)));
  }
}
