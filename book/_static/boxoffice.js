// What the theme leaves undone: diagrams in both themes, names and keyboard use for what needs them.
(() => {
  "use strict";
  const root = document.documentElement;
  const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const ready = (work) =>
    document.readyState === "loading" ? document.addEventListener("DOMContentLoaded", work) : work();

  // --- diagrams -------------------------------------------------------------------------
  async function drawDiagrams() {
    const drawings = [...document.querySelectorAll(".bx-mermaid")];
    if (!drawings.length || !window.mermaid) return;
    const paper = css("--bx-paper"), ink = css("--bx-ink"), line = css("--bx-line");
    window.mermaid.initialize({
      startOnLoad: false,
      securityLevel: "strict",
      theme: "base",
      fontFamily: getComputedStyle(document.body).fontFamily,
      flowchart: { useMaxWidth: true, htmlLabels: true, subGraphTitleMargin: { top: 6, bottom: 10 } },
      themeVariables: {
        darkMode: root.dataset.theme === "dark", background: paper,
        primaryColor: css("--bx-panel-solid") || paper, primaryTextColor: ink, primaryBorderColor: css("--bx-curtain"),
        secondaryColor: paper, tertiaryColor: paper, lineColor: ink, textColor: ink,
        clusterBkg: paper, clusterBorder: line, edgeLabelBackground: paper, titleColor: ink,
      },
    });
    for (const [number, drawing] of drawings.entries()) {
      drawing.dataset.code ??= drawing.textContent;
      const { svg } = await window.mermaid.render(`bx-drawing-${number}`, drawing.dataset.code);
      drawing.innerHTML = svg;
      drawing.removeAttribute("tabindex");
      drawing.classList.add("bx-drawn");
    }
  }

  // --- names and keyboard use ------------------------------------------------------------
  function nameThings() {
    for (const button of document.querySelectorAll("button[title]:not([aria-label])"))
      if (!button.textContent.trim()) button.setAttribute("aria-label", button.title);
    for (const summary of document.querySelectorAll("nav li > details > summary")) {
      const page = summary.closest("li").querySelector("a")?.textContent.trim();
      summary.setAttribute("aria-label", `Pages under ${page}`);
    }
    for (const summary of document.querySelectorAll("details.hide > summary")) summary.removeAttribute("aria-label");
    for (const header of document.querySelectorAll(".cell_output th:empty")) {
      const cell = document.createElement("td"); // a header without words names nothing
      cell.style.cssText = header.style.cssText;
      header.replaceWith(cell);
    }
    for (const copy of document.querySelectorAll("button.copybtn")) {
      copy.setAttribute("aria-label", "Copy this code");
    }
  }

  // What scrolls sideways must be reachable by keyboard.
  function reachScrolling() {
    for (const box of document.querySelectorAll("pre, .cell_output .output, .pst-scrollable-table-container, .bx-scroll")) {
      const scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
      if (scrolls && !box.hasAttribute("tabindex")) box.tabIndex = 0;
    }
  }

  // A widget: the screen of what its menus say, the last menu turning fastest.
  function leaf(widget) {
    const menus = [...widget.querySelectorAll("select")];
    const show = () => {
      const wanted = menus.reduce((sum, menu) => sum * menu.options.length + menu.selectedIndex, 0);
      widget.querySelectorAll(":scope > .bx-screen").forEach((screen, number) => (screen.hidden = number !== wanted));
      reachScrolling();
    };
    for (const menu of menus) menu.addEventListener("change", show);
    show(); // a browser keeps choices over a reload
  }

  // The theme's buttons drop the focus when the keyboard presses them.
  addEventListener("click", (event) => {
    const button = event.target.closest?.("button.btn");
    if (button && event.detail === 0) setTimeout(() => document.activeElement === document.body && button.focus(), 0);
  });

  ready(() => {
    nameThings();
    document.querySelectorAll(".bx-play").forEach(leaf);
    reachScrolling();
    drawDiagrams();
    let waiting = 0;
    addEventListener("resize", () => {
      clearTimeout(waiting);
      waiting = setTimeout(reachScrolling, 200);
    });
    new MutationObserver(() => drawDiagrams()).observe(root, { attributeFilter: ["data-theme"] });
  });
  addEventListener("load", () => {
    nameThings();
    reachScrolling();
  });
})();
