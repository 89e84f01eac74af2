// What a set of noisy slices says: quartiles, the spread between them, and ratios taken slice by slice.
export function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  const at = (sorted.length - 1) * share;
  const low = Math.floor(at);
  const high = Math.ceil(at);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

export const median = (values) => quantile(values, 0.5);
export const lowerQuartile = (values) => quantile(values, 0.25);
export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
export const spreadOf = (values) => quantile(values, 0.75) / quantile(values, 0.25);

// The repetitions in which the machine was least disturbed, judged by all series together so that no one is favoured.
export function calmest(series, share) {
  const centres = series.map(median);
  const disturbance = series[0].map((_, i) =>
    series.reduce((sum, values, subject) => sum + values[i] / centres[subject], 0),
  );
  const order = [...disturbance.keys()].sort((a, b) => disturbance[a] - disturbance[b]);
  return order.slice(0, Math.max(1, Math.round(order.length * share)));
}

// Neighbouring slices share the machine's mood: their ratio is steadier than the ratio of two summaries.
export const pairedRatio = (ours, theirs) => median(ours.map((value, i) => value / theirs[i]));

// 0 against 0 is a draw; anything against 0 has no finite ratio.
export function ratio(ours, theirs) {
  if (ours === 0 && theirs === 0) return 1;
  return theirs === 0 ? null : ours / theirs;
}
