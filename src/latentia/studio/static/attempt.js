// Try it: files that are dropped, through a model.
import { Refused, attempt, errand, field, get, h, post, put, query, refusal, say, section } from "./core.js";

export async function page(main, run) {
  main.replaceChildren(h("h1", {}, run), h("p", { role: "status" }, "The model is being loaded."));
  const about = await get("about", { run });
  let tray = await post("tray", { run });
  const files = h("ul", { class: "files" });
  const results = h("div", { class: "results" });
  const trouble = h("div");
  const picker = h("input", { type: "file", multiple: true, id: "files" });
  const drop = h("div", { class: "drop" }, h("label", { for: "files" }, "Drop pictures, a table or a film here, or choose them"), picker,
    h("small", {}, `Up to ${tray.many} pictures, each at most ${tray.limits.picture >> 20} MB; or one table; or one film, at most ${tray.limits.film >> 20} MB. They stay on this machine, and are removed when the studio ends.`));
  const labels = h("select", {}, ...about.classes.map((name) => h("option", { value: name }, name)));
  const buttons = tray.verbs.map((verb) => h("button", { type: "button", disabled: true, onclick: () => attemptIt(verb) }, verb[0].toUpperCase() + verb.slice(1)));
  const anew = h("button", { type: "button", disabled: true, onclick: () => attempt(trouble, clear) }, "Clear");

  let ready = Promise.resolve();
  const clear = () => (ready = emptied());
  async function emptied() {
    tray = await post("tray", { run });
    files.replaceChildren();
    results.replaceChildren();
    trouble.replaceChildren();
    buttons.forEach((each) => { each.disabled = true; });
    anew.disabled = true;
  }
  async function take(chosen) {
    await ready;
    for (const file of chosen) {
      const line = h("li", {}, file.name, " ", h("small", { role: "status" }, "is handed in"));
      files.append(line);
      anew.disabled = false;
      try {
        const most = /\.(mp4|m4v|mov|mkv|webm)$/i.test(file.name) ? tray.limits.film : tray.limits.picture;
        if (file.size > most) throw new Refused(`${file.name} is larger than ${most >> 20} MB, which is the most that is taken here; the command line takes any`);
        await put({ tray: tray.tray, name: file.name }, file);
        line.lastChild.textContent = `${Math.max(1, Math.round(file.size / 1024))} kB`;
        buttons.forEach((each) => { each.disabled = false; });
      } catch (error) {
        line.lastChild.replaceWith(refusal(error));
      }
    }
    picker.value = "";
  }
  picker.addEventListener("change", () => take([...picker.files]));
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take([...event.dataTransfer.files]);
  });

  async function attemptIt(verb) {
    await attempt(trouble, async () => {
      trouble.replaceChildren();
      results.replaceChildren();
      const begun = await post("try", { run, tray: tray.tray, verb, label: about.classes.length ? labels.value : null });
      const done = await errand(begun.errand, trouble, () => main.isConnected && main.contains(trouble));
      if (done) show(done.result, done.said);
    });
  }
  function show(found, said) {
    const link = (name) => h("a", { class: "button", role: "button", download: name, href: `api/file?${query({ tray: tray.tray, name, keep: 1 })}` }, `Download ${name}`);
    const many = found.count > found.items.length && found.items.length ? `The first ${found.items.length} of ${found.count}; the download has all.` : "";
    results.replaceChildren(section(found.verb[0].toUpperCase() + found.verb.slice(1), [found.about, ...said, many].filter(Boolean).join(" "),
      h("div", { class: "actions" }, ...found.files.map(link)), found.film ? film(found.film) : null, h("div", { class: "found" }, ...found.items.map(item))));
    results.querySelector("h2").tabIndex = -1;
    results.querySelector("h2").focus();
    say("It is done.");
  }
  const listed = (pairs) => h("dl", {}, ...pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
  function item(each) {
    const side = (what, told) => (typeof what === "string" ? h("img", { src: what, alt: told }) : what ? listed(what) : null);
    return h("figure", { class: `item${each.outlier ? " outlier" : ""}` },
      h("div", { class: "sides" }, side(each.before || each.values, each.name), side(each.after, `${each.name}, afterwards`)),
      h("figcaption", {}, h("b", {}, each.name), ` ${each.told || ""}`, each.why?.length ? h("ul", {}, ...each.why.map((why) => h("li", {}, why))) : null));
  }
  function film(both) {
    const source = (name) => `api/file?${query({ tray: tray.tray, name })}`;
    const before = h("video", { src: source(both.before), "aria-label": "Before", muted: true, loop: true, playsinline: true, preload: "auto" });
    const after = h("video", { src: source(both.after), "aria-label": "After", muted: true, loop: true, playsinline: true, preload: "auto", class: "after" });
    const slider = h("input", { type: "range", min: 0, max: 100, value: 50, id: "cutline" });
    const cut = () => { after.style.clipPath = `inset(0 0 0 ${slider.value}%)`; line.style.left = `${slider.value}%`; };
    const line = h("div", { class: "cutline" });
    const play = h("button", { type: "button", onclick: () => {
      if (after.paused) { before.currentTime = after.currentTime; before.play(); after.play(); play.textContent = "Pause"; }
      else { before.pause(); after.pause(); play.textContent = "Play"; }
    } }, "Play");
    slider.addEventListener("input", cut);
    cut();
    return h("div", { class: "film" }, h("div", { class: "films" }, before, after, line),
      h("div", { class: "scrubber" }, h("div", { class: "control" }, play, h("label", { for: "cutline" }, "Before and after"), slider)));
  }

  main.replaceChildren(
    h("div", { class: "head" }, h("div", {}, h("h1", {}, run), h("p", {}, `${about.model}: what it does with your files`)),
      h("div", { class: "actions" }, h("a", { class: "button", role: "button", href: `#/run/${encodeURIComponent(run)}` }, "Its training"),
        about.latents.length ? h("a", { class: "button", role: "button", href: `#/explore/${encodeURIComponent(run)}` }, "Explore latents") : null)),
    section("Files", null, drop, files, about.classes.length ? field("Label of all", labels, "This model knows an item only with its label.") : null,
      h("div", { class: "actions" }, ...buttons, anew), trouble),
    results);
}
