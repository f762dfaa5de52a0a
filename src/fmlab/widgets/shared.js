// What the widgets of the book share. Python puts this text before a widget's own script, because
// a widget's module can import nothing. Text reaches the page as text nodes only, never as HTML.

// An element with attributes (false and null leave one out), listeners (functions) and children.
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== false && value != null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

// The same in a picture: an SVG element, described by its attributes alone.
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// The frame of a widget: its title, what it holds, and a line that screen readers read out.
export function frame(el, { kind, title }, ...children) {
  const id = newId();
  const voice = h("p", { class: "fml-unseen", "aria-live": "polite" });
  const root = h(
    "div",
    { class: `fml ${kind}`, role: "group", "aria-labelledby": id, keydown: keepPlainKeys },
    h("p", { class: "fml-title", id }, title),
    ...children,
    voice,
  );
  el.replaceChildren(root);
  return { root, say: later((text) => (voice.textContent = text), 700) };
}

// In JupyterLab a plain key outside a text field is a command: arrows move from cell to cell. A key
// pressed inside a widget is meant for the widget; Escape and combinations still reach JupyterLab.
function keepPlainKeys(event) {
  const combined = event.ctrlKey || event.metaKey || event.altKey;
  if (!combined && event.key !== "Escape") event.stopPropagation();
}

// An id that no other element of the page has, other widgets' included.
export const newId = () => `fml-${Math.random().toString(36).slice(2, 10)}`;

// A function that calls back once, `delay` ms after the last of a series of calls.
export function later(callback, delay) {
  let timer;
  const call = (...values) => {
    clearTimeout(timer);
    timer = setTimeout(callback, delay, ...values);
  };
  call.cancel = () => clearTimeout(timer);
  return call;
}

// Listeners of a field that is read a moment after the last key, and at once when the focus leaves it:
// a redraw resets a field without the focus.
export function whenTyped(commit, delay) {
  const typed = later(commit, delay);
  const change = () => {
    typed.cancel();
    commit();
  };
  return { input: typed, change };
}

// A function that calls back once before the next frame, however often it is called until then.
export function beforePaint(callback) {
  let request = 0;
  const call = () => {
    request ||= requestAnimationFrame(() => {
      request = 0;
      callback();
    });
  };
  call.cancel = () => cancelAnimationFrame(request);
  return call;
}

// Calls back whenever one of the traits changes; returns what ends that.
export function watch(model, names, callback) {
  for (const name of names) model.on(`change:${name}`, callback);
  return () => {
    for (const name of names) model.off(`change:${name}`, callback);
  };
}

// Draws a framed widget, and again before the next frame after a trait has changed; its title
// follows the trait `title`. Returns `drawSoon`, for other reasons to draw, and `end`.
export function keepDrawn(model, names, { root, say }, draw) {
  draw();
  const drawSoon = beforePaint(draw);
  const heading = root.querySelector(".fml-title"); // Python may write there what it generates
  const unwatch = [
    watch(model, names, drawSoon),
    watch(model, ["title"], () => write(heading, model.get("title"))),
  ];
  const end = () => {
    for (const stop of unwatch) stop();
    drawSoon.cancel();
    say.cancel();
    root.remove();
  };
  return { drawSoon, end };
}

// Writes only if the text differs: every write makes the browser lay the node out again.
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Sets traits and, if there is a kernel, sends them to it.
export function update(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
}

// 12345 -> "12,345"; with `digits`, that many after the point. What is not finite is a dash.
export function number(value, digits = 0) {
  if (!Number.isFinite(value)) return "–";
  const places = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return value.toLocaleString("en", places);
}

// As `number`, with a true minus sign, and none if it rounds to 0.
export function signed(value, digits = 0) {
  const rounded = Number(value.toFixed(digits));
  return rounded < 0 ? `−${number(-rounded, digits)}` : number(Math.abs(rounded), digits);
}

export const capitalized = (text) => text[0].toUpperCase() + text.slice(1);

// Where a slider stands nearest to a value: the index of that stop.
export function nearestStop(stops, value) {
  const distances = stops.map((stop) => Math.abs(stop - value));
  return distances.indexOf(Math.min(...distances));
}

const MARKS = { " ": ["␣", "space"], "\n": ["↵", "newline"], "\t": ["⇥", "tab"] };
// Control and format characters, odd spaces, and letters that have no shape of their own.
const UNSEEN = /[\p{C}\p{Z}\u115f\u1160\u2800\u3164\uffa0]/u;

// A token's bytes as parts to show: [{kind, text, spoken}]. Whole characters are "text", what one
// could not see is a "mark", and bytes that are no whole character are "bytes", written in hex.
export function decodeToken(bytes) {
  const parts = [];
  const add = (kind, text, spoken = text) => {
    const last = parts.at(-1);
    if (kind === "mark" || last?.kind !== kind) parts.push({ kind, text, spoken });
    else for (const key of ["text", "spoken"]) last[key] += kind === "bytes" ? ` ${text}` : text;
  };
  for (let i = 0; i < bytes.length; ) {
    const length = characterLength(bytes, i);
    const character = utf8Character(bytes, i, length);
    const alone = parts.at(-1)?.kind !== "text";
    if (!length) add("bytes", hex(bytes[i], 2));
    else if (MARKS[character]) add("mark", ...MARKS[character]);
    else if (UNSEEN.test(character) || (alone && /[\ufe00-\ufe0f]/.test(character)))
      add("mark", `U+${hex(character.codePointAt(0), 4)}`);
    else if (alone && /\p{M}/u.test(character)) add("text", `\u25cc${character}`, character);
    else add("text", character);
    i += length || 1;
  }
  return parts.map((part) =>
    part.kind === "bytes"
      ? { kind: "bytes", text: `⟨${part.text}⟩`, spoken: `bytes ${part.spoken}` }
      : part,
  );
}

const hex = (value, digits) => value.toString(16).toUpperCase().padStart(digits, "0");

const SECOND = { 0xe0: [0xa0, 0xbf], 0xed: [0x80, 0x9f], 0xf0: [0x90, 0xbf], 0xf4: [0x80, 0x8f] };

// How many bytes the whole character that starts at `i` has; 0 if none starts there. (Not whole:
// longer than need be, half of a surrogate pair, or beyond the last code point.)
function characterLength(bytes, i) {
  const first = bytes[i];
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const [low, high] = SECOND[first] ?? [0x80, 0xbf];
  const rest = bytes.slice(i + 1, i + length);
  const whole = rest.length === length - 1 && rest.every((byte) => byte >> 6 === 2);
  return whole && rest[0] >= low && rest[0] <= high ? length : 0;
}

const utf8Character = (bytes, i, length) =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes.slice(i, i + length)));

// A token as a node of its own, and a part of one: text as it is, signs with a name to read out.
export const token = (parts) => h("span", { class: "fml-token" }, ...parts.map(sign));
export const sign = ({ kind, text, spoken }) =>
  kind === "text"
    ? text
    : h("span", { class: `fml-${kind}`, dir: "ltr", role: "img", "aria-label": spoken }, text);

// Where a key leads from the option at `at`, among options that wrap like words: an index, which
// may be one that no option has; undefined for a key that leads nowhere.
export function arrowTarget(key, options, at, direction = "ltr") {
  const right = direction === "rtl" ? -1 : 1;
  const to = {
    ArrowRight: () => at + right,
    ArrowLeft: () => at - right,
    ArrowDown: () => nextRow(options, at, 1),
    ArrowUp: () => nextRow(options, at, -1),
    Home: () => 0,
    End: () => options.length - 1,
  };
  return to[key]?.();
}

// The index of the option in the next row (`way` 1 or -1) that is nearest to the one at `at`.
function nextRow(options, at, way) {
  const middle = ({ left, right }) => (left + right) / 2;
  const here = options[at].getBoundingClientRect();
  let best = at;
  let row; // the top of the next row
  let least = Infinity;
  for (let i = at + way; options[i]; i += way) {
    const box = options[i].getBoundingClientRect();
    if (Math.abs(box.top - here.top) < box.height / 2) continue;
    row ??= box.top;
    if (Math.abs(box.top - row) > box.height / 2) break;
    const distance = Math.abs(middle(box) - middle(here));
    if (distance < least) [best, least] = [i, distance];
  }
  return best;
}

// A list of tokens: a click or the focus chooses one, arrow keys move the focus, and the mouse points
// at the one that it is over. `options` returns the elements of the tokens.
export function tokenBox(model, point, options, attributes) {
  const at = ({ target }) => options().indexOf(target.closest("[role=option]"));
  const choose = (event) => {
    const position = at(event);
    if (position >= 0 && position !== model.get("position")) update(model, { position });
  };
  return h("div", {
    ...{ class: "fml-pieces", role: "listbox", ...attributes },
    focusin: choose,
    click: choose,
    keydown(event) {
      const to = at(event) < 0 ? undefined : arrowTarget(event.key, options(), at(event));
      if (to === undefined) return;
      event.preventDefault();
      point(); // the keyboard overrides the mouse
      options()[to]?.focus();
    },
    pointerover(event) {
      if (event.pointerType === "mouse" && at(event) >= 0) point(at(event));
    },
    pointerleave: () => point(),
  });
}
