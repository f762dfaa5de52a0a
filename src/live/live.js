// Run and Edit on code cells: see book/_ext/live.py. Nothing is loaded before the first click.
const script = globalThis.document?.querySelector("script[data-chapter]");
const here = new URL("./", import.meta.url).href;
const PYTHON_BYTES = 9_400_000; // about what the first Run loads: Python, NumPy, and the package

const LONG = 20; // seconds of a run with all that it needs: the page says so before the click
const ELSEWHERE = "This exercise does not run in the page. The menu at the top opens it elsewhere.";

export const normalized = (text) => text.replaceAll("\r\n", "\n").trimEnd();

// The earlier cells that a cell needs: as `needs` in book/_ext/slices.py, which read the cells.
export const needsOf = (cells, index) => {
  const inner = new Set();
  for (;;) {
    const needed = [];
    const wanted = new Set([...cells[index].reads, ...inner]);
    for (let earlier = index - 1; earlier >= 0; earlier -= 1) {
      const { binds, changes, sure, reads } = cells[earlier];
      if (![...binds, ...changes].some((name) => wanted.has(name))) continue;
      needed.unshift(earlier);
      for (const name of sure) if (!reads.includes(name)) wanted.delete(name);
      for (const name of reads) wanted.add(name);
    }
    const found = needed.flatMap((i) => cells[i].inner);
    if (found.every((name) => inner.has(name))) return needed;
    for (const name of found) inner.add(name);
  }
};

// What a cell's values are made of: its code, and that of the cells that it needs.
export const madeFrom = (cells, index) =>
  JSON.stringify([...cells[index].needs, index].map((i) => cells[i].code()));

// The cells that must run before a cell: those that it needs and that have not run, or made what they
// hold from code that has changed since; and those that bind a name which one of these, or the cell
// itself, reads and another cell has bound since. `done` has what each was made from, and `holders`
// the cell that bound each name last.
export const waitingFor = (cells, index, done, holders) => {
  const { needs } = cells[index];
  const again = new Set(needs.filter((earlier) => done.get(earlier) !== madeFrom(cells, earlier)));
  for (;;) {
    const [held, before] = [new Map(holders), again.size];
    for (const i of [...needs, index]) {
      if (i !== index && !again.has(i)) continue;
      const earlier = needs.filter((j) => j < i);
      const readers = i === index ? [...earlier, i] : [i]; // functions read when they are called
      for (const name of readers.flatMap((j) => cells[j].reads)) {
        const binder = earlier.findLast((j) => cells[j].binds.includes(name));
        if (binder !== undefined && held.get(name) !== binder) again.add(binder);
      }
      for (const name of cells[i].binds) held.set(name, i);
    }
    if (again.size === before) return needs.filter((i) => again.has(i));
  }
};

// What a cell has changed in place is made again before the next run, so that a cell that is run
// twice gives the same output twice.
export const forget = (cells, index, done) => {
  for (const name of cells[index].changes) {
    for (const earlier of [...done.keys()]) {
      const { binds, changes } = cells[earlier];
      if (binds.includes(name) || changes.includes(name)) done.delete(earlier);
    }
  }
};

export const needsMatplotlib = (sources) => sources.some((source) => /matplotlib|plt\./.test(source));

const element = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

class Python {
  constructor(cells) {
    this.cells = cells;
    this.done = new Map();
    this.holders = new Map();
    this.worker = null;
    for (const cell of cells) cell.readAs = cell.source;
  }

  start() {
    this.worker = new Worker(`${here}worker.js`, { type: "module" });
    this.done.clear();
    this.holders.clear();
  }

  markStale() {
    for (const { live } of this.cells) live?.markStale();
  }

  stop() {
    this.worker?.terminate();
    this.worker = null;
    this.stopped?.(new Error("Stopped. The next run starts Python again."));
  }

  ask(message, onProgress) {
    if (!this.worker) this.start();
    const { worker } = this;
    return new Promise((resolve, reject) => {
      this.stopped = reject;
      const fail = (message) => { // its Python may be beyond repair: the next run starts another
        worker.terminate();
        if (this.worker === worker) this.worker = null;
        reject(new Error(message));
      };
      worker.onerror = (event) => fail(event.message || "Python could not be started.");
      worker.onmessage = ({ data }) => {
        if (data.kind === "done") resolve(data);
        else if (data.kind === "failed") fail(data.message);
        else onProgress(data);
      };
      worker.postMessage({ total: PYTHON_BYTES, ...message });
    });
  }

  // An edited cell may bind and read other names; then other cells need it, or it needs others.
  async readEdited(onProgress) {
    const edited = this.cells.filter((cell) => cell.code() !== cell.readAs);
    for (const cell of edited) {
      const code = cell.code();
      const { facts } = await this.ask({ facts: code }, onProgress);
      cell.readAs = code;
      Object.assign(cell, facts ?? {}); // none: it is not Python, and running it will say so
    }
    if (!edited.length) return;
    for (const [index, cell] of this.cells.entries()) cell.needs = needsOf(this.cells, index);
  }

  failure(index) {
    const { number, is_part: isPart } = this.cells[index];
    return isPart
      ? `cell ${number}, which this one needs, does not run on the page`
      : `cell ${number}, which this one needs, failed`;
  }

  // Runs a cell after what it needs; returns its result, or that of the earlier cell that failed.
  async run(index, onProgress) {
    const { cells } = this;
    if (!this.worker) this.start();
    await this.readEdited(onProgress);
    const { needs } = cells[index];
    const order = [...waitingFor(cells, index, this.done, this.holders), index];
    const sources = order.map((i) => cells[i].code());
    const models = [...new Set(order.flatMap((i) => cells[i].models))];
    const docs = order.some((i) => cells[i].docs);
    const made = order.map((i) => madeFrom(cells, i)); // the reader may type while it runs
    const matplotlib = needsMatplotlib(sources);
    const results = [];
    let [result, failed] = [null, null];
    for (const [position, i] of order.entries()) {
      onProgress({ kind: "cell", position, n: order.length, isAll: order.length > needs.length });
      const statement = cells[i].is_part ? `, statement ${cells[i].id.split(":").at(-1)}` : "";
      const name = `<cell ${cells[i].number}${statement}>`;
      result = await this.ask({ code: sources[position], name, models, docs, matplotlib }, onProgress);
      results.push({ index: i, outputs: result.outputs });
      for (const bound of cells[i].binds) this.holders.set(bound, i); // even if it fails halfway
      if (result.error) {
        failed = i;
        this.done.delete(i);
        break;
      }
      this.done.set(i, made[position]);
    }
    for (const { index: ran } of results) forget(cells, ran, this.done);
    return { ...result, results, failed, made: made.at(-1) };
  }
}

const shownText = (outputs) =>
  normalized(outputs.filter(({ kind }) => kind === "stream" || kind === "text/plain")
    .map(({ data }) => data).join(""));

const showSvg = (image, svg) => {
  image.onload = () => URL.revokeObjectURL(image.src);
  image.src = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
};

// A figure twice, in the colors of each theme, as the page has its own.
const drawFigure = (svg) => {
  const [light, dark] = ["light", "dark"].map((theme) =>
    element("img", { alt: "Your figure", class: `live-figure dark-light fm-in-${theme}` }));
  showSvg(light, svg);
  import("./figures.js")
    .then(({ darkSvg }) => darkSvg(svg))
    .then((drawn) => showSvg(dark, drawn), () => showSvg(dark, svg));
  return [light, dark];
};

// The outputs as the page shows them. Tracebacks begin in the cell.
const draw = ({ outputs, error }) => {
  const parts = [];
  for (const { kind, data } of outputs) {
    if (kind === "text/html") {
      const shown = element("div", { class: "live-html" });
      shown.innerHTML = data; // made by the cell's code, which is the book's or the reader's own
      parts.push(shown);
    } else if (kind === "image/svg+xml") {
      parts.push(...drawFigure(data));
    } else {
      parts.push(element("pre", {}, data));
    }
  }
  if (error) parts.push(element("pre", { class: "live-error" }, error));
  if (!parts.length) parts.push(element("p", { class: "live-quiet" }, "The cell printed nothing."));
  return parts;
};

// The first line of a cell that does something, to tell one cell from another by ear.
export const nameOf = (source) => {
  const lines = source.split("\n").map((line) => line.trim()).filter(Boolean);
  const line = lines.find((each) => !/^(#|import |from |@)/.test(each)) ?? lines[0] ?? "";
  return line.length > 50 ? `${line.slice(0, 49)}…` : line;
};

// A rounded time, as the processors of readers differ.
export const inWords = (seconds) =>
  seconds < 90 ? `${Math.round(seconds / 5) * 5} seconds` : `${Math.round(seconds / 60)} minutes`;

// One region of the page is read aloud. It hears how a run begins and ends, not each kilobyte.
const announcer = globalThis.document
  && element("div", { class: "live-announcer", role: "status", "aria-live": "polite" });
const announce = (text) => {
  announcer.textContent = text;
};

class LiveCell {
  constructor(cell, place, python) {
    [this.cell, this.place, this.python] = [cell, place, python];
    this.input = place.querySelector(".cell_input");
    this.editor = null;
    this.madeFrom = null; // what the output that is shown was made from
    cell.live = this;
    cell.code = () => this.editor?.value ?? cell.source;
    const label = `cell ${cell.number}: ${nameOf(cell.source)}`;
    const button = (text, attributes = {}) =>
      element("button", { type: "button", "aria-label": `${text} ${label}`, ...attributes }, text);
    this.runButton = button("Run", { class: "live-run" });
    this.editButton = button("Edit");
    this.stopButton = button("Stop", { hidden: "" });
    this.resetButton = button("Reset", { hidden: "" });
    this.label = label;
    this.spokenName = `Cell ${cell.number}`;
    this.status = element("span", { class: "live-status" });
    this.bar = element("progress", { hidden: "", "aria-label": "Loading" });
    const buttons = [this.runButton, this.stopButton, this.editButton, this.resetButton];
    this.tools = element("div", { class: "live-tools" }, ...buttons, this.bar, this.status);
    this.yours = element("div", { class: "live-yours", hidden: "", role: "region" });
    this.yours.setAttribute("aria-label", `Your output of ${label}`);
    this.fold = this.input.closest("details"); // code that the page hides at first
    (this.fold ?? this.input).after(this.tools);
    place.append(this.yours);
    this.runButton.onclick = () => this.run();
    this.stopButton.onclick = () => this.python.stop();
    this.editButton.onclick = () => this.edit();
    this.resetButton.onclick = () => this.reset();
    this.say(this.warning(), false);
  }

  // The cell that Run runs.
  get target() {
    return this.cell.index;
  }

  // What the reader should know before the first run.
  warning() {
    const { seconds } = this.python.cells[this.target];
    return seconds > LONG ? `Takes about ${inWords(seconds)}` : "";
  }

  say(text, aloud = true, shown = text) {
    this.status.textContent = shown;
    if (aloud && text) announce(`${this.spokenName}: ${text}`);
  }

  // Focus does not get lost on a button that is hidden.
  showStop(running) {
    const [gone, left] = running
      ? [this.runButton, this.stopButton]
      : [this.stopButton, this.runButton];
    const had = document.activeElement === gone;
    left.hidden = false;
    gone.hidden = true;
    if (had) left.focus();
  }

  progress({ kind, loaded, total, what, position, n, isAll }) {
    if (kind === "progress") {
      this.bar.hidden = false;
      if (total) {
        this.bar.max = total;
        this.bar.value = Math.min(loaded, total);
      } else this.bar.removeAttribute("value");
      this.say(`Loading ${what}, ${(loaded / 1e6).toFixed(1)} MB`, what !== this.loading);
      this.loading = what;
    } else if (kind === "cell") {
      this.runsAll = isAll; // for a run of all that the cell needs, the time is known
      this.position = n > 1 ? `, step ${position + 1} of ${n}` : "";
    } else if (kind === "running") {
      this.bar.hidden = true;
      const { seconds } = this.python.cells[this.target];
      const all = this.position ? " in all" : "";
      const long = this.runsAll && seconds > 5 ? ` (about ${inWords(seconds)}${all})` : "";
      const isOwn = !this.position || this.position !== this.spoken;
      this.say(`Running${this.position}${long} …`, isOwn && !this.spoken);
      this.spoken ||= this.position || "alone";
    }
  }

  async run() {
    if (this.python.busy) {
      this.say("Another run is not finished. Wait for it, or stop it.");
      return;
    }
    this.python.busy = true;
    this.loading = this.spoken = "";
    this.showStop(true);
    if (!this.python.worker) this.say("Loading Python, about 9 MB, once");
    try {
      const result = await this.python.run(this.target, (news) => this.progress(news));
      this.show(result);
    } catch (error) {
      this.say(error.message);
    } finally {
      this.python.busy = false;
      this.showStop(false);
      this.bar.hidden = true;
      this.python.markStale();
    }
  }

  show({ outputs, error, seconds, failed, made }) {
    this.madeFrom = made;
    const isOwn = failed === null || failed === this.cell.index;
    const title = element("p", { class: "live-title" }, "Your output");
    this.yours.replaceChildren(title, ...draw({ outputs, error }));
    this.yours.hidden = false;
    const stored = normalized(this.place.querySelector(".cell_output pre")?.textContent ?? "");
    const figures = outputs.some(({ kind }) => kind === "image/svg+xml");
    let verdict = "";
    if (!error && !figures && stored) {
      verdict = shownText(outputs) === stored ? "the same as above" : "different from above";
    }
    if (!isOwn) verdict = this.python.failure(failed);
    this.say([error ? "Failed" : "Done", `${seconds.toFixed(2)} s`, verdict].filter(Boolean).join(", "));
  }

  isStale() {
    return this.madeFrom !== madeFrom(this.python.cells, this.target);
  }

  // An output that was made from code that has changed since says so.
  markStale() {
    if (this.yours.hidden) return;
    const isStale = this.isStale();
    if (isStale === this.yours.classList.contains("live-stale")) return;
    this.yours.classList.toggle("live-stale", isStale);
    this.yours.querySelector(".live-title").textContent = isStale
      ? "Your output, from before a change of the code. Run the cell again."
      : "Your output";
  }

  edit() {
    if (this.editor) {
      this.editor.focus();
      return;
    }
    this.openEditor(this.cell.source);
    this.editor.focus();
  }

  openEditor(code) {
    const area = element("textarea", {
      class: "live-editor", spellcheck: "false", autocapitalize: "off", autocomplete: "off",
      "aria-label": `Python code of ${this.label}. Shift and Enter run it, Escape leaves the editor.`,
    });
    area.value = code;
    const fit = () => {
      area.style.height = "auto";
      area.style.height = `${area.scrollHeight + 2}px`;
    };
    area.oninput = fit;
    area.onkeydown = (event) => {
      if (event.key === "Enter" && (event.shiftKey || event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        this.run();
      } else if (event.key === "Escape") {
        (this.runButton.hidden ? this.stopButton : this.runButton).focus();
      }
    };
    area.addEventListener("input", () => this.python.markStale());
    if (this.fold) this.fold.open = true;
    this.input.hidden = true;
    this.input.before(area);
    this.editor = area;
    this.resetButton.hidden = false;
    fit();
    area.setSelectionRange(0, 0);
  }

  reset() {
    this.editor?.remove();
    this.editor = null;
    this.input.hidden = false;
    this.yours.hidden = true;
    this.resetButton.hidden = true;
    this.say(this.warning(), false);
    this.python.markStale();
    this.editButton.focus();
  }
}

// Finds the place of each cell on the page: by its code, which the page shows unless it is removed.
const places = () => {
  const found = new Map();
  for (const place of document.querySelectorAll("div.cell")) {
    const pre = place.querySelector(".cell_input pre");
    if (!pre) continue;
    const key = normalized(pre.textContent).trim();
    found.set(key, [...(found.get(key) ?? []), place]);
  }
  return found;
};

const begin = async () => {
  const response = await fetch(`${here}${script.dataset.chapter}.json`);
  if (!response.ok) return;
  const cells = await response.json();
  for (const [index, cell] of cells.entries()) {
    cell.index = index;
    cell.code = () => cell.source;
  }
  const python = new Python(cells);
  const found = places();
  document.body.append(announcer);
  const hasExercises = cells.some(({ check }) => check !== undefined);
  const exercises = hasExercises && (await import("./exercises.js"));
  const tools = { element, draw, chapter: script.dataset.chapter };
  const Exercise = exercises && exercises.exerciseClass(LiveCell, tools);
  const checks = new Set(cells.map(({ check }) => check));
  for (const cell of cells) {
    const place = !cell.is_part && found.get(normalized(cell.source).trim())?.shift();
    if (!place || checks.has(cell.index)) continue; // the check belongs to its answer
    if (Number.isInteger(cell.check)) new Exercise(cell, place, python);
    else if (cell.check === null) place.append(element("p", { class: "live-note" }, ELSEWHERE));
    else if (cell.seconds !== null) new LiveCell(cell, place, python);
  }
  if (exercises) {
    exercises.addWrittenAnswers(tools);
    exercises.addControls();
  }
  document.documentElement.dataset.live = "ready";
};

// Workers and fetch do not work for a page that was opened as a file.
if (script && location.protocol !== "file:" && typeof DecompressionStream === "function") begin();
