// The report for people: one aligned table per suite.
export function formatTable(rows) {
  if (rows.length === 0) return "";
  const names = [...new Set(rows.flatMap((row) => Object.keys(row.peers)))];
  const bounds = [...new Set(rows.flatMap((row) => Object.keys(row.bounds ?? {})))];
  const head = [
    "workload",
    "unit",
    "cistern",
    "floor",
    "× floor",
    "× best",
    "spread",
    ...names,
    ...bounds.map((name) => `(${name})`),
  ];
  const lines = rows.map((row) => [
    row.workload,
    row.unit,
    ...[row.cistern, row.floor, row.ratioToFloor, row.ratioToBestPeer, row.spread].map(figure),
    ...names.map((name) => figure(row.peers[name])),
    ...bounds.map((name) => figure(row.bounds?.[name])),
  ]);
  return align([head, ...lines]);
}

function figure(value) {
  if (value === undefined || value === null) return "–";
  if (value >= 1000) return String(Math.round(value));
  return value >= 100 ? value.toFixed(1) : value.toFixed(2);
}

function align(lines) {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const cell = (text, column) => (column < 2 ? text.padEnd(widths[column]) : text.padStart(widths[column]));
  return lines.map((line) => line.map(cell).join("  ").trimEnd()).join("\n");
}
