"use strict";
// Tables that are sorted by a click on a heading, filtered by words, and whose runs are chosen.
(() => {
  const number = (text) => (/^[-+]?[\d.]/.test(text) ? parseFloat(text) : NaN);
  const by = (column, sign) => (one, other) => {
    const [a, b] = [one, other].map((row) => row.cells[column].textContent);
    const [x, y] = [number(a), number(b)];
    if (Number.isNaN(x) && Number.isNaN(y)) return sign * a.localeCompare(b);
    return Number.isNaN(x) ? 1 : Number.isNaN(y) ? -1 : sign * (x - y);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
        table.tBodies[0].append(...[...table.tBodies[0].rows].sort(by(column, sign)));
      });
    });
  }
  for (const section of document.querySelectorAll("section")) {
    const table = section.querySelector("table.sortable");
    if (!table) continue;
    const [find, boxes] = [section.querySelector(".filter"), [...section.querySelectorAll(".choose input")]];
    const choose = () => {
      const words = find.value.toLowerCase().split(/\s+/);
      const off = new Set(boxes.filter((box) => !box.checked).map((box) => box.value));
      for (const row of table.tBodies[0].rows) {
        const text = row.textContent.toLowerCase();
        if (!words.every((word) => text.includes(word))) off.add(row.cells[0].textContent);
        row.hidden = off.has(row.cells[0].textContent);
      }
      section.querySelectorAll("figure").forEach((figure) => { figure.hidden = off.has(figure.dataset.runs); });
      section.querySelector(".curves")?.dispatchEvent(new CustomEvent("chosen", { detail: off }));
    };
    find.addEventListener("input", choose);
    boxes.forEach((box) => box.addEventListener("change", choose));
  }
})();
