// What every page of the studio uses: elements, requests, numbers, messages, and the one stream of events.

export function h(name, attributes = {}, ...children) {
  const made = name === "svg" || h.svg.has(name)
    ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key in made && !(made instanceof SVGElement) && typeof value !== "string") made[key] = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}
h.svg = new Set(["g", "path", "line", "text", "circle", "rect", "polyline"]);

export class Refused extends Error {}

async function answer(response) {
  if (response.ok) return response;
  let told;
  try {
    told = (await response.json()).error;
  } catch {
    told = `the studio answered ${response.status}`;
  }
  throw new Refused(told);
}

async function sent(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("the studio does not answer: it was ended, or the file changed while it was sent");
  }
}

export const query = (given) => new URLSearchParams(Object.entries(given).filter(([, value]) => value != null && value !== ""));

export async function get(name, given = {}) {
  return (await answer(await sent(`api/${name}?${query(given)}`))).json();
}

export async function post(name, given = {}) {
  const response = await answer(await sent(`api/${name}`, { method: "POST", body: JSON.stringify(given) }));
  return response.headers.get("content-type").startsWith("application/json") ? response.json() : response.blob();
}

export async function put(given, file) {
  return (await answer(await sent(`api/upload?${query(given)}`, { method: "PUT", body: file }))).json();
}

// --- words -----------------------------------------------------------------------------------------------------------

export function count(images) {
  for (const [size, letter] of [[1e6, "M"], [1e3, "k"]]) {
    if (images >= size) return `${Number((images / size).toPrecision(3))}${letter}`;
  }
  return `${images}`;
}

export function short(value) {
  return value === null || value === undefined ? "" : `${Number(value.toPrecision(5))}`;
}

export function duration(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

export const words = (name) => name.replaceAll("_", " ");
export const shell = (text) => (/^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
export const python = (value) => JSON.stringify(value);

// --- messages --------------------------------------------------------------------------------------------------------

export function say(text) {
  const place = document.getElementById("said");
  place.textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { place.textContent = ""; }, 5000);
}

export function refusal(error) {
  if (!(error instanceof Refused)) console.error(error);
  return h("p", { class: "refused", role: "alert" }, `${error.message || error}`);
}

// Do something a person asked for; what goes wrong is shown in `place`.
export async function attempt(place, work) {
  place.querySelectorAll(":scope > .refused").forEach((old) => old.remove());
  try {
    return await work();
  } catch (error) {
    if (error.name !== "AbortError") place.append(refusal(error));
    return undefined;
  }
}

// Wait for work that is done beside, and show how far it is.
export async function errand(number, place, alive = () => true) {
  const bar = h("progress", { "aria-label": "Progress" });
  const told = h("p", { role: "status" });
  place.append(bar, told);
  try {
    while (alive()) {
      const now = await get("errand", { errand: number });
      if (now.total) Object.assign(bar, { max: now.total, value: now.done });
      told.textContent = now.state === "waiting" ? "Waiting until other work is done." : [now.total ? `${now.done} of ${now.total}.` : "", ...now.said].join(" ");
      if (now.state === "done") return now;
      if (now.state === "failed") throw new Refused(now.error);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  } finally {
    bar.remove();
    told.remove();
  }
  return null;
}

export function section(title, told, ...children) {
  return h("section", {}, h("h2", {}, title), told ? h("p", {}, told) : null, ...children);
}

export function field(label, control, help) {
  control.id ||= `control-${(field.number = (field.number || 0) + 1)}`;
  const note = help ? h("small", { id: `${control.id}-help` }, help) : null;
  if (note) control.setAttribute("aria-describedby", note.id);
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control, note);
}

// --- events ----------------------------------------------------------------------------------------------------------

const heard = new Set();
let stream = null;

// Hear of every change of a run until the page is left.
export function listen(callback) {
  heard.add(callback);
  if (!stream) {
    stream = new EventSource("events");
    stream.onmessage = (event) => heard.forEach((each) => each(JSON.parse(event.data)));
  }
  return () => heard.delete(callback);
}
