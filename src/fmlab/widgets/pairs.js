// Buttons that fill in two texts at once. `draw` gets the index of the pair that is shown, or -1.
function pairButtons({ label, names, choose }) {
  const buttons = names.map((name, i) => h("button", { click: () => choose(i) }, name));
  const heading = h("span", { class: "fml-note", id: newId() }, label);
  return {
    node: h("div", { class: "fml-pairs", role: "group", "aria-labelledby": heading.id }, heading, ...buttons),
    draw(shown) {
      buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === shown)));
    },
  };
}
