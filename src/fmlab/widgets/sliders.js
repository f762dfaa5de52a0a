// A slider with its name, its value as `show` writes it, and what its two ends mean, if that is given.
// `stops` are the values that it has.
function sliderCard({ name, ends = [], stops, show = shortly, nearest = nearestStop, moved }) {
  const id = newId();
  const input = () => moved(stops[range.value]);
  const range = h("input", { id, type: "range", min: 0, max: stops.length - 1, input });
  const value = h("output", { for: id });
  return {
    node: h(
      "div",
      {},
      h("div", { class: "fml-heads" }, h("label", { for: id }, name), value),
      h("div", { class: "fml-slider" }, range),
      ends.length ? h("div", { class: "fml-heads fml-note" }, ...ends.map((end) => h("span", {}, end))) : "",
    ),
    draw(setting) {
      if (stops[range.value] !== setting) range.value = nearest(stops, setting);
      range.setAttribute("aria-valuetext", show(setting));
      write(value, show(setting));
    },
  };
}

const shortly = (value) => String(Number(value.toPrecision(4)));
