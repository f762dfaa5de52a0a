// Exercises in the page: the reader writes an answer where the stub stands, and its check runs on it.
// Answers stay in the reader's browser, beside those of the quizzes: see book/_static/quiz.js.
const KEY = "fmlab-exercises:";
const CHECK_FAILED = "fmlab.checks.assertions.CheckFailed: ";
const EMPTY = "NotImplementedError";

/** Use the browser's storage, which may be blocked or full: then nothing is kept. */
const stored = (action) => {
  try {
    return action(localStorage);
  } catch {
    return null;
  }
};

/** The kept answers of a page, by the ids of the cells; nothing for what is damaged. */
export const answersIn = (text) => {
  let answers = null;
  try {
    answers = JSON.parse(text);
  } catch {
    // damaged: nothing is kept
  }
  const entries = Object.entries(answers ?? {}).filter(([, code]) => typeof code === "string");
  return Object.fromEntries(entries);
};

/** What a traceback comes to, in a sentence, and whether it is worth reading as well. */
export const sentenceOf = (error) => {
  const lines = error.trimEnd().split("\n");
  const first = lines.findLastIndex((line) => line.startsWith(CHECK_FAILED));
  if (first >= 0) {
    const sentence = lines.slice(first).join("\n").slice(CHECK_FAILED.length);
    return { sentence, isPlain: true };
  }
  if (lines.at(-1) === EMPTY) {
    const place = lines.findLast((line) => line.startsWith('  File "<cell ')) ?? "";
    const name = place.match(/, in ([A-Za-z_]\w*)$/)?.[1];
    const what = name ? `${name} is still empty` : "your answer is still empty";
    const sentence = `${what}. Write it in place of the line \`raise NotImplementedError()\`.`;
    return { sentence, isPlain: true };
  }
  return { sentence: `your code stops with ${lines.at(-1)}`, isPlain: false };
};

/** The parts of a sentence: text, and labels of sections such as #top-p. */
export const partsOf = (sentence) =>
  sentence.split(/(#[a-z][\w-]*)/).filter(Boolean).map((part) =>
    /^#[a-z]/.test(part) ? { label: part.slice(1) } : { text: part });

const pageOf = (chapter) => chapter.split("/").pop();

/** What the browser keeps of a page's answers, each under the id of its cell. */
const keeper = (chapter) => {
  const key = KEY + pageOf(chapter);

  const kept = (id) => answersIn(stored((store) => store.getItem(key)))[id];

  const keep = (id, code) => {
    const answers = answersIn(stored((store) => store.getItem(key)));
    if (code === null) delete answers[id];
    else answers[id] = code;
    stored((store) => {
      if (Object.keys(answers).length) store.setItem(key, JSON.stringify(answers));
      else store.removeItem(key);
    });
  };

  return { kept, keep };
};

export const exerciseClass = (LiveCell, { element, draw, chapter }) => {
  const { kept, keep } = keeper(chapter);
  const page = pageOf(chapter);

  const linked = (sentence) => partsOf(sentence).map(({ text, label }) =>
    text ?? element("a", { href: `../${page}.html#${label}` }, `#${label}`));

  return class Exercise extends LiveCell {
    constructor(cell, place, python) {
      super(cell, place, python);
      const title = place.closest("section")?.querySelector("h2");
      const name = (title?.firstChild?.textContent ?? cell.id).trim();
      this.label = `the exercise ${name}`;
      this.spokenName = name;
      for (const [button, text] of [
        [this.runButton, "Check"], [this.editButton, "Write your answer"],
        [this.stopButton, "Stop"], [this.resetButton, "Start over"],
      ]) {
        button.textContent = text;
        button.setAttribute("aria-label", `${text}: ${name}`);
      }
      this.yours.setAttribute("aria-label", `Result of the check: ${name}`);
      const answer = kept(cell.id);
      if (answer !== undefined) this.write(answer);
    }

    /** The check, which needs the answer. */
    get target() {
      return this.cell.check;
    }

    edit() {
      this.write(this.cell.source);
      this.editor.focus();
    }

    write(code) {
      if (this.editor) return;
      this.openEditor(code);
      this.editor.addEventListener("input", () => keep(this.cell.id, this.editor.value));
      this.editButton.hidden = true;
    }

    reset() {
      if (!confirm(`Delete your answer to "${this.spokenName}"?`)) return;
      keep(this.cell.id, null);
      this.editButton.hidden = false;
      super.reset();
    }

    /** First the sentence; then what the answer printed; last, folded, the traceback. */
    show({ results, error, seconds, failed, made }) {
      this.madeFrom = made;
      const ours = [this.cell.index, this.cell.check];
      const outputs = results.filter(({ index }) => ours.includes(index)).flatMap((r) => r.outputs);
      const isOurs = failed === null || ours.includes(failed);
      const shown = outputs.length ? draw({ outputs, error: null }) : [];
      const verdict = element("p", { class: `live-verdict ${error ? "live-wrong" : "live-right"}` });
      this.passedTitle = error ? "Not yet" : "Right";
      verdict.append(element("strong", { class: "live-title" }, this.passedTitle));
      if (error) {
        const { sentence, isPlain } = sentenceOf(error);
        const text = isOurs ? sentence : `a cell above that this exercise needs fails: ${sentence}`;
        verdict.append(": ", ...linked(text));
        const fold = element("details", { class: "live-traceback" });
        fold.append(element("summary", {}, "Traceback"), ...draw({ outputs: [], error }));
        fold.open = !isPlain;
        shown.push(fold);
        this.say(`Not yet: ${text}`, true, "");
      } else this.say(`Right, ${seconds.toFixed(2)} s`, true, `${seconds.toFixed(2)} s`);
      this.yours.replaceChildren(verdict, ...shown);
      this.yours.hidden = false;
    }

    markStale() {
      if (this.yours.hidden) return;
      const isStale = this.isStale();
      this.yours.classList.toggle("live-stale", isStale);
      const title = this.yours.querySelector(".live-title");
      title.textContent = isStale ? `${this.passedTitle}, before your last change` : this.passedTitle;
    }
  };
};

/** Above each model answer: room for the reader's own, in words, kept like the others. */
export const addWrittenAnswers = ({ element, chapter }) => {
  const { kept, keep } = keeper(chapter);
  for (const model of document.querySelectorAll("details.model-answer")) {
    const section = model.closest("section");
    const id = `${section.id}-text`;
    const label = `Your answer: ${section.querySelector("h2")?.firstChild?.textContent ?? ""}`;
    const attributes = { class: "live-written", rows: 5, "aria-label": label };
    const area = element("textarea", { ...attributes, placeholder: "Your answer" });
    area.value = kept(id) ?? "";
    area.addEventListener("input", () => keep(id, area.value.trim() ? area.value : null));
    model.before(area);
  }
};

/** Below the exercises: save the answers to a file, and load them, as below a quiz. */
export const addControls = () => {
  const article = document.querySelector("article.bd-article");
  if (!document.querySelector(".quiz-kept") && typeof progressControls === "function") {
    article?.append(progressControls()); // eslint-disable-line no-undef -- of quiz.js
  }
};
