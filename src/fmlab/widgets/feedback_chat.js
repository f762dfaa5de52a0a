// A chat with feedback. The model runs in a worker (worker.js); this keeps what was asked, answered
// and clicked: one line of JSON each, as fmlab.widgets.ChatPanel writes them.

const CHAT_KEY = "fmlab-chat-feedback";
const CHAT_MOST_LINES = 500; // that the browser keeps; the oldest go first
const CHAT_LONGEST = 300; // characters of a question
const CHAT_TOKENS = 60; // of an answer
const CHAT_GREEDY = {
  temperature: 0, topK: 0, topP: 1, minP: 0, repetition: 1, frequency: 0, presence: 0,
};

// A line of the log, with the keys in the order in which Python writes them.
export const chatLine = (version, number, facts, now = new Date()) => ({
  time: now.toISOString().replace("Z", "+00:00"),
  version,
  number,
  ...facts,
});

export const writeLines = (lines) => lines.map((line) => `${JSON.stringify(line)}\n`).join("");

// The lines of a text; none if any of them is not one that a chat wrote.
export function readLines(text) {
  try {
    const lines = text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
    const isLine = ({ event, number }) =>
      ["answer", "feedback"].includes(event) && Number.isInteger(number);
    return lines.every(isLine) ? lines.slice(-CHAT_MOST_LINES) : [];
  } catch {
    return [];
  }
}

// What the log holds, in a sentence.
export function countLines(lines) {
  const ratings = lines.filter(({ event }) => event === "feedback");
  const up = ratings.filter(({ rating }) => rating === "up").length;
  const plural = (n, name) => `${n} ${name}${n === 1 ? "" : "s"}`;
  const answers = plural(lines.length - ratings.length, "answer");
  return `${answers}, ${plural(ratings.length, "click")}, ${up} of them "helpful"`;
}

const answerText = (tokens) =>
  new TextDecoder().decode(Uint8Array.from(tokens.flatMap(({ bytes }) => [...bytes]))).trim();

// The storage of this browser. It may be missing, full, or forbidden: then nothing is kept.
const chatStorage = {
  read() {
    try {
      return localStorage.getItem(CHAT_KEY) ?? "";
    } catch {
      return "";
    }
  },
  write(text) {
    try {
      localStorage.setItem(CHAT_KEY, text);
      return true;
    } catch {
      return false;
    }
  },
};

function render({ model, el, site }) {
  const [{ name, bytes }] = model.get("models");
  const source = site ? siteSource(site) : kernelSource(model);
  let lines = readLines(chatStorage.read());
  let engine;
  let isBusy = false;

  const log = h("div", { class: "fml-chat-log", role: "log", "aria-label": "Conversation", tabindex: 0 });
  log.append(h("p", { class: "fml-note" }, "Each question is answered by itself: the model sees no earlier ones."));
  const id = newId();
  const field = h("input", { id, type: "text", maxlength: CHAT_LONGEST, autocomplete: "off" });
  field.value = model.get("prompt");
  const send = h("button", { type: "submit", class: "fml-main" });
  const form = h(
    "form",
    { class: "fml-chat-form", submit: (event) => (event.preventDefault(), ask()) },
    h("label", { class: "fml-label", for: id }, "Question"),
    h("div", { class: "fml-chat-row" }, field, send),
  );
  const save = h("button", { type: "button", click: saveFile }, "Save the log");
  const clear = h("button", { type: "button", click: clearLog }, "Clear the log");
  const status = h("p", { class: "fml-note", role: "status" });
  const framed = frame(
    el,
    { kind: "fml-chat", title: model.get("title") },
    log,
    form,
    h("div", { class: "fml-chat-row" }, save, clear),
    status,
  );

  function draw(news) {
    write(send, engine?.facts ? "Ask" : `Ask (loads ${megabytes(bytes)})`);
    send.setAttribute("aria-disabled", isBusy);
    for (const button of [save, clear]) button.setAttribute("aria-disabled", !lines.length);
    write(status, news ?? `Log: ${countLines(lines)}. It stays in this browser until you clear it.`);
  }
  function add(facts, number) {
    lines = [...lines, chatLine(name, number, facts)].slice(-CHAT_MOST_LINES);
    const isKept = chatStorage.write(writeLines(lines));
    draw(isKept ? undefined : `Log: ${countLines(lines)}. This browser keeps nothing: save it before you leave.`);
  }
  const say = (who, text) => {
    const line = h("span", {}, text);
    log.append(h("p", {}, h("b", {}, `${who}: `), line));
    log.scrollTop = log.scrollHeight;
    return line;
  };

  async function ask() {
    const question = field.value.trim();
    if (isBusy || !question) return;
    isBusy = true;
    try {
      engine ??= connect(await source.worker());
      if (!engine.facts) {
        const tell = ({ loaded }) => draw(`Loaded ${megabytes(loaded)} of ${megabytes(bytes)}`);
        draw("Loading …");
        engine.facts = await engine.call("open", await source.files(name), tell);
      }
      draw("The model is writing …");
      field.value = "";
      say("You", question);
      const tokens = [];
      const line = say(name, "…");
      const request = { prompt: question, n: CHAT_TOKENS, seed: 0, settings: CHAT_GREEDY };
      await engine.call("write", request, ({ token }) => {
        if (!token) return;
        tokens.push(token);
        write(line, answerText(tokens));
      });
      const answer = answerText(tokens);
      const number = (lines.at(-1)?.number ?? 0) + 1;
      isBusy = false;
      add({ event: "answer", question, answer }, number);
      line.parentElement.after(rating(number, question));
      log.scrollTop = log.scrollHeight;
    } catch (error) {
      if (!engine?.facts) {
        engine?.end();
        engine = undefined;
      }
      isBusy = false;
      draw(error.message);
    }
  }
  // Two buttons; the first click counts.
  function rating(number, question) {
    const button = (text, value) =>
      h("button", { type: "button", "aria-label": `${text}: ${question}`, click: () => rate(value) }, text);
    const buttons = { up: button("👍 Helpful", "up"), down: button("👎 Not helpful", "down") };
    const rate = (value) => {
      if (buttons.up.hasAttribute("aria-pressed")) return;
      for (const [name, node] of Object.entries(buttons)) {
        node.setAttribute("aria-pressed", name === value);
        node.setAttribute("aria-disabled", true);
      }
      add({ event: "feedback", rating: value }, number);
    };
    return h("div", { class: "fml-chat-row" }, buttons.up, buttons.down);
  }
  function saveFile() {
    if (!lines.length) return;
    const blob = new Blob([writeLines(lines)], { type: "application/jsonl" });
    const href = URL.createObjectURL(blob);
    const link = h("a", { href, download: "feedback.jsonl" });
    framed.root.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(href), 10_000);
    framed.say("Saved feedback.jsonl");
  }
  function clearLog() {
    lines = [];
    chatStorage.write("");
    draw();
  }

  const kept = keepDrawn(model, [], framed, () => draw());
  return () => {
    kept.end();
    engine?.end();
  };
}

export default { render };
