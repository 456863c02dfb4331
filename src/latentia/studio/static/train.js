// Start a training: the form is made from the fields that model, data and training declare.
import { attempt, field, get, h, post, say, section } from "./core.js";

const OPEN = { Model: true, Data: false, Training: false };
const FIRST = ["images", "minutes"];  // of the training: what most people set

function control(each) {
  const named = { name: each.name };
  let made;
  if (each.kind === "switch") {
    made = h("select", named, h("option", { value: "" }, `default (${each.default || "no"})`), h("option", { value: "yes" }, "yes"), h("option", { value: "no" }, "no"));
  } else if (each.kind === "choice") {
    made = h("select", named, h("option", { value: "" }, each.default ? `default (${each.default})` : "none"), ...each.choices.map((choice) => h("option", { value: choice }, choice)));
  } else {
    // text, so that 20M and 1e-4 can be written as on the command line
    made = h("input", { ...named, type: "text", placeholder: each.default, spellcheck: "false", autocomplete: "off", inputmode: each.kind === "number" ? "decimal" : null });
  }
  return field(each.name.replaceAll("_", " "), made, [each.help, each.notes].filter(Boolean).join("; "));
}

export async function page(main) {
  const offered = await get("offered");
  const models = h("select", {}, ...offered.models.map((each) => h("option", { value: each.name, selected: each.name === "vae" }, each.name)));
  const about = h("p");
  const names = h("datalist", { id: "places" }, ...offered.data.map((each) => h("option", { value: each.name }, each.about)), ...offered.places.map((each) => h("option", { value: each })));
  const where = offered.folders.length ? `or a path in ${offered.folders.join(", ")}` : "start the studio with --data FOLDER to offer your own";
  const data = h("input", { list: "places", value: "digits", spellcheck: "false", autocomplete: "off" });
  const other = h("input", { list: "places", spellcheck: "false", autocomplete: "off" });
  const name = h("input", { placeholder: "MODEL-DATA", spellcheck: "false", autocomplete: "off" });
  const ofOther = field("Second data set", other, "the other side of pairs, or the other domain");
  const groups = h("div", { class: "groups" });
  const trouble = h("div");

  async function fill() {
    const form = await get("form", { model: models.value });
    about.textContent = offered.models.find((each) => each.name === models.value).about;
    ofOther.hidden = !form.pairing;
    const kept = values();
    groups.replaceChildren(...form.groups.map((group) => {
      const first = group.name === "Training" ? group.fields.filter((each) => FIRST.includes(each.name)) : [];
      const rest = group.fields.filter((each) => !first.includes(each));
      const fold = h("details", { open: OPEN[group.name] }, h("summary", {}, first.length ? `More of the ${group.name.toLowerCase()}` : group.name),
        h("div", { class: "fields" }, ...rest.map(control)));
      return h("div", {}, first.length ? h("div", { class: "fields" }, ...first.map(control)) : null, fold);
    }));
    for (const [key, value] of Object.entries(kept)) {
      const again = groups.querySelector(`[name="${CSS.escape(key)}"]`);
      if (again) again.value = value;
    }
  }
  const values = () => Object.fromEntries([...groups.querySelectorAll("[name]")].filter((each) => each.value !== "").map((each) => [each.name, each.value]));
  models.addEventListener("change", () => attempt(trouble, fill));
  const form = h("form", { onsubmit: (event) => {
    event.preventDefault();
    start.disabled = true;
    attempt(trouble, async () => {
      const begun = await post("start", { model: models.value, data: data.value.trim(), other: ofOther.hidden ? null : other.value.trim(), run: name.value.trim(), fields: values() });
      say(`The training of ${begun.run} begins.`);
      location.hash = `#/run/${encodeURIComponent(begun.run)}`;
    }).finally(() => { start.disabled = false; });
  } });
  const start = h("button", { class: "first" }, "Start the training");
  form.append(section("What", null, h("div", { class: "fields" }, field("Model", models), field("Data", data, `a name, ${where}`), ofOther, field("Name of the run", name)), about, names),
    section("How", "Empty fields keep their defaults. Numbers may be written as 20M, 500k or 1e-4.", groups),
    trouble, h("div", { class: "actions" }, start));
  main.replaceChildren(h("h1", {}, "Train a model"), h("p", {}, "It is a process of its own: it goes on when this page or the studio is closed."), form);
  await fill();
}
