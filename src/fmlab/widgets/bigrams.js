// A bigram model in the page: that of fmlab.models.NGramModel, from counts of pairs of tokens.

export class Bigrams {
  ids = [];
  #rows = new Map(); // by context: the tokens that followed it, and how often each did
  #alone; // the probability of each token without a context

  // `data` is a file of fmlab.models.bigram_file, unzipped.
  constructor(data) {
    const end = data.indexOf(10);
    const { size, pairs, tokenizer } = JSON.parse(new TextDecoder().decode(data.subarray(0, end)));
    const column = (first) => {
      const byte = (i, place) => data[first + place * pairs + i] << (8 * place);
      return (i) => byte(i, 0) | byte(i, 1) | byte(i, 2);
    };
    const [step, count] = [column(end + 1), column(end + 1 + 3 * pairs)];
    const alone = { tokens: Array.from({ length: size }, (_, id) => id), counts: Array(size).fill(0) };
    for (let i = 0, pair = 0; i < pairs; i++) {
      pair += step(i);
      const [context, token] = [Math.floor(pair / (size + 1)), pair % (size + 1)];
      if (!this.#rows.has(context)) this.#rows.set(context, { tokens: [], counts: [] });
      const row = this.#rows.get(context);
      row.tokens.push(token);
      row.counts.push(count(i));
      alone.counts[token] += count(i);
    }
    this.tokenizer = new Tokenizer(tokenizer);
    this.size = size;
    this.#alone = interpolate(alone, new Float64Array(size).fill(1 / size));
  }
  // Reads a text as the beginning of a document.
  start(text) {
    this.ids = this.tokenizer.prompt(text);
  }
  // The probability of every token at a position, given the token before it.
  probabilities(position) {
    const context = position === 1 ? this.size : this.ids[position - 1];
    const row = this.#rows.get(context);
    return row ? interpolate(row, this.#alone) : this.#alone;
  }
}

// (count + d p) / (total + d), where d is how many different tokens followed the context, and p is
// what a shorter context predicts.
function interpolate({ tokens, counts }, shorter) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const followers = counts.filter(Boolean).length;
  const mixed = shorter.map((p) => (followers * p) / (total + followers));
  tokens.forEach((token, i) => (mixed[token] += counts[i] / (total + followers)));
  return mixed;
}
