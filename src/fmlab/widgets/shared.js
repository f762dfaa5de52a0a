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

// In JupyterLab a plain key is a command wherever one does not type: arrows go from cell to cell.
// What is pressed inside a widget is meant for the widget; Escape and combinations still go on.
function keepPlainKeys(event) {
  const combined = event.ctrlKey || event.metaKey || event.altKey;
  if (!combined && event.key !== "Escape") event.stopPropagation();
}

// An id that no other element of the page has, other widgets' included.
export const newId = () => `fml-${Math.random().toString(36).slice(2, 10)}`;

// A function that calls back once, `delay` ms after the last of a flurry of calls.
export function later(callback, delay) {
  let timer;
  const call = (...values) => {
    clearTimeout(timer);
    timer = setTimeout(callback, delay, ...values);
  };
  call.cancel = () => clearTimeout(timer);
  return call;
}

// A function that calls back once before the next picture, however often it is called until then.
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

// Sets traits and, where there is a kernel, tells it.
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
