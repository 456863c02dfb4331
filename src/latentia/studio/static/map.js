// The plane in which codes vary most: items as points, and a place to be in it, with mouse or arrows.
import { get, h, refusal, section } from "./core.js";

const SIZE = 420, EDGE = 18, STEP = 0.02;
const COLOURS = ["#4878cf", "#e08a1e", "#2a9d6f", "#c0392b", "#8254c4", "#8c613c", "#d65fa5", "#7f8794", "#a8a022", "#1fa3b5"];

export function landscape(run, move) {
  const canvas = h("canvas", { class: "map", width: SIZE, height: SIZE, tabindex: 0, role: "application",
    "aria-label": "Map of codes: click a place to decode it, or move with the arrow keys" });
  const told = h("p", {}, "The map is being drawn.");
  const legend = h("div", { class: "legend" });
  const card = section("Map", null, told, canvas, legend);
  const context = canvas.getContext("2d");
  let map = null, here = null, low, high;

  const scale = (side, value) => EDGE + ((value - low[side]) / (high[side] - low[side] || 1)) * (SIZE - 2 * EDGE);
  const screen = ([a, b]) => [scale(0, a), SIZE - scale(1, b)];
  const place = (x, y) => [0, 1].map((side) => {
    const share = ((side ? SIZE - y : x) - EDGE) / (SIZE - 2 * EDGE);
    return low[side] + share * (high[side] - low[side]);
  });
  const colour = (label) => COLOURS[label % COLOURS.length];

  function draw() {
    if (!map) return;
    const ratio = devicePixelRatio || 1;
    canvas.width = canvas.height = SIZE * ratio;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const style = getComputedStyle(canvas);
    map.points.forEach((point, row) => {
      const [x, y] = screen(point);
      context.fillStyle = map.labels.length ? colour(map.labels[row]) : style.getPropertyValue("--mark");
      context.globalAlpha = 0.65;
      context.beginPath();
      context.arc(x, y, 3, 0, 7);
      context.fill();
    });
    context.globalAlpha = 1;
    if (!here) return;
    const [x, y] = screen(here).map((at) => Math.min(Math.max(at, EDGE / 2), SIZE - EDGE / 2));  // what lies outside is shown at the edge
    context.strokeStyle = style.getPropertyValue("--ink");
    context.fillStyle = style.getPropertyValue("--card");
    context.lineWidth = 3;
    context.beginPath();
    context.arc(x, y, 7, 0, 7);
    context.fill();
    context.stroke();
  }
  function go(to) {
    here = to;
    draw();
    move(map.mean.map((value, at) => value + to[0] * map.axes[0][at] + to[1] * map.axes[1][at]));
  }
  const pointed = (event) => {
    const box = canvas.getBoundingClientRect();
    return place(((event.clientX - box.left) / box.width) * SIZE, ((event.clientY - box.top) / box.height) * SIZE);
  };
  canvas.addEventListener("pointerdown", (event) => { if (map) { canvas.setPointerCapture(event.pointerId); go(pointed(event)); } });
  canvas.addEventListener("pointermove", (event) => { if (map && event.buttons) go(pointed(event)); });
  canvas.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!map || !way) return;
    event.preventDefault();
    go(here.map((value, side) => value + way[side] * STEP * (high[side] - low[side]) * (event.shiftKey ? 5 : 1)));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

  get("map", { run }).then((found) => {
    map = found;
    low = [0, 1].map((side) => Math.min(...found.points.map((point) => point[side])));
    high = [0, 1].map((side) => Math.max(...found.points.map((point) => point[side])));
    const what = found.items === "row" ? "Held-out items" : "Latents drawn from the prior";
    const plane = found.mean.length === 2 ? "z1 and z2" : `the plane in which codes vary most (${Math.round(100 * found.share)} % of it)`;
    told.textContent = `${what} in ${plane}. Click to decode a place.`;
    legend.replaceChildren(...(found.labels.length ? found.names : []).map((name, label) => {
      const dot = h("svg", { viewBox: "0 0 10 10", class: "point", "aria-hidden": "true" }, h("circle", { cx: 5, cy: 5, r: 5, fill: colour(label) }));
      return h("span", {}, dot, name);
    }));
    if (card.latest) at(card.latest);
    draw();
    card.dataset.ready = "yes";
  }).catch((error) => { canvas.hidden = true; told.replaceWith(refusal(error)); });

  function at(z) {
    card.latest = z;
    if (!map) return;
    here = [0, 1].map((side) => z.reduce((sum, value, index) => sum + (value - map.mean[index]) * map.axes[side][index], 0));
    draw();
  }
  return { card, at };
}
