// The latent explorer: sliders, a map, items to drag, and the words that give the same picture again.
import { Refused, attempt, field, get, h, post, python, query, refusal, say, section, shell } from "./core.js";
import { landscape } from "./map.js";

const FEW = 10;  // sliders that are shown at first
const ITEMS = 8;  // of each kind that can be dragged
const round = (value) => Number(value.toFixed(4));

export async function explore(main, run) {
  main.replaceChildren(h("h1", {}, run), h("p", { role: "status" }, "The model is being loaded."));
  const about = await get("about", { run });
  if (!about.latents.length) throw new Refused(`${about.model} has no latents to move; "Try it" shows what it does with pictures`);
  const pictures = about.kind === "image";
  const state = { z: [], item: null, label: about.classes[0] || null, truncation: null, walk: null };
  const shown = pictures ? h("img", { class: "shown", alt: "What the latents stand for" }) : h("dl", { class: "shown" });
  const told = h("p", { class: "told", role: "status" });
  const sliders = new Map();
  const trouble = h("div");
  const map = about.map === false ? null : landscape(run, move);

  // --- decoding: one request at a time, the newest latents next -------------------------------------------------------
  let busy = false, wanted = false, trip = 0;
  async function decode() {
    if (busy) { wanted = true; return; }
    busy = true;
    const mine = ++trip;
    try {
      do {
        wanted = false;
        const made = await post("decode", { run, z: state.z, label: state.label });
        await put(made);
      } while (wanted);
      trouble.replaceChildren();
    } catch (error) {
      trouble.replaceChildren(refusal(error));
    }
    shown.dataset.trip = mine;
    busy = false;
  }
  async function put(made) {
    if (!pictures) {
      shown.replaceChildren(...made.values.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
      return;
    }
    const old = shown.src;
    shown.src = URL.createObjectURL(made);
    await shown.decode();
    if (old.startsWith("blob:")) URL.revokeObjectURL(old);
  }

  // --- where we are ---------------------------------------------------------------------------------------------------
  function follow() {
    for (const [index, slider] of sliders) {
      const value = state.z[index];
      slider.min = Math.min(slider.min, Math.floor(value * 100) / 100);
      slider.max = Math.max(slider.max, Math.ceil(value * 100) / 100);
      slider.value = value;
      slider.output.textContent = value.toFixed(2);
    }
    map?.at(state.z);
    told.textContent = state.item ? `${state.item}${state.label ? `, label ${state.label}` : ""}` : "moved by hand";
    words();
  }
  function move(z, item = null) {
    state.z = z.map(round);
    state.item = item;
    follow();
    return decode();
  }
  const go = (item) => attempt(trouble, async () => {
    const found = await get("item", { run, item, label: state.label, truncation: item.startsWith("seed:") ? state.truncation : null });
    if (found.label && about.classes.length) { state.label = found.label; labels.value = found.label; }
    resetWays();
    trouble.replaceChildren();
    await move(found.z, item);
  });

  // --- sliders, those that carry most first -----------------------------------------------------------------------------
  const rows = about.latents.map((latent) => {
    const slider = h("input", { type: "range", min: latent.low, max: latent.high, step: "any", value: latent.middle, id: `slider-${latent.index}` });
    const output = h("output", { for: slider.id });
    slider.output = output;
    slider.addEventListener("input", () => {
      state.z[latent.index] = round(Number(slider.value));
      state.item = null;
      follow();
      decode();
    });
    sliders.set(latent.index, slider);
    const carries = latent.carries === null ? null : h("small", {}, `${latent.carries.toFixed(2)} ${about.unit}`);
    return h("div", { class: "slider" }, h("label", { for: slider.id }, latent.name, " ", carries), slider, output);
  });
  const more = h("div", { hidden: true }, ...rows.slice(FEW));
  const unfold = h("button", { type: "button", "aria-expanded": "false", onclick: () => {
    more.hidden = !more.hidden;
    unfold.setAttribute("aria-expanded", `${!more.hidden}`);
    unfold.textContent = more.hidden ? `Show all ${rows.length}` : `Show ${FEW}`;
  } }, `Show all ${rows.length}`);
  const middle = h("button", { type: "button", onclick: () => {
    resetWays();
    const z = [];
    for (const latent of about.latents) z[latent.index] = latent.middle;
    move(z);
  } }, "To the middle");

  // --- directions ---------------------------------------------------------------------------------------------------------
  const ways = [];
  const several = h("div", { class: "several" });
  const directions = section("Directions", "From items that are not so towards items that are; 1 is the way from the mean of the one to that of the other.", several);
  directions.hidden = true;
  function resetWays() {
    for (const way of ways) { way.amount = 0; way.slider.value = 0; way.output.textContent = "0.00"; }
  }
  get("directions", { run }).then((found) => {
    for (const each of found.directions) {
      const slider = h("input", { type: "range", min: -2, max: 2, step: "any", value: 0, id: `way-${ways.length}` });
      const way = { amount: 0, slider, output: h("output", { for: slider.id }, "0.00") };
      slider.addEventListener("input", () => {
        const by = Number(slider.value) - way.amount;
        way.amount = Number(slider.value);
        way.output.textContent = way.amount.toFixed(2);
        move(state.z.map((value, place) => value + by * each.z[place]));
      });
      ways.push(way);
      several.append(h("div", { class: "slider", title: each.about }, h("label", { for: slider.id }, `towards ${each.name}`), slider, way.output));
    }
    directions.hidden = !ways.length;
  }).catch((error) => directions.append(refusal(error)));

  // --- items --------------------------------------------------------------------------------------------------------------
  const from = h("input", { value: "seed:0", class: "short", spellcheck: "false" });
  const to = h("input", { value: "seed:1", class: "short", spellcheck: "false" });
  const tiles = h("div", { class: "tiles" });
  function tile(item) {
    const image = pictures ? h("img", { alt: "", draggable: "false" }) : null;
    const made = h("button", { type: "button", class: "tile", draggable: "true", "aria-label": `Go to ${item}`, onclick: () => go(item) },
      image, h("span", {}, item));
    made.addEventListener("dragstart", (event) => { event.dataTransfer.setData("text/plain", item); event.dataTransfer.effectAllowed = "link"; });
    made.addEventListener("dragover", (event) => { event.preventDefault(); made.classList.add("over"); });
    made.addEventListener("dragleave", () => made.classList.remove("over"));
    made.addEventListener("drop", (event) => {
      event.preventDefault();
      made.classList.remove("over");
      from.value = event.dataTransfer.getData("text/plain");
      to.value = item;
      if (from.value !== item) walk();
    });
    made.fill = () => get("item", { run, item, label: state.label, truncation: state.truncation })
      .then((found) => { if (image) image.src = found.picture; })
      .catch((error) => { made.title = error.message; });
    return made;
  }
  async function fill() {
    const words = [...Array(ITEMS).keys()].map((place) => `seed:${place}`);
    if (about.rows) words.push(...[...Array(Math.min(ITEMS, about.rows)).keys()].map((place) => `row:${place}`));
    tiles.replaceChildren(...words.map(tile));
    for (const each of tiles.children) await each.fill();
  }

  // --- walks --------------------------------------------------------------------------------------------------------------
  const strip = h("div", { class: "strip" });
  const position = h("input", { type: "range", min: 0, max: 1, step: 1, value: 0 });
  const ofWalk = h("div", { hidden: true }, strip, field("Place on the walk", position));
  async function walk() {
    await attempt(trouble, async () => {
      trouble.replaceChildren();
      const asked = { from: from.value.trim(), to: to.value.trim(), steps: 9 };
      const found = await get("walk", { run, ...asked, label: state.label });
      state.walk = { ...found, ...asked, label: state.label };
      strip.replaceChildren(...found.z.map((_, place) => h("button", { type: "button", class: "tile", "aria-label": `Frame ${place + 1} of ${found.z.length}`,
        onclick: () => { position.value = place; place_(); } }, found.pictures ? h("img", { alt: "", src: found.pictures[place] }) : `${place + 1}`)));
      position.max = found.z.length - 1;
      position.value = 0;
      ofWalk.hidden = false;
      place_();
      say(`From ${asked.from} to ${asked.to}.`);
    });
  }
  function place_() {
    const place = Number(position.value);
    [...strip.children].forEach((each, other) => each.classList.toggle("here", other === place));
    move(state.walk.z[place]);
  }
  position.addEventListener("input", place_);

  // --- chance, labels, truncation -----------------------------------------------------------------------------------------
  const surprise = h("button", { type: "button", class: "first", onclick: () => go(`seed:${Math.floor(Math.random() * 1e6)}`) }, "Surprise me");
  const seed = h("input", { type: "number", min: 0, step: 1, value: 0, class: "short", onchange: () => go(`seed:${seed.value}`) });
  const labels = h("select", { onchange: () => { state.label = labels.value; fill(); state.item?.startsWith("seed:") ? go(state.item) : move(state.z, null); } },
    ...about.classes.map((name) => h("option", { value: name }, name)));
  const cut = h("input", { type: "range", min: 0.2, max: 3, step: 0.1, value: 3 });
  const cutTold = h("output", {}, "off");
  cut.addEventListener("input", () => {
    state.truncation = Number(cut.value) >= 3 ? null : Number(cut.value);
    cutTold.textContent = state.truncation ?? "off";
    cut.setAttribute("aria-valuetext", cutTold.textContent);
  });
  cut.addEventListener("change", () => { fill(); go(state.item?.startsWith("seed:") ? state.item : "seed:0"); });

  // --- the same again -----------------------------------------------------------------------------------------------------
  const command = h("textarea", { rows: 3, readonly: true, spellcheck: "false" });
  const line = h("textarea", { rows: 3, readonly: true, spellcheck: "false" });
  const copy = (area, what) => h("button", { type: "button", onclick: async () => {
    try {
      await navigator.clipboard.writeText(area.value);
    } catch {
      area.select();
      document.execCommand("copy");
    }
    say(`The ${what} is copied.`);
  } }, `Copy the ${what}`);
  function words() {
    const path = about.run, label = state.label ? ` --label ${shell(state.label)}` : "";
    const ofLabel = state.label ? `, label=${python(state.label)}` : "";
    const out = pictures ? "picture.png" : "row.csv";
    const kept = (made) => (pictures ? `lt.grid(${made}).save("picture.png")` : `print(${made})`);
    const head = `import latentia as lt; model = lt.load(${python(path)}); `;
    const walked = state.walk && state.walk.z.some((z) => z.every((value, place) => value === state.z[place]));
    if (walked) {
      const { from: a, to: b, steps } = state.walk;
      const both = state.label && [a, b].some((word) => word.startsWith("seed:")) ? [label, ofLabel] : ["", ""];
      command.value = `latentia interpolate ${shell(path)} ${shell(a)} ${shell(b)} --steps ${steps}${both[0]} -o ${pictures ? "walk.png" : "walk.csv"}`;
      line.value = head + kept(`model.interpolate([${python(a)}, ${python(b)}], steps=${steps}${both[1]})`);
    } else if (pictures && state.item?.startsWith("seed:")) {  // a row that is sampled is a draw; here its mean is shown
      const number = state.item.slice(5), cuts = state.truncation;
      command.value = `latentia sample ${shell(path)} -n 1 --seed ${number}${label}${cuts ? ` --truncation ${cuts}` : ""} -o ${out}`;
      line.value = head + kept(`model.sample(1, seed=${number}${ofLabel}${cuts ? `, truncation=${cuts}` : ""})`);
    } else {
      const names = state.z.map((_, place) => `z${place + 1}`);
      command.value = `printf 'item,${names.join(",")}\\nhere,${state.z.join(",")}\\n' > codes.csv && latentia decode ${shell(path)} codes.csv${label} -o ${out}`;
      line.value = head + kept(`model.decode([[${state.z.join(", ")}]]${ofLabel})`);
    }
  }

  main.replaceChildren(
    h("div", { class: "head" }, h("div", {}, h("h1", {}, run), h("p", {}, `${about.model}, ${about.latents.length} latents`)),
      h("div", { class: "actions" }, h("a", { class: "button", role: "button", href: `#/run/${encodeURIComponent(run)}` }, "Its training"),
        h("a", { class: "button", role: "button", href: `#/try/${encodeURIComponent(run)}` }, "Try it"))),
    h("div", { class: "desk" },
      h("section", { class: "look" }, h("h2", {}, "What is made"), told, shown, trouble,
        h("div", { class: "actions" }, surprise, field("Seed", seed), about.classes.length ? field("Label", labels) : null),
        h("div", { class: "field" }, h("label", { for: "cut" }, "Truncation ", cutTold), Object.assign(cut, { id: "cut" }))),
      section("Latents", about.latents[0].carries === null ? "Over nearly all of the prior." : "Those that carry most first, over nearly all of the prior.",
        ...rows.slice(0, FEW), rows.length > FEW ? more : null, h("div", { class: "actions" }, middle, rows.length > FEW ? unfold : null)),
      map ? map.card : null),
    section("Items", "Drag one onto another to walk between them; click one to go there.", tiles,
      h("div", { class: "actions ends" }, field("From", from), field("To", to), h("button", { type: "button", onclick: walk }, "Walk")), ofWalk),
    directions,
    section("The same again", about.note || "What is on the screen, as a command and in Python.",
      h("div", { class: "two" }, h("div", {}, field("Command", command), h("div", { class: "actions" }, copy(command, "command"))),
        h("div", {}, field("Python", line), h("div", { class: "actions" }, copy(line, "Python line"))))));
  cut.dispatchEvent(new Event("input"));
  await go("seed:0");
  fill();
}
