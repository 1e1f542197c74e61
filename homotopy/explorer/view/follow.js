// θ₀ is held: what is drawn follows in the page itself, from sums whose coefficients it has.
// arguments: handle, at, figure, followed ([[what is drawn, its coefficients], …]), costs,
// axes ([[what is drawn, its columns, their limits, whether these are logarithmic], …]), room, filled.
// A column "name:i:k" holds the coefficient of the k-th term of the i-th number of "name".
const a = handle.data.x[0] - at.data.x[0], b = handle.data.y[0] - at.data.y[0];
const terms = [1, a, b, a * a, a * b, b * b];

function number(data, name, row, length) {
  const sum = new Float64Array(length);
  for (let k = 0; `${name}:${row}:${k}` in data; k++) {
    const part = data[`${name}:${row}:${k}`];
    for (let i = 0; i < length; i++) sum[i] += terms[k] * part[i];
  }
  return sum;
}

function column(data, name, length) {
  if (!(`${name}:1:0` in data)) return number(data, name, 0, length);
  // An ℰ is half a sum of squares.
  const sum = new Float64Array(length);
  for (const row of [0, 1, 2]) {
    const part = number(data, name, row, length);
    for (let i = 0; i < length; i++) sum[i] += 0.5 * part[i] * part[i];
  }
  return sum;
}

for (const [drawn, parts] of followed) {
  const target = drawn.data, data = parts.data;
  for (const key of Object.keys(data)) {
    if (!key.endsWith(":0:0")) continue;
    const name = key.slice(0, -4), own = target[name];
    // Another schedule is on its way: its own numbers come with it.
    if (own === undefined || own.length !== data[key].length) return;
    const values = column(data, name, own.length);
    const least = drawn.tags[0] ?? -Infinity;  // that a logarithm shows
    for (let i = 0; i < own.length; i++) own[i] = Math.max(values[i], least);
  }
  if ("up" in target) {
    for (let i = 0; i < target.y.length; i++) {
      target.up[i] = Math.max(target.y[i], 0);
      target.down[i] = Math.min(target.y[i], 0);
    }
  }
  drawn.change.emit();
}

// Limits stay as long as the curves fill enough of them: an axis costs more to paint than a curve.
for (const [drawn, names, range, logarithmic] of axes) {
  const [to, from] = logarithmic ? [Math.log10, (y) => 10 ** y] : [(y) => y, (y) => y];
  let low = logarithmic ? Infinity : 0, high = logarithmic ? -Infinity : 0;
  for (const name of names) {
    for (const y of drawn.data[name]) {
      if (y < low) low = y;
      if (y > high) high = y;
    }
  }
  [low, high] = [to(low), to(high)];
  const [start, end] = [to(range.start), to(range.end)], height = high - low;
  if (start <= low && high <= end && height >= filled * (end - start)) continue;
  const space = height > 0 ? room * height : 1;
  range.setv({start: from(low - space), end: from(high + space)});
}

// The table, as `readout` writes it.
function* everything(root) {
  for (const element of root.querySelectorAll("*")) {
    yield element;
    if (element.shadowRoot !== null) yield* everything(element.shadowRoot);
  }
}

function holds(view) {
  return view.model === figure || [...(view.child_views ?? [])].some(holds);
}

function found() {
  const root = Object.values(Bokeh.index).find(holds);
  const top = root?.el?.shadowRoot ?? root?.el ?? document;
  return [...everything(top)].filter((element) => element.matches("tr[data-of]"));
}

function written(value, least, digits) {
  const text = value === 0 || Math.abs(value) >= least
    ? String(Number(value.toPrecision(3))) : value.toExponential(digits);
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}

function tell() {
  const known = (window.homotopy_rows ??= new WeakMap());
  let rows = known.get(figure);
  if (rows === undefined || rows.length === 0 || !rows[0].isConnected) known.set(figure, rows = found());
  const of = (name) => costs.data.cost[costs.data.name.indexOf(name)];
  const at_once = of("delete at once");
  for (const row of rows) {
    const value = of(row.dataset.of);
    if (value === undefined) continue;
    const [cost, ratio] = row.querySelectorAll("td");
    cost.textContent = written(value, 1e-3, 2);
    ratio.textContent = at_once > 0 ? written(value / at_once, 1e-3, 1) : "—";
  }
}

// In the same frame, but after the figures, which ask for styles: those are then found once.
requestAnimationFrame(tell);
