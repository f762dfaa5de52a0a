// A term or a citation that has the focus shows its note, which a mouse gets from the link's title.

(() => {
  const NOTED = "article a[title]:not(.headerlink)";
  const GAP = 6; // pixels between the link and its note

  const note = document.createElement("div");
  note.className = "fm-linknote";
  note.hidden = true;
  note.setAttribute("aria-hidden", "true"); // a screen reader reads the title itself

  function show(link) {
    note.textContent = link.title;
    note.hidden = false;
    const { left, top, bottom } = link.getClientRects()[0];
    const { clientWidth, clientHeight } = document.documentElement;
    const { offsetWidth, offsetHeight } = note;
    const hasRoom = bottom + GAP + offsetHeight <= clientHeight;
    const x = Math.max(GAP, Math.min(left, clientWidth - offsetWidth - GAP));
    const y = hasRoom ? bottom + GAP : top - GAP - offsetHeight;
    note.style.left = `${x + window.scrollX}px`;
    note.style.top = `${y + window.scrollY}px`;
  }
  const hide = () => {
    note.hidden = true;
  };

  function start() {
    document.body.append(note);
    document.addEventListener("focusin", ({ target }) => {
      if (target.matches(NOTED) && target.matches(":focus-visible")) show(target);
      else hide();
    });
    document.addEventListener("focusout", hide);
    document.addEventListener("keydown", ({ key }) => {
      if (key === "Escape") hide();
    });
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
