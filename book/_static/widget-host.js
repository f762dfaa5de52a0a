// Runs the widgets of a page that has no kernel. Sphinx writes the state and the place of each into
// the page; this gives each a model to read and set, and lets its own script draw it. It knows
// anywidgets only. A widget that cannot run is replaced by a sentence that says so.
//
// A widget's script and style are text in its state, or the name of a file beside this one. Beside
// `model` and `el`, `render` gets `site`, the address of the folder of these files: a widget that
// gets it may load more of them.

(() => {
  const SITE = new URL(".", document.currentScript.src).href;
  const STATE = "application/vnd.jupyter.widget-state+json";
  const VIEW = "application/vnd.jupyter.widget-view+json";

  const NEEDS_KERNEL = "This part works in a running notebook: open one from the menu of this page.";

  const DATA = new URL("data/", document.currentScript.src);
  const FROM_FILE =
    "A page that was opened from a file may not read other files. " +
    "Open the book on its site, or run make serve.";

  // Answers a widget's request for data by sending it a file of this site, as a kernel would.
  async function answer(name, tell) {
    try {
      if (location.protocol === "file:") throw new Error(FROM_FILE);
      const response = await fetch(new URL(`${encodeURIComponent(name)}.bin`, DATA));
      if (!response.ok) throw new Error(`This site does not have the file (${response.status}).`);
      const reader = response.body.getReader();
      const parts = [];
      let loaded = 0;
      for (let part; !(part = await reader.read()).done; ) {
        parts.push(part.value);
        tell({ data: name, loaded: (loaded += part.value.length) });
      }
      tell({ data: name }, [new DataView(await new Blob(parts).arrayBuffer())]);
    } catch (error) {
      const lost = error instanceof TypeError; // what a browser throws if there is no connection
      tell({ data: name, error: lost ? "The connection failed." : error.message });
    }
  }

  // What a widget's script expects of a model. Without a kernel, saving does nothing, and messages
  // are answered here.
  class Model {
    #values;
    #listeners = new Map();
    constructor(values) {
      this.#values = values;
    }
    get(name) {
      return this.#values[name];
    }
    set(name, value) {
      if (Object.is(this.#values[name], value)) return;
      this.#values[name] = value;
      this.#tell(`change:${name}`);
      this.#tell("change");
    }
    on(event, callback) {
      this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), callback]);
    }
    off(event, callback) {
      const others = (f) => callback !== undefined && f !== callback;
      this.#listeners.set(event, (this.#listeners.get(event) ?? []).filter(others));
    }
    save_changes() {}
    send({ request }) {
      if (request) answer(request, (...message) => this.#tell("msg:custom", ...message));
    }
    #tell(event, ...values) {
      for (const callback of this.#listeners.get(event) ?? []) callback(...values);
    }
  }

  // The same promise for the same key, so that a script or model that two views share is made once.
  function once(make) {
    const made = new Map();
    return (key, ...rest) => {
      if (!made.has(key)) made.set(key, make(key, ...rest));
      return made.get(key);
    };
  }

  const isFile = (source) => /^[\w./-]+\.(js|css)$/.test(source);
  const fileUrl = (name) => new URL(name, SITE).href;

  const loadScript = once(async (source) => {
    const blob = () => URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const { default: widget } = await import(isFile(source) ? fileUrl(source) : blob());
    return typeof widget === "function" ? widget() : widget;
  });

  const addStyle = once((source) => {
    const style = document.createElement(isFile(source) ? "link" : "style");
    if (isFile(source)) Object.assign(style, { rel: "stylesheet", href: fileUrl(source) });
    else style.textContent = source;
    document.head.append(style);
  });

  // Bytes travel beside the state, in base64, each with the path to where it belongs.
  function restoreBytes({ state, buffers = [] }) {
    for (const { path, data } of buffers) {
      const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
      const parent = path.slice(0, -1).reduce((at, key) => at[key], state);
      parent[path.at(-1)] = new DataView(bytes.buffer);
    }
    return state;
  }

  function readState() {
    const entries = [...document.querySelectorAll(`script[type="${STATE}"]`)]
      .flatMap((tag) => Object.entries(JSON.parse(tag.textContent).state));
    return new Map(entries.map(([id, entry]) => [id, restoreBytes(entry)]));
  }

  const startModel = once(async (id, values, widget) => {
    const model = new Model(values);
    await widget.initialize?.({ model });
    return model;
  });

  async function show(place, models, el) {
    const id = JSON.parse(place.textContent).model_id;
    const values = models.get(id);
    if (!values) throw new Error(`the page does not hold the state of ${id}`);
    if (!values._esm) return false; // buttons of ipywidgets, say: they need a kernel
    if (values._css) addStyle(values._css);
    const widget = await loadScript(values._esm);
    const model = await startModel(id, values, widget);
    await widget.render({ model, el, site: SITE });
    return true;
  }

  async function run() {
    let models;
    for (const place of document.querySelectorAll(`script[type="${VIEW}"]`)) {
      const el = document.createElement("div");
      el.dataset.widget = "starting";
      place.before(el);
      try {
        models ??= readState();
        const isAlive = await show(place, models, el);
        el.dataset.widget = isAlive ? "ready" : "kernel";
        if (!isAlive) el.textContent = NEEDS_KERNEL;
      } catch (error) {
        console.error("widget-host:", error);
        el.dataset.widget = "failed";
        el.textContent =
          location.protocol === "file:"
            ? "This page was opened as a file, and browsers let such a page load no scripts or " +
              "models. Run `make serve` and open the address that it prints."
            : "This interactive figure could not start here. " +
              "Try a current browser, or run the chapter as a notebook.";
      }
    }
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", run);
  else run();
})();
