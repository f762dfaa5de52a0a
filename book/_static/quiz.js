// Quiz questions: each run of adjacent <details class="option"> becomes a group that knows its
// question and keeps score. Where the questions link to sections of the page, it also says which of
// them to review. Without this script the options open and explain themselves all the same.

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
  return { options, first: null, topic: label?.querySelector('a[href^="#"]') };
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

function startQuiz(root) {
  const questions = runsOfOptions(root).map((options, i) => group(options, i + 1));
  if (!questions.length) return;

  const verdict = element("span", { class: "quiz-verdict" });
  const score = plain("");
  const status = element("p", { role: "status", "aria-live": "polite" }, verdict, score);
  const toReview = element("p", { class: "quiz-review", "aria-live": "polite" });
  const again = element("button", { type: "button" }, "Start again");
  const last = questions.at(-1).options[0].parentElement;
  last.after(element("div", { class: "quiz-score" }, status, again, toReview));

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
