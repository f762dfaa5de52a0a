// The arithmetic of the mask explorer, that of fmlab.constrained, and its reasons in words.
// A state is [1 if the text may end here, else 0, first byte, last byte, next state, ...].

const DEAD = -1; // no text of the format begins like this
const [ROWS, ALLOWED_ROWS] = [10, 5]; // of the table, and how many are allowed; as in masks.py

// The state after a byte.
export function nextState(states, state, byte) {
  const row = states[state];
  for (let i = 1; i < row.length; i += 3)
    if (byte >= row[i] && byte <= row[i + 1]) return row[i + 2];
  return DEAD;
}

// How many of the bytes the automaton can read, and the state after these.
export function readBytes(states, state, bytes) {
  for (let n = 0; n < bytes.length; n++) {
    const next = nextState(states, state, bytes[n]);
    if (next === DEAD) return { n, state };
    state = next;
  }
  return { n: bytes.length, state };
}

// The state after tokens: a number, or DEAD. An end token leads to no other state.
export function stateAfter(format, { tokens, special, end }, ids) {
  let state = 0;
  for (const id of ids) {
    if (id === end) continue;
    const read = special.includes(id) ? { n: -1 } : readBytes(format.states, state, tokens[id]);
    if (read.n < tokens[id].length) return DEAD;
    state = read.state;
  }
  return state;
}

// The mask: for each token 1 if it may come next, else 0.
export function allowedTokens({ states }, { tokens, special, end }, state) {
  const mask = new Uint8Array(tokens.length);
  if (state === DEAD) return mask;
  const isText = (bytes) => bytes.length && readBytes(states, state, bytes).n === bytes.length;
  tokens.forEach((bytes, id) => (mask[id] = isText(bytes) ? 1 : 0));
  for (const id of special) mask[id] = 0;
  mask[end] = states[state][0];
  return mask;
}

// What the table shows of a distribution: the probability of all allowed tokens, `mass`, and rows
// {id, p}: the likeliest allowed tokens and the likeliest of the others.
export function tableRows(probs, mask) {
  const order = rank(probs);
  const fitting = [...order.filter((id) => mask[id]).subarray(0, ALLOWED_ROWS)];
  const others = order.filter((id) => !fitting.includes(id)).subarray(0, ROWS - fitting.length);
  const rows = [...fitting, ...others].map((id) => ({ id, p: probs[id] }));
  const mass = probs.reduce((sum, p, id) => sum + (mask[id] ? p : 0), 0);
  return { mass, rows: rows.sort((a, b) => b.p - a.p || a.id - b.id) };
}

// The numbers of a line of text.
export const numbersOf = (line) => line.split(" ").map(Number);

// The same from what Python recorded: mass, id, p, id, p, ...
export function recordedRows(line) {
  const [mass, ...pairs] = numbersOf(line);
  const rows = [];
  for (let i = 0; i < pairs.length; i += 2) rows.push({ id: pairs[i], p: pairs[i + 1] });
  return { mass, rows };
}

const visibleBytes = (bytes) => decodeToken(Uint8Array.from(bytes)).map(({ text }) => text).join("");
const quoted = (bytes) => `“${visibleBytes(bytes)}”`;

// "a, b, or c"
function alternatives(parts) {
  if (parts.length < 3) return parts.join(" or ");
  return `${parts.slice(0, -1).join(", ")}, or ${parts.at(-1)}`;
}

// The texts that may still follow, as bytes, if they are few and short; else undefined.
function remaining(states, state, most = 4, longest = 24) {
  const [found, open] = [[], [{ state, bytes: [] }]];
  while (open.length) {
    const { state, bytes } = open.pop();
    if (states[state][0]) found.push(bytes);
    if (found.length + open.length > most || bytes.length > longest) return undefined;
    const row = states[state];
    for (let i = row.length - 3; i > 0; i -= 3) {
      if (row[i + 1] - row[i] > most) return undefined;
      for (let byte = row[i + 1]; byte >= row[i]; byte--)
        open.push({ state: row[i + 2], bytes: [...bytes, byte] });
    }
  }
  return found;
}

// The bytes that must follow, whatever comes after them.
function forced(states, state) {
  const bytes = [];
  for (let row = states[state]; !row[0] && row.length === 4 && row[1] === row[2]; row = states[row[3]]) {
    bytes.push(row[1]);
    if (bytes.length > 60) break;
  }
  return bytes;
}

const SETS = [
  ["a digit", "0123456789"],
  ["an uppercase letter", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"],
  ["a lowercase letter", "abcdefghijklmnopqrstuvwxyz"],
];

// The characters that may come next, in words; those that lead to the same state together.
function classes(states, state) {
  const [groups, row] = [new Map(), states[state]];
  let beyond = false; // of ASCII
  for (let i = 1; i < row.length; i += 3) {
    for (let byte = row[i]; byte <= row[i + 1]; byte++) {
      if (byte > 0x7e) beyond = true;
      else groups.set(row[i + 2], [...(groups.get(row[i + 2]) ?? []), byte]);
    }
  }
  if (!groups.size && beyond) return ["the rest of a character"];
  const words = [];
  const large = [...groups.values()].some((bytes) => bytes.length > 64);
  let few = [...groups.values()].filter((bytes) => bytes.length <= 64).flat();
  for (const [name, text] of SETS) {
    const codes = [...text].map((sign) => sign.charCodeAt(0));
    if (!codes.every((code) => few.includes(code))) continue;
    words.push(name);
    few = few.filter((code) => !codes.includes(code));
  }
  words.unshift(...few.map((byte) => quoted([byte])));
  if (large) words.push(words.length ? "any other character" : "any character");
  return words;
}

// What the format expects in a state, in words.
export function expected(states, state) {
  const isEnd = states[state][0];
  const texts = remaining(states, state);
  if (texts) return alternatives(texts.map((bytes) => (bytes.length ? quoted(bytes) : "the end")));
  const bytes = forced(states, state);
  if (bytes.length) return quoted(bytes);
  return alternatives([...classes(states, state), ...(isEnd ? ["the end"] : [])]);
}

// Why a token must not come next, in words.
export function refusal(states, state, bytes) {
  if (states[state].length === 1) return "the text is complete";
  if (!bytes) return "the text isn't complete";
  const read = readBytes(states, state, bytes);
  const next = decodeToken(bytes.slice(read.n))[0]; // a part; its first character is the trouble
  const sign = next.kind === "text" ? [...next.text][0] : next.text;
  if (!read.n) return `“${sign}” can't come here`;
  const first = quoted(bytes.slice(0, read.n));
  if (states[read.state].length === 1) return `the text ends after ${first}`;
  const words = expected(states, read.state);
  if (words.length > 30) return `“${sign}” can't follow ${first}`;
  return `expects ${words} after ${first}`;
}
