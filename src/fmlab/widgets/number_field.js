// Numbers that a reader types.

// A number that was typed, as one that a setting can have; undefined if it is none.
export function typedNumber(text, { min, max, whole = false }) {
  const value = Number(text);
  const fits = text.trim() !== "" && Number.isFinite(value) && value >= min && value <= max;
  return fits && (!whole || Number.isInteger(value)) ? value : undefined;
}

// A field for a number. What is not allowed is refused with a sentence, which stays until the next
// change, and the old value comes back. `node` is the field, and `problem` the place of the sentence.
export function numberField({ name, label = name, set, ...range }) {
  const allowed = `${range.whole ? "a whole number" : "a number"} from ${range.min} to ${range.max}`;
  const problem = h("p", { class: "fml-problem", role: "alert" });
  let current;
  const node = h("input", { type: "number", min: range.min, max: range.max, step: "any", change });
  if (label) node.setAttribute("aria-label", label);
  function change() {
    const value = typedNumber(node.value, range);
    const typed = node.value || "That"; // a number field gives no text that is not a number
    write(problem, value === undefined ? `${typed} is not allowed: ${name} is ${allowed}.` : "");
    if (value === undefined) node.value = current;
    else set(value);
  }
  return {
    node,
    problem,
    draw(value) {
      const text = String(Number(value.toPrecision(12)));
      const isNew = text !== current;
      if (isNew) write(problem, "");
      current = text;
      // A redraw for another reason keeps what the reader is typing.
      const isTyping = document.activeElement === node;
      if (!isTyping || (isNew && Number(node.value) !== value)) node.value = text;
    },
  };
}
