// Sort a table by the column whose heading is pressed: numbers by data-v, all else as text.
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const heading = button.parentElement, row = heading.parentElement;
    const body = heading.closest("table").tBodies[0];
    const down = heading.getAttribute("aria-sort") === "ascending";
    const at = [...row.children].indexOf(heading);
    const key = (line) => {
      const cell = line.children[at], value = cell.dataset.v;
      return value === undefined ? cell.textContent : Number(value);
    };
    const order = (a, b) => {
      if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
      const less = typeof a === "number" ? a - b : a.localeCompare(b);
      return down ? -less : less;
    };
    for (const other of row.children) other.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...[...body.rows].sort((a, b) => order(key(a), key(b))));
  });
}
