// Rows as CSV, as Python's csv module writes them; text that a spreadsheet would run as a formula gets an apostrophe before it.
import { formula } from "./wire.js";

function cell(text) {
  const safe = formula.includes(text[0]) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
export const csv = (rows) => rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
