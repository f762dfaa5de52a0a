// The planning sheet: fill it in, keep it in this browser, save it as a file, and load it again.

const SHEET_KEY = "fmlab-planning-sheet";
const SHEET_VERSION = 1;
const SHEET_LONGEST = 2000;

// The file of a sheet, equal to that of fmlab.planning.write_sheet.
export function writeSheet(answers, fields) {
  const full = Object.fromEntries(fields.map(({ name }) => [name, answers[name] ?? ""]));
  const content = { format: SHEET_KEY, version: SHEET_VERSION, answers: full };
  return `${JSON.stringify(content, null, 2)}\n`;
}

// The answers of a file: {answers} or {problem}, a sentence for the reader.
export function readSheet(text, fields) {
  let content = null;
  try {
    content = JSON.parse(text);
  } catch {
    return { problem: "This file is not a planning sheet: it is not JSON." };
  }
  if (content?.format !== SHEET_KEY)
    return { problem: "This file is not a planning sheet that this page saved." };
  if (content.version !== SHEET_VERSION)
    return {
      problem: `This sheet has version ${String(JSON.stringify(content.version)).slice(0, 40)}. This page reads version ${SHEET_VERSION}.`,
    };
  const { answers } = content;
  if (!answers || typeof answers !== "object" || Array.isArray(answers))
    return { problem: "This sheet has no answers in it." };
  for (const [name, answer] of Object.entries(answers)) {
    const field = fields.find((each) => each.name === name);
    if (!field) return { problem: `This sheet has an unknown field: ${name.slice(0, 40)}.` };
    if (typeof answer !== "string") return { problem: `The answer to "${field.title}" is not text.` };
    if ([...answer].length > SHEET_LONGEST)
      return { problem: `The answer to "${field.title}" has more than ${SHEET_LONGEST} characters.` };
  }
  return { answers: Object.fromEntries(fields.map(({ name }) => [name, answers[name] ?? ""])) };
}

// The storage of this browser. It may be missing, full, or forbidden: then nothing is kept.
export function storageOf(scope) {
  const attempt = (action, otherwise) => {
    try {
      return action(scope.localStorage);
    } catch {
      return otherwise;
    }
  };
  return {
    works: attempt((store) => {
      store.setItem(`${SHEET_KEY}-test`, "1");
      store.removeItem(`${SHEET_KEY}-test`);
      return true;
    }, false),
    read: () => attempt((store) => store.getItem(SHEET_KEY), null),
    write: (text) => attempt((store) => (store.setItem(SHEET_KEY, text), true), false),
    clear: () => attempt((store) => store.removeItem(SHEET_KEY), undefined),
  };
}

function render({ model, el }) {
  const fields = model.get("fields");
  const storage = storageOf(globalThis);
  const status = h("p", { class: "fml-note fml-planning-status", role: "status" });
  const trouble = h("p", { class: "fml-trouble", role: "alert" });
  const areas = fields.map(({ name, title, question }) => {
    const [id, hint] = [newId(), newId()];
    const area = h("textarea", {
      id,
      rows: 2,
      maxlength: SHEET_LONGEST,
      "aria-describedby": hint,
      input: () => accept({ ...model.get("answers"), [name]: area.value }),
    });
    const node = h(
      "div",
      {},
      h("label", { class: "fml-label", for: id }, title),
      h("p", { class: "fml-note", id: hint }, question),
      area,
    );
    return { name, area, node };
  });
  const keep = () => {
    const kept = storage.write(writeSheet(model.get("answers"), fields));
    write(
      status,
      kept
        ? "Kept in this browser. Nothing is sent anywhere."
        : "This browser keeps nothing here. Save a file before you leave.",
    );
  };
  const accept = (answers) => {
    write(trouble, "");
    update(model, { answers });
    keep();
  };
  const picker = h("input", {
    type: "file",
    accept: ".json,application/json",
    hidden: true,
    tabindex: -1,
    change: async () => {
      const [file] = picker.files;
      picker.value = "";
      if (file) load(file.size > 1e6 ? "" : await file.text());
    },
  });
  const load = (text) => {
    const { answers, problem } = readSheet(text, fields);
    if (problem) write(trouble, `${problem} Your answers are unchanged.`);
    else accept(answers);
  };
  const save = () => {
    const blob = new Blob([writeSheet(model.get("answers"), fields)], { type: "application/json" });
    const href = URL.createObjectURL(blob);
    const link = h("a", { href, download: "planning-sheet.json" });
    root.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(href), 10_000);
    framed.say("Saved planning-sheet.json");
  };
  let last = null;
  const clear = () => {
    last = model.get("answers");
    accept(Object.fromEntries(fields.map(({ name }) => [name, ""])));
    undo.hidden = false;
  };
  const back = () => {
    if (last) accept(last);
    undo.hidden = true;
    last = null;
  };
  const button = (text, click, more = {}) => h("button", { type: "button", click, ...more }, text);
  const undo = button("Undo", back, { hidden: true });
  const framed = frame(
    el,
    { kind: "fml-planning-sheet", title: model.get("title") },
    h("div", { class: "fml-planning-answers" }, ...areas.map(({ node }) => node)),
    h(
      "div",
      { class: "fml-planning-buttons" },
      button("Save as a file", save),
      button("Load a file", () => picker.click()),
      button("Clear", clear),
      undo,
      picker,
    ),
    status,
    trouble,
  );
  const { root } = framed;
  const draw = () => {
    const answers = model.get("answers");
    for (const { name, area } of areas)
      if (area.value !== (answers[name] ?? "")) area.value = answers[name] ?? "";
  };
  const kept = storage.read();
  const found = kept === null ? {} : readSheet(kept, fields);
  if (found.answers) update(model, { answers: found.answers });
  if (found.problem) write(trouble, `What this browser kept could not be read. ${found.problem}`);
  write(
    status,
    storage.works
      ? "Your answers are kept in this browser. Nothing is sent anywhere."
      : "This browser keeps nothing here. Save a file before you leave.",
  );
  return keepDrawn(model, ["answers"], framed, draw).end;
}

export default { render };
