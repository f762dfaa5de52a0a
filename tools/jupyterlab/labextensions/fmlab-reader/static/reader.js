// The book in JupyterLab. Links to terms, sections and chapters lead there; hints look like something
// that opens, and their math is typeset; a notebook that was only opened is not unsaved.
//
// JupyterLab loads this file as it is: what a bundler would write around it is the last lines.
const places = fetch(new URL("places.json", document.currentScript.src)).then((reply) => reply.json());

const REFERENCE = /\{(term|ref)\}`([^`<]*?)(?:\s*<([^>`]+)>)?`/g;
const STYLE = `
.jp-MarkdownCell details { margin: 0.5em 0; }
.jp-MarkdownCell details > summary { cursor: pointer; display: list-item; list-style: disclosure-closed inside; }
.jp-MarkdownCell details[open] > summary { list-style-type: disclosure-open; }
.fmlab-note { position: fixed; inset: auto; margin: 0; max-width: 28rem; padding: 0.75rem 1rem;
  color: var(--jp-ui-font-color1); background: var(--jp-layout-color1); font-size: var(--jp-content-font-size1);
  line-height: 1.5; border: 1px solid var(--jp-border-color1); border-radius: 4px; box-shadow: var(--jp-elevation-z6); }
.fmlab-note button { margin-inline-end: 1em; padding: 0; border: 0; background: none; font: inherit;
  color: var(--jp-content-link-color); cursor: pointer; text-decoration: underline; }`;

const plain = (text) => text.trim().replace(/\s+/g, " ").toLowerCase();

// The role, text and target that a link was written with: the n-th link with a text is the n-th role with it.
function written(link, cell, source) {
  const text = plain(link.textContent);
  const links = [...cell.querySelectorAll("a.hover-link")].filter((other) => plain(other.textContent) === text);
  const roles = [...source.matchAll(REFERENCE)].filter((role) => plain(role[2]) === text);
  const [, kind, shown, target] = roles[links.indexOf(link)] ?? roles[0] ?? [];
  return kind && { kind, target: target ?? shown };
}

// The path of a file of the book, given as "book/...", for a server that was started in its folder or above.
function onServer(target, current) {
  const above = current.match(/^(.*?)(?:book|exercises)\//);
  return above ? above[1] + target : target.replace(/^book\//, "");
}

function activate(app, tracker, typesetter) {
  document.head.append(Object.assign(document.createElement("style"), { textContent: STYLE }));
  const note = Object.assign(document.createElement("div"), { className: "fmlab-note", popover: "auto" });
  document.body.append(note);

  async function open(path, cell, factory) {
    const widget = await app.commands.execute("docmanager:open", { path, factory });
    await widget?.context?.ready;
    const notebook = widget?.content;
    const index = cell ? notebook.widgets.findIndex(({ model }) => model.id === cell) : -1;
    if (index < 0) return;
    notebook.activeCellIndex = index;
    await notebook.scrollToItem(index, "start");
  }

  function button(name, action) {
    const node = Object.assign(document.createElement("button"), { textContent: name });
    node.addEventListener("click", () => (note.hidePopover(), action()));
    return node;
  }

  function show(term, link, labels, current) {
    const title = Object.assign(document.createElement("strong"), { textContent: term.name });
    const text = Object.assign(document.createElement("p"), { textContent: term.text });
    const shown = labels[term.shown];
    note.replaceChildren(title, text);
    if (shown) note.append(button("Where the book shows it", () => open(onServer(shown.path, current), shown.cell)));
    note.append(button("Glossary", () => open(onServer("book/glossary.md", current), null, "Markdown Preview")));
    note.showPopover();
    const { left, bottom, top } = link.getBoundingClientRect();
    const { width, height } = note.getBoundingClientRect();
    note.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
    note.style.top = `${bottom + height + 12 < innerHeight ? bottom + 4 : Math.max(8, top - height - 4)}px`;
  }

  // The notebook and the cell that an element of the page belongs to.
  function around(element) {
    const node = element.closest(".jp-MarkdownCell");
    const panel = node && tracker.find((panel) => panel.content.node.contains(node));
    const cell = panel?.content.widgets.find((widget) => widget.node === node);
    return cell && { node, path: panel.context.path, source: cell.model.sharedModel.getSource() };
  }

  // What a click on a link does, or undefined if the browser knows best.
  function action(link, { node, path, source }, { labels, terms }) {
    const address = link.getAttribute("href");
    const to = (label) => {
      const place = labels[label];
      return place && (() => open(onServer(place.path, path), place.cell));
    };
    if (link.matches(".hover-link")) {
      const { kind, target } = written(link, node, source) ?? {};
      const term = kind === "term" && terms[plain(target)];
      if (term) link.title = term.text;
      return term ? () => show(term, link, labels, path) : kind && to(target);
    }
    if (address.startsWith("#")) return link.title ? undefined : to(address.slice(1));
    const files = `${app.serviceManager.serverSettings.baseUrl}files/`;
    const relative = !/^[a-z]+:|^\//i.test(address);
    if (!relative && !link.href.startsWith(files)) return undefined;
    const url = new URL(relative ? new URL(address, `${files}${path}`) : link.href);
    const file = decodeURIComponent(`${url.origin}${url.pathname}`.slice(files.length));
    if (!/\.(ipynb|md)$/.test(file)) return undefined;
    const cell = labels[url.hash.slice(1)]?.cell;
    return () => open(file, cell, file.endsWith(".md") ? "Markdown Preview" : undefined);
  }

  // React keeps changing the cells, so we listen above them.
  places.then((known) => {
    const found = (event) => {
      const link = event.target.closest?.(".jp-MarkdownCell a[href]");
      const cell = link && around(link);
      return cell && action(link, cell, known);
    };
    document.addEventListener("mouseover", found);
    document.addEventListener("focusin", found);
    const follow = (event) => {
      const act = event.ctrlKey || event.metaKey ? undefined : found(event);
      if (!act) return;
      event.preventDefault();
      event.stopPropagation();
      act();
    };
    document.addEventListener("click", follow, true);
  });

  // Math in raw HTML is left as TeX.
  const typeset = () => {
    for (const math of document.querySelectorAll(".jp-MarkdownCell details .math-inline:not(:has(*))")) {
      if (math.textContent.startsWith("$")) continue;
      math.textContent = `$${math.textContent}$`;
      typesetter?.typeset(math);
    }
  };
  new MutationObserver(typeset).observe(document.body, { childList: true, subtree: true });

  // JupyterLab notes the version of the kernel in a notebook as soon as it runs. Nothing of the reader's is lost.
  tracker.widgetAdded.connect(async (_, { context }) => {
    await context.ready;
    const cells = () => JSON.stringify(context.model.toJSON().cells);
    const before = cells();
    await context.sessionContext.ready;
    const kernel = context.sessionContext.session?.kernel;
    await Promise.all([kernel?.info, kernel?.spec]);
    await new Promise((resolve) => setTimeout(resolve));
    if (context.model.dirty && cells() === before) context.model.dirty = false;
  });
}

let shared;
async function fromJupyterLab(name) {
  const [provided] = Object.values(shared[name]);
  return (await provided.get())();
}

(window._JUPYTERLAB ??= {})["fmlab-reader"] = {
  init: (scope) => { shared = scope; },
  get: async () => {
    const { INotebookTracker } = await fromJupyterLab("@jupyterlab/notebook");
    const { ILatexTypesetter } = await fromJupyterLab("@jupyterlab/rendermime");
    const plugin = { id: "fmlab-reader:plugin", autoStart: true, requires: [INotebookTracker], optional: [ILatexTypesetter], activate };
    return () => ({ __esModule: true, default: plugin });
  },
};
