// Which pages answer a query. A module without imports: the page and the tests give it MiniSearch.

// A section of a chapter is what a reader wants; the rest helps once the chapters are known.
const WEIGHTS = {
  chapter: 1,
  teaching: 0.6,
  exercises: 0.4,
  glossary: 0.35,
  cover: 0.2,
  reference: 0.15,
  api: 0.2,
};
const CODE = /[_()]|\w\.\w/; // a name of the package, not words
const SHOWN_SECTIONS = 3; // of one page
const REACH = 90; // characters of a snippet before and after the first word found

// What readers call what the book calls otherwise.
const SYNONYMS = {
  finetune: "finetuning",
  "fine-tuning": "finetuning",
  "fine tuning": "finetuning",
  pretraining: "pre-training",
  hallucinations: "hallucination",
  "making things up": "hallucination",
  "make things up": "hallucination",
  "makes things up": "hallucination",
  "nucleus sampling": "top-p",
  "top p": "top-p",
  "top k": "top-k",
  "min p": "min-p",
  sft: "supervised finetuning",
  "instruction tuning": "supervised finetuning",
  beta: "kl penalty", // its weight; formulas are not in the index
  "scaling laws": "chinchilla",
  "json mode": "structured output",
  "function calling": "structured output",
};

const EMPTY = new Set(
  "a an and are can do does for how i in is it of on or the this to what when why with".split(" "),
);

// What a query means: a word of the book for another one, and no words that every text has.
function meaning(query) {
  const text = query.trim().toLowerCase();
  const known = Object.keys(SYNONYMS).find(
    (name) => text === name || (name.includes(" ") && ` ${text} `.includes(` ${name} `)),
  );
  if (known) return SYNONYMS[known];
  const full = text.split(/\s+/).filter((word) => !EMPTY.has(word.replace(/[?.,!]/g, "")));
  return full.length ? full.join(" ") : text;
}

// Words as they are indexed: "top-p" is one word and its parts; a plural is its singular.
export function words(text) {
  const found = text.toLowerCase().match(/[\p{L}\p{N}_]+(?:[-'’][\p{L}\p{N}_]+)*/gu) ?? [];
  return found.flatMap((word) => {
    const whole = word.replace(/['’]s$/, "");
    const parts = whole.split(/[-'’]/).filter((part) => part.length > 2);
    return parts.length && whole.includes("-") ? [whole.replaceAll("-", ""), ...parts] : [whole];
  });
}
const singular = (word) => (/[^s]s$/.test(word) && word.length > 3 ? word.slice(0, -1) : word);
const plain = (text) => words(text).map(singular).join(" ");

export function makeIndex(MiniSearch, { sections, glossary }) {
  const index = new MiniSearch({
    fields: ["heading", "title", "text"],
    storeFields: [],
    tokenize: words,
    processTerm: singular,
  });
  index.addAll(sections.map((section, id) => ({ id, ...section })));
  const terms = new Map();
  for (const entry of glossary) for (const name of entry.names) terms.set(plain(name), entry);
  return { index, sections, terms };
}

// The glossary's entry for a query, if it is one of its terms.
export function definition({ terms }, query) {
  return terms.get(plain(query)) ?? terms.get(plain(meaning(query)));
}

const pageOf = (url) => url.split("#")[0];

// The pages that answer a query, best first: each {title, kind, url, sections: [{heading, url, text}]}.
export function search({ index, sections, terms }, query, most = 20) {
  const meant = meaning(query);
  const isCode = CODE.test(query);
  const options = {
    boost: { heading: 4, title: 3 },
    prefix: (term, i, all) => i === all.length - 1 && term.length > 2,
    weights: { prefix: 0.3, fuzzy: 0.1 },
    combineWith: "AND",
    boostDocument: (id) => (isCode && sections[id].kind === "api" ? 3 : WEIGHTS[sections[id].kind]),
  };
  const fuzzy = (term) => (term.length > 4 ? 0.2 : false);
  let found = index.search(meant, options);
  if (!found.length) found = index.search(meant, { ...options, fuzzy });
  if (!found.length) found = index.search(meant, { ...options, fuzzy, combineWith: "OR" });
  const pages = new Map();
  for (const { id, score } of found) {
    const { title, kind, url, heading, text } = sections[id];
    const key = kind === "glossary" || kind === "api" ? url : pageOf(url);
    const page = pages.get(key) ?? { title, kind, url: pageOf(url), score: 0, sections: [] };
    if (page.sections.length < SHOWN_SECTIONS) page.sections.push({ heading, url, text });
    page.score += score / (1 + page.sections.length ** 2); // many hits count, but the best most
    pages.set(key, page);
  }
  // A term of the glossary leads to the place that shows what it means.
  const entry = definition({ terms }, query);
  const target = entry?.shown.at(-1);
  const best = Math.max(0, ...[...pages.values()].map(({ score }) => score));
  if (target && !isCode) {
    const key = pageOf(target);
    const own = sections.find(({ url }) => url === key);
    const page = pages.get(key) ?? { title: own?.title, kind: own?.kind, url: key, sections: [] };
    const text = page.sections[0]?.text ?? own?.text ?? "";
    const rest = page.sections.slice(0, SHOWN_SECTIONS - 1);
    const first = { heading: "", url: target, text };
    if (own) pages.set(key, { ...page, sections: [first, ...rest], score: 1.5 * best + 1 });
  }
  return [...pages.values()].sort((a, b) => b.score - a.score).slice(0, most);
}

// A piece of text around the first word of the query, as parts; those that match are marked.
export function snippet(text, query) {
  const wanted = new Set(words(query).map(singular));
  const isWanted = (word) => {
    const own = words(word).map(singular);
    return own.some((w) => wanted.has(w) || [...wanted].some((q) => q.length > 3 && w.startsWith(q)));
  };
  const pieces = text.match(/\S+\s*/g) ?? [];
  const first = Math.max(0, pieces.findIndex(isWanted));
  const length = (from, to) => pieces.slice(from, to).reduce((sum, piece) => sum + piece.length, 0);
  let [start, end] = [first, first];
  while (start > 0 && length(start - 1, first) < REACH) start -= 1;
  while (end < pieces.length && length(first, end + 1) < 2 * REACH) end += 1;
  const parts = pieces.slice(start, end).map((piece) => ({ text: piece, marked: isWanted(piece) }));
  if (start > 0) parts.unshift({ text: "… ", marked: false });
  if (end < pieces.length) parts.push({ text: "…", marked: false });
  return parts;
}
