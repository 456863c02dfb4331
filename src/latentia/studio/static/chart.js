// One line chart: the course of a log, of one run or of two.
import { count, h, short, words } from "./core.js";

const WIDTH = 520, HEIGHT = 240, LEFT = 54, RIGHT = 12, TOP = 10, BOTTOM = 30;

function ticks(low, high, about) {
  const step = 10 ** Math.floor(Math.log10((high - low) / about || 1));
  const nice = [1, 2, 5, 10].map((each) => each * step).find((each) => (high - low) / each <= about) || step;
  const found = [];
  for (let at = Math.ceil(low / nice) * nice; at <= high + nice * 1e-9; at += nice) found.push(Number(at.toPrecision(12)));
  return found;
}

// A log's start may be so tall that all the rest is flat: the limits are those of what follows its first tenth.
function limits(lines) {
  const late = lines.flatMap((line) => line.points.slice(Math.floor(line.points.length / 10)).map((point) => point[1]));
  const low = Math.min(...late), high = Math.max(...late);
  const room = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [low - room, high + room];
}

// lines: [{label, points: [[seen, value]], mark: 0.., dashed}]
export function chart(name, lines) {
  const drawn = lines.filter((line) => line.points.length);
  const figure = h("figure", { class: "chart" }, h("figcaption", {}, words(name)));
  if (!drawn.length) return figure;
  const most = Math.max(...drawn.flatMap((line) => line.points.map((point) => point[0])), 1);
  const [low, high] = limits(drawn);
  const x = (seen) => LEFT + (seen / most) * (WIDTH - LEFT - RIGHT);
  const y = (value) => TOP + (1 - (Math.min(Math.max(value, low), high) - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const last = drawn.map((line) => `${line.label} ${short(line.points.at(-1)[1])}`).join(", ");
  const svg = h("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${words(name)}: last ${last}` });
  for (const at of ticks(low, high, 4)) {
    svg.append(h("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(at), y2: y(at) }));
    svg.append(h("text", { x: LEFT - 6, y: y(at) + 4, "text-anchor": "end" }, `${Math.abs(at) >= 1e4 ? count(at) : at}`));
  }
  for (const at of ticks(0, most, 4)) {
    svg.append(h("text", { x: x(at), y: HEIGHT - 10, "text-anchor": "middle" }, count(at)));
  }
  for (const line of drawn) {
    const points = line.points.map((point) => `${x(point[0]).toFixed(1)},${y(point[1]).toFixed(1)}`).join(" ");
    svg.append(h("polyline", { points, class: `line mark-${line.mark}${line.dashed ? " dashed" : ""}` }));
    const [seen, value] = line.points.at(-1);
    if (!line.dashed) svg.append(h("circle", { cx: x(seen), cy: y(value), r: 3, class: `dot mark-${line.mark}` }));
  }
  const cross = h("line", { class: "cross", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" });
  svg.append(cross);
  const legend = h("div", { class: "legend" });
  const tell = (seen) => {
    legend.replaceChildren(...drawn.map((line) => {
      const near = seen === null ? line.points.at(-1)
        : line.points.reduce((a, b) => (Math.abs(b[0] - seen) < Math.abs(a[0] - seen) ? b : a));
      return h("span", { class: `key mark-${line.mark}${line.dashed ? " dashed" : ""}` }, line.label, h("b", {}, short(near[1])));
    }), h("span", {}, seen === null ? "" : `at ${count(Math.round(seen))} images`));
  };
  tell(null);
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * WIDTH;
    const seen = Math.min(Math.max((at - LEFT) / (WIDTH - LEFT - RIGHT), 0), 1) * most;
    cross.setAttribute("x1", x(seen));
    cross.setAttribute("x2", x(seen));
    cross.setAttribute("visibility", "visible");
    tell(seen);
  });
  svg.addEventListener("pointerleave", () => {
    cross.setAttribute("visibility", "hidden");
    tell(null);
  });
  figure.append(svg, legend);
  return figure;
}

// The logs of rows, the score first: [name, {train: points, validation: points, watch: points}]
export function courses(rows, first) {
  const found = new Map();
  for (const row of rows) {
    for (const [name, value] of Object.entries(row.logs)) {
      if (typeof value !== "number") continue;
      if (!found.has(name)) found.set(name, { train: [], validation: [], watch: [] });
      found.get(name)[row.split]?.push([row.seen, value]);
    }
  }
  const held = (name) => {  // the score, held-out items, what watches a game, then training items
    if (name === first) return 0;
    if (found.get(name).validation.length) return 1;
    if (name.startsWith("answer_")) return 4;
    return found.get(name).watch.length ? 2 : 3;
  };
  return [...found.keys()].sort((a, b) => held(a) - held(b)).map((name) => [name, found.get(name)]);
}
