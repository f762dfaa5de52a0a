// Fields for numbers that a reader types, and numbers as a reader would write them.

// 0.86 -> "86.0%", 4200 -> "$4,200": a value as its kind is written.
export function written(value, kind) {
  if (!Number.isFinite(value)) return "never";
  const places = (x) => (Math.abs(x) < 9.995 ? 2 : Math.abs(x) < 99.95 ? 1 : 0);
  const text = number(Math.abs(value), places(value));
  const sign = value < 0 ? "−" : "";
  if (kind === "fraction") return `${sign}${number(Math.abs(100 * value), 1)}%`;
  if (kind === "dollars" && value && Math.abs(value) < 0.1) return `${sign}$${number(Math.abs(value), 4)}`;
  if (kind === "dollars") return `${sign}$${text}`;
  if (kind === "seconds" && value >= 7200) return `${number(value / 3600, 1)} hours`;
  if (kind === "seconds") return `${text} s`;
  if (kind === "factor") return `× ${number(value, 3)}`;
  return `${sign}${Number.isInteger(value) ? number(Math.abs(value)) : text}`;
}

// A typed number, or why it will not do: {value} or {problem}. Percent signs and commas are fine.
export function typed(text, input) {
  const cleaned = String(text).trim().replace(/[$,\s]/g, "");
  const isPercent = cleaned.endsWith("%");
  const digits = isPercent ? cleaned.slice(0, -1) : cleaned;
  let value = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(digits) ? Number(digits) : NaN;
  if (isPercent) value = Number((value / 100).toPrecision(12));
  const whole = input.kind === "whole" || input.kind === "choice";
  if (!(value >= input.low && value <= input.high) || (whole && !Number.isInteger(value))) {
    const range = `from ${number(input.low, input.low % 1 ? 2 : 0)} to ${number(input.high, input.high % 1 ? 2 : 0)}`;
    return { problem: `Enter ${whole ? "a whole number" : "a number"} ${range}.` };
  }
  return { value };
}

// Labeled fields for inputs, each with a line of its own for what is wrong with what was typed there.
// What does not fit stays, with the reason, until it is corrected, reset, or set from elsewhere.
// `change` gets the new values. `conflict` says what is wrong between settings that fit alone, or
// null; a value that it refuses is tried again when another field changes.
export function numberFields(inputs, change, conflict = () => null) {
  let settings = {};
  let refused = {};
  const accept = (name, value) => {
    delete refused[name];
    const tries = [{ ...refused, [name]: value }, { [name]: value }];
    const values = tries.find((each) => !conflict({ ...settings, ...each }));
    if (!values) {
      refused[name] = value;
      return conflict({ ...settings, [name]: value });
    }
    for (const each of Object.keys(values)) delete refused[each];
    settings = { ...settings, ...values };
    change(values);
    return null;
  };
  const fields = inputs.map((input) =>
    (input.kind === "choice" ? checkbox : numberField)(input, (value) => accept(input.name, value)),
  );
  return {
    nodes: fields.map(({ node }) => node),
    draw(values) {
      settings = values;
      inputs.forEach(({ name }, i) => fields[i].draw(values[name]));
    },
    reset() {
      refused = {};
      for (const field of fields) field.reset();
    },
  };
}

function checkbox(input, accept) {
  const id = newId();
  const box = h("input", { id, type: "checkbox", change: () => accept(box.checked ? 1 : 0) });
  return {
    node: h("div", { class: "fml-choice" }, box, h("label", { for: id }, input.label)),
    draw: (value) => (box.checked = value === 1),
    reset() {},
  };
}

const UNITS = { fraction: "0 to 1, or %", dollars: "$", seconds: "s" };

function numberField(input, accept) {
  const [id, reason] = [newId(), newId()];
  const field = h("input", {
    ...{ id, type: "text", inputmode: "decimal", autocomplete: "off" },
    "aria-describedby": reason,
    input() {
      const { value, problem } = typed(field.value, input);
      explain(problem ?? accept(value));
    },
  });
  const trouble = h("p", { class: "fml-trouble", id: reason, role: "alert" });
  const explain = (problem) => {
    field.setAttribute("aria-invalid", String(Boolean(problem)));
    write(trouble, problem ?? "");
  };
  let shown;
  const show = () => {
    explain(null);
    if (typed(field.value, input).value !== shown) field.value = String(shown);
  };
  const unit = UNITS[input.kind];
  const label = unit ? `${input.label} (${unit})` : input.label;
  return {
    node: h("div", {}, h("label", { for: id }, label), field, trouble),
    draw(value) {
      if (value === shown) return;
      shown = value;
      show();
    },
    reset: show,
  };
}
