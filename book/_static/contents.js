// The contents at the right show where the reader is: the last heading that has reached the top of
// the window. The theme lights an entry only when its heading comes into a part of the window, so it lags
// behind a jump and a turn of the wheel.

(() => {
  const LINE = 120; // pixels below the top; a link puts its heading above this

  function start() {
    const links = [...document.querySelectorAll(".page-toc .nav-link[href^='#']")];
    const named = (link) => document.getElementById(decodeURIComponent(link.hash.slice(1)));
    const sections = links.map(named);
    if (!links.length) return;

    function show() {
      waiting = false;
      const atEnd = window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 2;
      const edge = atEnd && window.scrollY > 0 ? window.innerHeight : LINE;
      const here = sections.findLastIndex((section) => section?.getBoundingClientRect().top <= edge);
      links.forEach((link, index) => {
        link.classList.toggle("active", index === here);
        if (index === here) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      });
    }

    let waiting = false;
    const soon = () => {
      if (!waiting) requestAnimationFrame(show);
      waiting = true;
    };
    window.addEventListener("scroll", soon, { passive: true });
    window.addEventListener("resize", soon);
    soon(); // with the first picture: to ask for positions now would lay out the page once more
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
