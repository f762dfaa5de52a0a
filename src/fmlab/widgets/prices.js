// The price calculator. First the arithmetic, that of fmlab.scaling.prices; then the display.

const DAYS_PER_MONTH = 30;

export function monthlyCost(volume, { price_in: priceIn, price_out: priceOut, price_cached }) {
  const { requests_per_day: requests, tokens_in, tokens_out, cached } = volume;
  const paidIn = (1 - cached) * priceIn + cached * (price_cached ?? priceIn);
  return (DAYS_PER_MONTH * requests * (tokens_in * paidIn + tokens_out * priceOut)) / 1e6;
}

// The bill of each model, and how far the lowest one has fallen among models that score enough.
// Prices come by date.
export function priceHistory(volume, leastMmlu, prices) {
  const bills = Object.fromEntries(prices.map((p) => [p.model, monthlyCost(volume, p)]));
  const lowest = [];
  for (const price of prices) {
    const isLower = !lowest.length || bills[price.model] < bills[lowest.at(-1).model];
    if (price.mmlu >= leastMmlu && isLower) lowest.push(price);
  }
  const [first, last] = [lowest[0], lowest.at(-1)];
  return {
    bills,
    lowest: lowest.map(({ model }) => model),
    times: bills[first.model] / bills[last.model],
    years: last.time - first.time,
  };
}

// The powers of ten around the bills, as exponents: the ends of a logarithmic axis.
export function axisEnds(bills) {
  const logs = Object.values(bills).map(Math.log10);
  const least = Math.floor(Math.min(...logs) + 1e-9);
  return [least, Math.max(least + 1, Math.ceil(Math.max(...logs) - 1e-9))];
}

// 2021, 11 -> "November 2021".
export const monthName = (year, month) => `${MONTHS[month - 1]} ${year}`;

const MONTHS = [
  "January", "February", "March", "April", "May", "June",
  "July", "August", "September", "October", "November", "December",
];

function render({ model, el }) {
  const [prices, inputs] = [model.get("prices"), model.get("inputs")];
  const controls = numberFields(inputs, (values) => update(model, values));
  const change = () => update(model, { score: Number(select.value) });
  const select = h(
    "select",
    { id: newId(), change },
    ...model.get("scores").map((score) => h("option", { value: score }, `${score}% or more`)),
  );
  const tiles = h("div", { class: "fml-tiles fml-price-tiles" });
  const rows = h("ol", { class: "fml-results fml-price-rows" });
  const scale = h("div", { class: "fml-price-scale", "aria-hidden": "true" });
  const framed = frame(
    el,
    { kind: "fml-prices", title: model.get("title") },
    h(
      "div",
      { class: "fml-fields" },
      ...controls.nodes,
      h("div", {}, h("label", { for: select.id }, "MMLU score needed"), select),
    ),
    tiles,
    rows,
    scale,
    h("p", { class: "fml-note" }, cacheNote(prices)),
  );
  const draw = () => {
    const volume = Object.fromEntries(inputs.map(({ name }) => [name, model.get(name)]));
    const score = model.get("score");
    controls.draw(volume);
    select.value = String(score);
    const found = priceHistory(volume, score, prices);
    const shown = summary(volume, found, prices);
    tiles.replaceChildren(
      ...shown.map(([name, text]) => h("div", {}, h("span", {}, name), h("strong", {}, text))),
    );
    const ends = axisEnds(found.bills);
    rows.replaceChildren(...prices.map((price) => priceRow(price, found, score, ends)));
    scale.replaceChildren(
      ...ends.map((exponent) => h("span", {}, `$${number(10 ** exponent, Math.max(0, -exponent))}`)),
    );
    framed.say(shown.map(([name, text]) => `${name}: ${text}`).join(". "));
  };
  return keepDrawn(model, [...inputs.map(({ name }) => name), "score"], framed, draw).end;
}

// The results in words: [[name, text], ...].
function summary(volume, { bills, lowest, times, years }, prices) {
  const [first, last] = [lowest[0], lowest.at(-1)].map((name) =>
    prices.find((price) => price.model === name),
  );
  const bill = ({ model }) => `${written(bills[model], "dollars")} per month`;
  const requests = volume.requests_per_day * DAYS_PER_MONTH;
  return [
    [`First: ${first.model}, ${monthName(first.year, first.month)}`, bill(first)],
    [`Lowest: ${last.model}, ${monthName(last.year, last.month)}`, bill(last)],
    [
      "From the first to the lowest",
      `${number(times, times < 9.95 ? 1 : 0)} times cheaper in ${number(years, 1)} years`,
    ],
    ["1,000 requests at the lowest price", written((1000 * bills[last.model]) / requests, "dollars")],
  ];
}

// A model's bill as a number and as a dot on a logarithmic axis; filled where it was the lowest.
function priceRow({ model, year, month, mmlu }, { bills, lowest }, score, [from, to]) {
  const isLowest = lowest.includes(model);
  const remark = mmlu < score ? "scores too low" : isLowest ? "lowest so far" : "not the lowest";
  const place = (100 * (Math.log10(bills[model]) - from)) / (to - from);
  return h(
    "li",
    {},
    h(
      "div",
      { class: "fml-heads" },
      h("span", {}, h("b", {}, model), `, ${monthName(year, month)}, MMLU ${mmlu}%: ${remark}`),
      h("span", {}, written(bills[model], "dollars")),
    ),
    h(
      "div",
      { class: "fml-price-line", "aria-hidden": "true" },
      h("i", { class: isLowest ? "fml-price-lowest" : null, style: `left:${place}%` }),
    ),
  );
}

// Which models have a price for cached tokens.
function cacheNote(prices) {
  const cheaper = prices
    .filter(({ price_cached }) => price_cached != null)
    .map(({ model, price_cached }) => `${model} ($${price_cached})`);
  return (
    `Cached input costs less only where the list says so, per million tokens: ${cheaper.join(", ")}. ` +
    "A month has 30 days. Each dot is a bill on a logarithmic axis."
  );
}

export default { render };
