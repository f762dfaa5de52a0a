// 95% intervals.

const Z = 1.959963984540054; // the 97.5% quantile of the normal distribution

// Wilson's 95% interval of a rate, as fmlab.evaluation.wilson_interval.
export function wilson(successes, n) {
  const [rate, weight] = [successes / n, Z ** 2 / n];
  const middle = (rate + weight / 2) / (1 + weight);
  const half = (Z / (1 + weight)) * Math.sqrt((rate * (1 - rate)) / n + weight / n / 4);
  return [successes ? middle - half : 0, successes < n ? middle + half : 1];
}
