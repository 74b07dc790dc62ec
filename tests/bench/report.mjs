// What was measured, as the tables of docs/performance.md.

const milliseconds = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2));
const times = (value) => `${value.toFixed(2)} ×`;
const number = (value) => Math.round(value).toLocaleString("en-GB");
const row = (cells) => `| ${cells.join(" | ")} |`;
const table = (head, rows) => [row(head), `|---|${"---:|".repeat(head.length - 1)}`, ...rows.map(row)].join("\n");
const distinct = (values) => [...new Set(values)];
const kind = (encrypted) => (encrypted ? "encrypted" : "plain");

/** One row for each thing measured, one column for each size with encryption on and off. */
function bySize(figures, { tail }) {
  const columns = distinct(figures.map(({ messages, encrypted }) => `${messages} ${kind(encrypted)}`));
  const shown = (figure) =>
    figure === undefined ? "" : milliseconds(figure.median_ms) + (tail ? ` (${milliseconds(figure.p99_ms)})` : "");
  const rows = distinct(figures.map(({ what }) => what)).map((what) => {
    const at = (column) =>
      figures.find((figure) => figure.what === what && `${figure.messages} ${kind(figure.encrypted)}` === column);
    return [what, ...columns.map((column) => shown(at(column)))];
  });
  const named = columns.map((column) => column.replace(/^\d+/, number));
  return table(["ms", ...named], rows);
}

function mergedPages(figures) {
  const accounts = distinct(figures.map((figure) => figure.accounts));
  const sizes = distinct(figures.map((figure) => figure.messages_per_account));
  const rows = sizes.map((size) => [
    `${number(size)} each`,
    ...accounts.map((count) => {
      const figure = figures.find((one) => one.messages_per_account === size && one.accounts === count);
      if (figure === undefined) return "–";
      return `${milliseconds(figure.median_ms)} (${milliseconds(figure.p99_ms)}), ${times(figure.to_one_account)}, ${times(figure.to_smallest_size)}`;
    }),
  ]);
  return table(["ms, of one account, of the smallest", ...accounts.map((count) => `${count} account${count > 1 ? "s" : ""}`)], rows);
}

function ingested({ encrypted, plain, rates, ...of }) {
  const rows = [
    ["metadata, encrypted", encrypted],
    ["metadata, plain", plain],
    ["metadata, body and index, encrypted", of["pipeline encrypted"]],
    ["metadata, body and index, plain", of["pipeline plain"]],
  ];
  const lines = rows.map(([what, { messages, store_per_s, bare_per_s, ratio }]) => [
    what, number(messages), number(store_per_s), number(bare_per_s), times(ratio),
  ]);
  const tenth = number(rates.messages / 10);
  lines.push([`last ${tenth} of ${number(rates.messages)} against the first`, tenth, number(rates.per_s.at(-1)), number(rates.per_s[0]), times(rates.last_of_first)]);
  lines.push(["the same by the bare loop", tenth, number(rates.bare_per_s.at(-1)), number(rates.bare_per_s[0]), times(rates.bare_last_of_first)]);
  return table(["", "messages", "a second", "bare loop or first", "ratio"], lines);
}

function meanwhile({ arriving, page_quiet, page_meanwhile, mark_quiet, mark_meanwhile, transaction }) {
  const line = (what, figures, against) => [
    what, milliseconds(figures.p50_ms), milliseconds(figures.p99_ms), milliseconds(figures.most_ms),
    against ? times(figures.p99_ms / against.p99_ms) : "",
  ];
  return table(["ms", "p50", "p99", "most", "p99 against"], [
    line("first page in silence", page_quiet),
    line(`first page while ${number(arriving)} arrive`, page_meanwhile, page_quiet),
    line("a mark in silence", mark_quiet),
    line(`a mark while ${number(arriving)} arrive`, mark_meanwhile, transaction),
    line("a transaction of 500 that arrive", transaction),
  ]);
}

function neighbour({ alone, beside, ratio_p95 }) {
  return table(["ms", "p50", "p95"], [
    ["alone", milliseconds(alone.p50_ms), milliseconds(alone.p95_ms)],
    ["beside a slow, a refused and a broken one", milliseconds(beside.p50_ms), milliseconds(beside.p95_ms)],
    ["ratio", "", times(ratio_p95)],
  ]);
}

function firstFetch({ accounts, messages, all_ms, around_ms, bare_transfer_ms, octets, ratio }) {
  return table(["", ""], [
    [`first fetch of ${number(messages)} messages in ${accounts} accounts`, `${number(all_ms)} ms`],
    ["of which signing in, and making and ending the server", `${number(around_ms)} ms`],
    [`the same ${number(octets / 1e6)} MB by curl`, `${number(bare_transfer_ms)} ms`],
    ["ratio", times(ratio)],
  ]);
}

function starting({ accounts, messages, painted, bare_window, press_to_painted, idle }) {
  return table(["", ""], [
    [`a window with one word in it, the same way, median of ${bare_window.runs}`, `${number(bare_window.median_ms)} ms`],
    [`start to painted list, ${accounts} accounts, ${number(messages)} messages, median of ${painted.runs}`, `${number(painted.median_ms)} ms (${number(painted.least_ms)} to ${number(painted.most_ms)})`],
    [`press of an account to its painted rows, median of ${press_to_painted.runs} (p95)`, `${milliseconds(press_to_painted.median_ms)} ms (${milliseconds(press_to_painted.p95_ms)})`],
    ["memory of all processes, shared pages by their share", `${number(idle.memory_mib)} MiB`],
    [`processor time at rest, over ${idle.seconds} s, median of ${idle.looks}`, `${idle.processor_percent} % of one core`],
  ]);
}

/** The tables of the parts that were run, by name. */
export function tables(results) {
  const made = {};
  if (results.first_page) made["pages"] = bySize(results.first_page, { tail: true });
  if (results.merged_page) made["merged pages"] = mergedPages(results.merged_page);
  if (results.ingest) {
    made["ingest"] = ingested(results.ingest);
    made["meanwhile"] = meanwhile(results.ingest.meanwhile);
  }
  if (results.search) made["search"] = bySize(results.search, { tail: true });
  if (results.bad_neighbour) made["neighbour"] = neighbour(results.bad_neighbour);
  if (results.first_fetch) made["first fetch"] = firstFetch(results.first_fetch);
  if (results.start) made["start"] = starting(results.start);
  const measured = `Measured on ${results.machine}, ${results.date}.`;
  return Object.fromEntries(Object.entries(made).map(([name, text]) => [name, `${text}\n\n${measured}`]));
}

/** Puts tables between their marks, `<!-- name -->` and `<!-- end of name -->`; every one has to have its place. */
export function replaceTables(text, made) {
  for (const [name, table] of Object.entries(made)) {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
    const from = text.indexOf(begin);
    const to = text.indexOf(end);
    if (from < 0 || to < from) throw new Error(`docs/performance.md has no place for "${name}"`);
    text = `${text.slice(0, from + begin.length)}\n${table}\n${text.slice(to)}`;
  }
  return text;
}
