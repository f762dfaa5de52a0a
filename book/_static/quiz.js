// Quiz questions: each run of adjacent <details class="option"> becomes a group that knows its
// question and keeps score. Where the questions link to sections of the page, it also says which of
// them to review. Answers are kept in the reader's browser, and can be saved to a file with whatever
// else this site keeps there. Without this script the options open and explain themselves all the same.

const plain = (text) => document.createTextNode(text);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** The options of each question, in the order of the page. */
function runsOfOptions(root) {
  const runs = [];
  for (const option of root.querySelectorAll("details.option")) {
    const run = runs.at(-1);
    if (run && option.previousElementSibling === run.at(-1)) run.push(option);
    else runs.push([option]);
  }
  return runs;
}

/** Put a question and its options into one labeled group; code may stand between the two. */
function group(options, number) {
  const between = [];
  let label = options[0].previousElementSibling;
  while (label && label.tagName !== "P") {
    between.unshift(label);
    label = label.previousElementSibling;
  }
  const box = element("div", { class: "question", role: "group" });
  options[0].before(box);
  if (label) {
    label.id ||= `question-${number}`;
    box.setAttribute("aria-labelledby", label.id);
    box.append(label, ...between);
  }
  box.append(...options);
  return { options, first: null, name: textOf(label), topic: label?.querySelector('a[href^="#"]') };
}

const isRight = (option) => option.classList.contains("right");

/** What to review: each section in which a question was missed, with its score. */
function review(questions) {
  const topics = new Map();
  for (const { topic, first } of questions) {
    if (!topic) continue;
    const href = topic.getAttribute("href");
    if (!topics.has(href)) topics.set(href, { name: topic.textContent, n: 0, right: 0, wrong: 0 });
    const score = topics.get(href);
    score.n += 1;
    if (first) score[isRight(first) ? "right" : "wrong"] += 1;
  }
  const missed = [...topics].filter(([, { wrong }]) => wrong);
  if (missed.length) {
    const links = missed.flatMap(([href, { name, n, right }], i) => [
      plain(i ? ", " : "Review: "),
      element("a", { href }, name),
      plain(` (${right} of ${n})`),
    ]);
    return [...links, plain(".")];
  }
  const isDone = topics.size && questions.every(({ first }) => first);
  return isDone ? [plain("Nothing to review.")] : [];
}

// ---------------------------------------------------------------- what the browser keeps

const KEPT = "fmlab-"; // everything that this site keeps has a key that begins so
const PROGRESS = { format: "fmlab-progress", version: 1 };
const LARGEST = 1e6; // characters of a file

/** Use the browser's storage, which may be blocked or full: then nothing is kept. */
function stored(action, otherwise = null) {
  try {
    return action(localStorage);
  } catch {
    return otherwise;
  }
}

const pageName = () => location.pathname.split("/").pop().replace(/\.html$/, "");
const textOf = (node) => node?.textContent.trim() ?? "";
const claimOf = (option) => textOf(option.querySelector("summary"));

/** The options that were tried, by the text of the question: so a changed question is a new one. */
function answersOf(questions) {
  const tried = questions.filter(({ first }) => first);
  return Object.fromEntries(
    tried.map(({ name, first, options }) => {
      const others = options.filter((o) => o !== first && o.classList.contains("tried"));
      return [name, [first, ...others].map(claimOf)];
    }),
  );
}

function restore(questions, answers) {
  for (const question of questions) {
    const claims = Array.isArray(answers?.[question.name]) ? answers[question.name] : [];
    const tried = question.options.filter((option) => claims.includes(claimOf(option)));
    for (const option of tried) option.classList.add("tried");
    question.first = tried.find((option) => claimOf(option) === claims[0]) ?? null;
    if (question.first) question.first.open = true;
  }
}

/** All that this site keeps in the browser, as the text of a file. */
function progressFile() {
  const items = stored((store) =>
    Object.fromEntries(Object.entries({ ...store }).filter(([key]) => key.startsWith(KEPT))),
  );
  return JSON.stringify({ ...PROGRESS, items: items ?? {} }, null, 1);
}

/** Put the items of such a file into the browser; return what is wrong with it, or "". */
function takeIn(text) {
  let file = null;
  try {
    file = text.length <= LARGEST && JSON.parse(text);
  } catch {
    // no JSON: what is said below fits
  }
  const items = Object.entries(file?.items ?? {});
  const fits = items.every(([key, value]) => key.startsWith(KEPT) && typeof value === "string");
  if (file?.format !== PROGRESS.format || !fits) return "This is not a file that this site saved.";
  if (file.version !== PROGRESS.version) return "This file is of another version of this site.";
  const isKept = stored((store) => {
    for (const [key, value] of items) store.setItem(key, value);
    return true;
  });
  return isKept ? "" : "The browser does not let this page keep anything.";
}

function progressControls() {
  const said = element("span", { role: "status", "aria-live": "polite" });
  const save = element("button", { type: "button" }, "Save to a file");
  const load = element("button", { type: "button" }, "Load from a file");
  const picker = element("input", { type: "file", accept: ".json,application/json", hidden: "" });
  picker.setAttribute("aria-label", "A file that this site saved");
  save.addEventListener("click", () => {
    const url = URL.createObjectURL(new Blob([progressFile()], { type: "application/json" }));
    element("a", { href: url, download: "fmlab-progress.json" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  });
  load.addEventListener("click", () => picker.click());
  picker.addEventListener("change", async () => {
    const [file] = picker.files;
    picker.value = "";
    if (!file) return;
    said.textContent = file.size > LARGEST ? "This file is too large." : takeIn(await file.text());
    if (!said.textContent) location.reload();
  });
  const note = "Your answers stay in this browser, on every page of this book.";
  return element(
    "details",
    { class: "quiz-kept" },
    element("summary", {}, "Keep your answers"),
    element("p", {}, note),
    element("p", {}, save, plain(" "), load, picker, plain(" "), said),
  );
}

// ---------------------------------------------------------------- the quiz

function startQuiz(root) {
  const questions = runsOfOptions(root).map((options, i) => group(options, i + 1));
  if (!questions.length) return;
  const key = `${KEPT}quiz:${pageName()}`;
  restore(questions, stored((store) => JSON.parse(store.getItem(key))));

  const verdict = element("span", { class: "quiz-verdict" });
  const score = plain("");
  const status = element("p", { role: "status", "aria-live": "polite" }, verdict, score);
  const toReview = element("p", { class: "quiz-review", "aria-live": "polite" });
  const again = element("button", { type: "button" }, "Start again");
  const last = questions.at(-1).options[0].parentElement;
  const box = element("div", { class: "quiz-score" }, status, again, toReview);
  last.after(box, progressControls());

  function keep() {
    const answers = answersOf(questions);
    if (Object.keys(answers).length) stored((store) => store.setItem(key, JSON.stringify(answers)));
    else stored((store) => store.removeItem(key));
  }

  function show(option) {
    const answered = questions.filter(({ first }) => first);
    const right = answered.filter(({ first }) => isRight(first)).length;
    const left = questions.length - answered.length;
    // The mark beside an option is seen at once; this says it to those who do not see it.
    verdict.textContent = option ? (isRight(option) ? "Right. " : "Not this one. ") : "";
    score.data = `${right} of ${questions.length} right at the first try`;
    score.data += left ? `, ${left} to go.` : ".";
    toReview.replaceChildren(...review(questions));
    again.disabled = !answered.length;
  }

  for (const question of questions) {
    for (const option of question.options) {
      // A click is what the reader does, by mouse or key; printing and searching open options too.
      option.querySelector("summary").addEventListener("click", () => {
        if (option.open) return;
        for (const other of question.options) if (other !== option) other.open = false;
        option.classList.add("tried");
        question.first ??= option;
        keep();
        show(option);
      });
    }
  }

  again.addEventListener("click", () => {
    for (const question of questions) {
      question.first = null;
      for (const option of question.options) {
        option.open = false;
        option.classList.remove("tried");
      }
    }
    keep();
    show();
    questions[0].options[0].querySelector("summary").focus();
  });

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = questions.flatMap(({ options }) => options.filter(({ open }) => !open));
    for (const option of closed) option.open = true;
  });
  addEventListener("afterprint", () => {
    for (const option of closed) option.open = false;
  });

  show();
}

document.addEventListener("DOMContentLoaded", () => startQuiz(document));
