// The planning models: the formulas of fmlab.planning, by name, from settings to results.

const HOUR_SECONDS = 3600;
const MARKET = 1e6;
const sum = (values) => values.reduce((total, value) => total + value, 0);
const orInfinity = (amount, per) => (per > 0 ? amount / per : Infinity);

export function waiting(s) {
  const expected =
    s.p_competitor * s.competitor_loss + s.p_missed * s.missed_profit + s.p_late * s.late_cost;
  return {
    expected_loss: expected,
    value: s.success * expected - s.cost,
    break_even_success: orInfinity(s.cost, expected),
  };
}

export function role(s) {
  const allowed = s.tolerated * (s.proactive ? s.strictness : 1);
  const bar = Math.max(0, 1 - allowed / (1 - (s.critical ? 0 : s.recovered)));
  return {
    quality_bar: bar,
    at_release: bar + s.drift * (s.dynamic ? 1 : s.update_days),
    latency_budget: s.proactive
      ? s.lead_hours * HOUR_SECONDS
      : Math.max(0, s.patience - s.overhead),
  };
}

export const breakEvenAccuracy = (s) =>
  s.human_accuracy - (s.human_cost - s.model_cost) / s.error_cost;

export function automation(s) {
  const accuracy = s.easy * s.easy_accuracy + (1 - s.easy) * s.hard_accuracy;
  const human = s.human_cost + (1 - s.human_accuracy) * s.error_cost;
  const hard = s.routed * human + (1 - s.routed) * (1 - s.hard_accuracy) * s.error_cost;
  const fixed = s.caught * human + (1 - s.caught) * s.error_cost;
  return {
    accuracy,
    human,
    crawl: s.model_cost + s.review_cost + (1 - accuracy) * fixed,
    walk: s.model_cost + s.easy * (1 - s.easy_accuracy) * s.error_cost + (1 - s.easy) * hard,
    run: s.model_cost + (1 - accuracy) * s.error_cost,
    break_even: breakEvenAccuracy(s),
  };
}

export function flywheel(s) {
  const users = [];
  let [n, data, growth] = [s.users, 0, 0];
  for (let t = 0; t <= s.months; t++) {
    const q = s.quality + (s.data_gain * data) / (data + s.half_data);
    const outside = t >= s.ship_month ? s.outside_after : s.outside;
    growth = Math.max(0, s.retention + s.invites * (q - outside));
    users.push(n);
    data += n;
    n = Math.min(MARKET, growth * n + s.inflow);
  }
  return {
    users_before: users[Math.max(0, Math.min(s.ship_month, s.months))],
    users_end: users.at(-1),
    growth_end: growth,
    break_even_retention: 1 - s.invites * (s.quality + s.data_gain - s.outside_after),
    steady_users: growth < 1 ? Math.min(MARKET, s.inflow / (1 - growth)) : MARKET,
  };
}

export function usefulness(s) {
  const total = s.first_token + Math.max(0, s.tokens_out - 1) * s.per_token;
  const cost = (s.tokens_in * s.price_in + s.tokens_out * s.price_out) / 1e6;
  const breakEven = 1 - (s.saved - cost - s.fixed / s.requests) / s.error_cost;
  const met = [
    s.accuracy >= breakEven,
    s.first_token <= s.limit_first,
    s.per_token <= s.limit_token,
    total <= s.limit_total,
    cost <= s.limit_cost,
  ];
  return {
    total_seconds: total,
    request_cost: cost,
    value: s.requests * (s.saved - cost - (1 - s.accuracy) * s.error_cost) - s.fixed,
    break_even: breakEven,
    met: met.filter(Boolean).length,
  };
}

// The qualities that are reached after 0, 1, ... problems are solved, the most common first.
function fixesNeeded(quality, kinds, skew) {
  const frequencies = Array.from({ length: kinds }, (_, i) => (i + 1) ** -skew);
  const total = sum(frequencies);
  let [done, n] = [0, 0];
  while (n < kinds && Math.min(1, done) < quality - 1e-9) {
    done += frequencies[n] / total;
    n += 1;
  }
  return n;
}

export function lastMile(s) {
  const needed = fixesNeeded(s.target, s.kinds, s.skew);
  const start = fixesNeeded(s.start, s.kinds, s.skew);
  return {
    weeks_from_zero: s.weeks_per_fix * needed,
    weeks: s.weeks_per_fix * Math.max(0, needed - start),
    after_60: Math.max(0, 1 - fixesNeeded(0.6, s.kinds, s.skew) / needed),
  };
}

export function drift(s) {
  const [first, factor] = [s.requests * s.request_cost, (1 + s.growth) * (1 - s.price_decline)];
  let until = Infinity;
  if (s.latency_limit <= s.latency) until = 0;
  else if (s.latency_growth > 0)
    until = Math.log(s.latency_limit / s.latency) / Math.log(1 + s.latency_growth);
  return {
    first_bill: first,
    last_bill: first * factor ** (s.months - 1),
    total: first * sum(Array.from({ length: s.months }, (_, t) => factor ** t)),
    bill_factor: factor,
    payback: orInfinity(s.switch_cost, first * s.switch_saving),
    months_to_limit: until,
  };
}

export function sourcing(s) {
  const n = s.requests * s.months;
  const [buy, tune, build] = ["buy", "tune", "build"].map(
    (way) => s[`${way}_cost`] + (1 - s[`${way}_accuracy`]) * s.error_cost,
  );
  const volume = (extra, saved) =>
    saved > 0 ? Math.max(0, extra) / saved / s.months : Infinity;
  return {
    buy: n * buy,
    tune: s.tune_fixed + n * tune,
    build: s.build_fixed + n * build,
    tune_from: volume(s.tune_fixed, buy - tune),
    build_from: volume(s.build_fixed - s.tune_fixed, tune - build),
  };
}

export const FORMULAS = {
  waiting,
  role,
  automation,
  flywheel,
  usefulness,
  last_mile: lastMile,
  drift,
  sourcing,
};

// The lowest and highest value of an input when it changes by `swing` of itself, or, for a
// fraction, of its distance to 0 or 1, whichever is nearer.
function endsOf(input, settings, swing) {
  if (input.kind === "choice") return [0, 1];
  const value = settings[input.name];
  const isShare = input.kind === "fraction" && input.high <= 1;
  const step = swing * (isShare ? Math.min(value, 1 - value) : value);
  const low = Math.max(input.low, value - step);
  let high = Math.min(input.high, value + step);
  const other = { quality: "data_gain", data_gain: "quality" }[input.name];
  if (other) high = Math.min(high, 1 - settings[other]);
  return input.kind === "whole" ? [low, high].map((x) => Math.floor(x + 0.5)) : [low, high];
}

// Which input moves the key result most: rows [name, result when lower, result when higher].
export function sensitivity({ name, key, inputs }, settings, swing = 0.2) {
  const width = ([, low, high]) => (Number.isFinite(high - low) ? Math.abs(high - low) : Infinity);
  return inputs
    .map((input) => [
      input.name,
      ...endsOf(input, settings, swing).map(
        (value) => FORMULAS[name]({ ...settings, [input.name]: value })[key],
      ),
    ])
    .map((row, i) => ({ row, i, width: width(row) }))
    .sort((a, b) => (a.width === b.width ? a.i - b.i : b.width - a.width))
    .map(({ row }) => row);
}

// What must hold between inputs, or null: the sentence that says what is wrong.
export const conflict = (name, s) =>
  name === "flywheel" && s.quality + s.data_gain > 1 + 1e-12
    ? "Quality at the start and the most that data can add must be at most 1 together."
    : null;
