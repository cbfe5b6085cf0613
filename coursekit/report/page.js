// Columns that sort at a press. Without this the page reads the same.
const number = (text) => Number.parseFloat(text.replace(/\s/g, ""));
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const key = (row, place) => {
    const cell = row.cells[place];
    const time = cell.querySelector("time");
    return time ? time.dateTime : cell.textContent.trim();
  };
  heads.forEach((head, place) => {
    if (head.classList.contains("c")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") === "descending" || (!head.hasAttribute("aria-sort") && !head.classList.contains("n"));
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...table.tBodies[0].rows].sort((one, other) => {
        const [a, b] = [key(one, place), key(other, place)];
        const order = head.classList.contains("n") ? (number(a) || 0) - (number(b) || 0) : a.localeCompare(b);
        return up ? order : -order;
      });
      table.tBodies[0].append(...rows);
    });
  });
}
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
});
