// The search of the book: on its page and in the dialog, while one types. Nothing is loaded before
// a reader types: then MiniSearch and the index come from this site.

(() => {
  const SITE = new URL(".", document.currentScript.src);
  const ROOT = new URL("..", SITE);
  const KINDS = {
    exercises: "Exercises",
    teaching: "Teaching",
    glossary: "Glossary",
    reference: "Reference",
    api: "Package",
    cover: "Cover",
  };
  const FROM_FILE =
    "A page that was opened from a file may not load the index. Open the book on its site, or run make serve.";

  let loading;
  const load = () =>
    (loading ??= (async () => {
      const [{ default: MiniSearch }, rank, response] = await Promise.all([
        import(new URL("vendor/minisearch/minisearch.js", SITE)),
        import(new URL("search/rank.js", SITE)),
        fetch(new URL("search/index.json", SITE)),
      ]);
      if (!response.ok) throw new Error(`This site does not have the index (${response.status}).`);
      return { rank, index: rank.makeIndex(MiniSearch, await response.json()) };
    })().catch((error) => {
      loading = undefined; // another key tries again
      throw error;
    }));

  function h(name, attributes, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  }
  const link = (url, ...content) => h("a", { href: new URL(url, ROOT).href }, ...content);

  function passage(rank, text, query) {
    const parts = rank.snippet(text, query);
    return parts.map(({ text: piece, marked }) => (marked ? h("mark", {}, piece) : piece));
  }
  function result(rank, page, query) {
    const [first, ...others] = page.sections;
    const isEntry = page.kind === "glossary" || page.kind === "api";
    const title = isEntry ? `${first.heading}` : page.title;
    const kind = KINDS[page.kind];
    const more = first.heading && !isEntry && first.heading !== page.title ? [first.heading] : [];
    const url = first.url;
    return h(
      "li",
      {},
      link(url, title),
      ...(kind ? [h("span", { class: "fml-kind" }, kind)] : []),
      ...(more.length ? [h("div", { class: "fml-where" }, ...more)] : []),
      h("p", {}, ...passage(rank, first.text, query)),
      ...(others.length && !isEntry
        ? [h("p", { class: "fml-more" }, "Also: ", ...others.flatMap((o, i) => [i ? " · " : "", link(o.url, o.heading)]))]
        : []),
    );
  }
  function entryOf({ names, text, url }) {
    const name = h("strong", {}, names.join(", "));
    return h("p", { class: "fml-definition" }, name, ": ", text, " ", link(url, "In the glossary"));
  }

  function attach(form) {
    const input = form.querySelector("input[name=q]");
    const page = document.getElementById("search-results");
    const isPage = page !== null && !form.closest("dialog");
    const place = isPage ? page : h("div", { class: "fml-results" });
    if (!isPage) form.after(place);
    place.setAttribute("aria-live", "polite");
    let asked = 0;
    async function show() {
      const query = input.value.trim();
      const own = (asked += 1);
      if (!query) return place.replaceChildren();
      try {
        if (location.protocol === "file:") throw new Error(FROM_FILE);
        const { rank, index } = await load();
        if (own !== asked) return; // another key was pressed meanwhile
        const pages = rank.search(index, query, isPage ? 20 : 6);
        const entry = rank.definition(index, query);
        const count = pages.length === 1 ? "1 page" : `${pages.length} pages`;
        place.replaceChildren(
          h("p", { class: "fml-count" }, pages.length ? count : `Nothing in the book matches “${query}”.`),
          ...(entry ? [entryOf(entry)] : []),
          h("ol", {}, ...pages.map((found) => result(rank, found, query))),
        );
      } catch (error) {
        place.replaceChildren(h("p", { class: "fml-count" }, `The search does not work here. ${error.message}`));
      }
    }
    input.addEventListener("input", show);
    if (!isPage) return;
    const query = new URLSearchParams(location.search).get("q");
    if (query) input.value = query;
    if (query) show();
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      history.replaceState(null, "", `?q=${encodeURIComponent(input.value)}`);
      show();
    });
  }

  const run = () => document.querySelectorAll("form.bd-search").forEach(attach);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", run);
  else run();
})();
