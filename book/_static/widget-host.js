// Runs the widgets of a page that has no kernel. Sphinx writes the state and the place of each into
// the page; this gives each a model to read and set, and lets its own script draw it. It knows
// anywidgets only. A widget that cannot run is replaced by a sentence that says so. Large states are
// in files, which are loaded after the page (book/_ext/widget_state.py).
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

  // A promise of its arrival, so that nothing is drawn without it. A widget without its style works too.
  const addStyle = once((source) => {
    const style = document.createElement(isFile(source) ? "link" : "style");
    if (!isFile(source)) style.textContent = source;
    return new Promise((resolve) => {
      const settled = { onload: resolve, onerror: resolve };
      if (isFile(source)) Object.assign(style, { rel: "stylesheet", href: fileUrl(source), ...settled });
      else resolve();
      document.head.append(style);
    });
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

  const pageLoaded = () =>
    new Promise((resolve) => {
      if (document.readyState === "complete") resolve();
      else window.addEventListener("load", resolve, { once: true });
    });

  async function stateOf(tag) {
    if (!tag.dataset.state) return JSON.parse(tag.textContent);
    await pageLoaded();
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = tag.dataset.state;
      script.onload = () => resolve(script.state);
      script.onerror = () => reject(new Error(`${script.src} could not be loaded`));
      document.head.append(script);
    });
  }

  async function readState() {
    const tags = [...document.querySelectorAll(`script[type="${STATE}"]`)];
    const states = await Promise.all(tags.map(stateOf));
    const entries = states.flatMap(({ state }) => Object.entries(state));
    return new Map(entries.map(([id, entry]) => [id, restoreBytes(entry)]));
  }

  // Links to settings. `page.html?temperature=0.2&top_k=5#sampling-explorer` names an explorer of a
  // page, by its heading, and what to set in it. A widget's script says what a link may set:
  // `settings(model)` returns {name: rule}; a rule is {kind: "number", min, max, whole}, {kind:
  // "text", longest}, {kind: "choice", choices}, {kind: "flag"}, or {kind: "ids", size}. A setting
  // is the trait of that name, unless its rule has functions `get` and `set`; `of` tells apart
  // settings of the same name, and one that is `always` there is in every link.
  const linked = new Map(); // by name: the function that applies a link's settings

  const KINDS = {
    number: {
      read: (text, { min, max, whole }) => {
        const value = Number(text);
        const fits = text.trim() !== "" && value >= min && value <= max;
        return fits && (!whole || Number.isInteger(value)) ? value : undefined;
      },
      say: ({ min, max, whole }) => `${whole ? "a whole number" : "a number"} from ${min} to ${max}`,
    },
    text: {
      read: (text, { longest }) => ([...text].length <= longest ? text : undefined),
      say: ({ longest }) => `a text of at most ${longest} characters`,
    },
    choice: {
      read: (text, { choices }) => (choices.includes(text) ? text : undefined),
      say: ({ choices }) => `one of ${choices.filter(Boolean).join(", ")}`,
    },
    flag: {
      read: (text) => ({ on: true, off: false })[text],
      say: () => "on or off",
    },
    ids: {
      read: (text, { size }) => {
        const ids = text === "" ? [] : text.split(".").map(Number);
        return ids.every((id) => Number.isInteger(id) && id >= 0 && id < size) ? ids : undefined;
      },
      say: ({ size }) => `whole numbers below ${size}, separated by points`,
    },
  };
  const written = (value) =>
    Array.isArray(value) ? value.join(".") : { true: "on", false: "off" }[value] ?? String(value);

  const slug = (title) => title.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");

  // Gives an explorer its name, a button that copies a link to its settings, and the settings of the
  // address, if that names it.
  function makeLinkable(el, model, settings) {
    const own = el.closest(".fm-explorer"); // with its heading
    const base = own?.id ?? slug(model.get("title") || "explorer");
    let name = base;
    for (let i = 2; linked.has(name); i++) name = `${base}-${i}`;
    const place = document.getElementById(name) ?? el;
    place.id = name;
    const rules = () => settings(model);
    const get = (key, rule) => (rule.get ? rule.get() : model.get(key)) ?? "";
    const initial = {};
    const note = document.createElement("span");
    note.setAttribute("role", "status");
    const remember = () => {
      for (const [key, rule] of Object.entries(rules()))
        initial[rule.of + key] ??= written(get(key, rule));
    };
    remember();

    function apply(query) {
      const refused = [];
      for (const [key, text] of query) {
        const rule = rules()[key]; // of now: what one setting allows may depend on another
        const value = rule && KINDS[rule.kind].read(text, rule);
        if (value === undefined) {
          const why = rule ? `must be ${KINDS[rule.kind].say(rule)}` : "is no setting of it";
          refused.push(`${key}=${text.slice(0, 40)} was ignored: ${key} ${why}.`);
        } else if (rule.set) rule.set(value);
        else model.set(key, value);
        remember();
      }
      model.save_changes();
      note.textContent = refused.join(" ");
    }
    function address() {
      const url = new URL(location.href);
      const query = new URLSearchParams();
      for (const [key, rule] of Object.entries(rules())) {
        const value = written(get(key, rule));
        if (rule.always || value !== initial[rule.of + key]) query.set(key, value);
      }
      url.search = query;
      url.hash = name;
      return url.href;
    }
    async function copy() {
      const link = address();
      try {
        await navigator.clipboard.writeText(link);
        note.textContent = "Copied: whoever opens this link sees these settings.";
      } catch {
        const field = document.createElement("input"); // to copy by hand
        Object.assign(field, { value: link, readOnly: true });
        field.setAttribute("aria-label", "Link to these settings");
        note.replaceChildren("Copy this: ", field);
        field.select();
      }
    }
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: "Copy link to these settings" });
    button.addEventListener("click", copy);
    const line = document.createElement("p");
    line.className = "fm-share";
    line.append(button, " ", note);
    el.after(line);

    linked.set(name, (query) => {
      apply(query);
      place.scrollIntoView();
    });
    if (location.hash === `#${name}` && location.search) linked.get(name)(new URLSearchParams(location.search));
  }

  // A link in the text that sets something in an explorer of the same page.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link?.getAttribute("href").startsWith("?") || event.ctrlKey || event.metaKey) return;
    const { hash, search } = new URL(link.href);
    const set = linked.get(hash.slice(1));
    if (!set) return;
    event.preventDefault();
    set(new URLSearchParams(search));
    history.replaceState(null, "", link.href);
  });

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
    const styled = values._css && addStyle(values._css);
    const widget = await loadScript(values._esm);
    await styled;
    const model = await startModel(id, values, widget);
    if (widget.settings) makeLinkable(el, model, widget.settings);
    await widget.render({ model, el, site: SITE });
    return true;
  }

  async function run() {
    const places = [...document.querySelectorAll(`script[type="${VIEW}"]`)].map((place) => {
      const el = document.createElement("div");
      el.dataset.widget = "starting";
      place.before(el);
      return { place, el };
    });
    const models = readState();
    for (const { place, el } of places) {
      try {
        const isAlive = await show(place, await models, el);
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

  // On paper nothing moves: what stands for a widget where no script runs takes its place.
  function addStills() {
    for (const still of document.querySelectorAll(".cell_output noscript, [data-widget] ~ noscript")) {
      if (still.nextElementSibling) continue;
      const shown = document.createElement("div");
      shown.className = "fm-still";
      shown.innerHTML = still.textContent;
      still.after(shown);
    }
  }
  window.addEventListener("beforeprint", addStills);

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", run);
  else run();
})();
