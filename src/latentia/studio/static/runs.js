// The table of runs, one run's page, and two side by side.
import { Refused, attempt, count, duration, errand, field, get, h, listen, post, query, refusal, say, section, short, words } from "./core.js";
import { chart, courses } from "./chart.js";

const STATES = { training: "training", finished: "finished", stopped: "stopped", damaged: "damaged" };
const link = (page, run) => `#/${page}/${encodeURIComponent(run)}`;
const badge = (run) => h("span", { class: `state ${run.state}` }, STATES[run.state] || run.state);
const seen = (run) => `${count(run.seen)}${run.budget ? ` of ${count(run.budget)}` : ""}`;
const order = { by: "created", down: true };
const chosen = new Set();

const COLUMNS = [
  ["run", "Run", (run) => run.run],
  ["model", "Model", (run) => run.model],
  ["data", "Data", (run) => run.data],
  ["state", "State", (run) => run.state],
  ["seen", "Images seen", (run) => run.seen],
  ["best", "Best figure", (run) => (run.best ? run.best.value : null)],
  ["created", "Begun", (run) => run.created],
];

function sorted(runs) {
  const value = COLUMNS.find(([name]) => name === order.by)[2];
  const way = order.down ? -1 : 1;
  return [...runs].sort((a, b) => {
    const [one, two] = [value(a), value(b)];
    if (one === null || two === null) return (one === null) - (two === null);
    return way * (typeof one === "number" ? one - two : String(one).localeCompare(String(two), "en", { numeric: true }));
  });
}

function row(run, changed) {
  const box = h("input", { type: "checkbox", checked: chosen.has(run.run), "aria-label": `Choose ${run.run} to compare`,
    onchange: (event) => { event.target.checked ? chosen.add(run.run) : chosen.delete(run.run); changed(); } });
  if (run.damage) {
    return h("tr", {}, h("td", {}, ""), h("th", { scope: "row" }, run.run),
      h("td", { colspan: 5, class: "refused" }, run.damage), h("td", {}, badge(run)));
  }
  const best = run.best ? [`${words(run.best.name)} `, h("b", {}, short(run.best.value)), ` ${run.best.unit}`] : "none yet";
  const bar = run.state === "training" && run.budget
    ? h("progress", { max: run.budget, value: run.seen, "aria-label": `Progress of ${run.run}` }) : null;
  return h("tr", {},
    h("td", {}, box),
    h("th", { scope: "row" }, h("a", { href: link("run", run.run) }, run.run)),
    h("td", { "data-name": "Model" }, run.model),
    h("td", { "data-name": "Data" }, run.data),
    h("td", { "data-name": "State" }, badge(run)),
    h("td", { "data-name": "Images seen", class: "number" }, seen(run), bar),
    h("td", { "data-name": "Best figure", class: "number" }, ...[best].flat()),
    h("td", { "data-name": "Begun" }, run.created.slice(0, 16).replace("T", " ")));
}

export async function table(main) {
  const told = await get("runs");
  const runs = new Map(told.runs.map((run) => [run.run, run]));
  const body = h("tbody");
  const compare = h("a", { class: "button", role: "button" }, "Compare two");
  const heads = COLUMNS.map(([name, title]) => {
    const button = h("button", { type: "button", class: "sorts", onclick: () => {
      order.down = order.by === name ? !order.down : name !== "run";
      order.by = name;
      draw();
    } }, title);
    return h("th", { scope: "col", "data-by": name }, button);
  });
  const draw = () => {
    for (const each of heads) {
      const sort = each.dataset.by === order.by ? (order.down ? "descending" : "ascending") : "none";
      each.setAttribute("aria-sort", sort);
    }
    const focus = document.activeElement?.getAttribute("aria-label");
    body.replaceChildren(...sorted(runs.values()).map((run) => row(run, picked)));
    if (focus) body.querySelector(`[aria-label="${CSS.escape(focus)}"]`)?.focus();
    empty.hidden = runs.size > 0;
  };
  const picked = () => {
    const two = [...chosen].filter((name) => runs.has(name)).slice(-2);
    if (two.length === 2) {
      compare.href = `${link("compare", two[0])}/${encodeURIComponent(two[1])}`;
      compare.removeAttribute("aria-disabled");
    } else {
      compare.removeAttribute("href");
      compare.setAttribute("aria-disabled", "true");
    }
  };
  const empty = h("p", {}, "No runs here yet. ", h("a", { href: "#/train" }, "Train a model"), ", or start the studio on another folder.");
  main.replaceChildren(
    h("div", { class: "head" }, h("div", {}, h("h1", {}, "Runs"), h("p", {}, told.folder)),
      h("div", { class: "actions" }, compare, h("a", { class: "button first", href: "#/train", role: "button" }, "Train a model"))),
    h("section", { class: "table" }, h("table", { class: "runs" },
      h("caption", { class: "hidden" }, "All runs of the folder; the heads of the columns sort it"),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, h("span", { class: "hidden" }, "Choose")), ...heads)), body), empty));
  picked();
  draw();
  return listen(async (event) => {
    if (event.again) {  // the order and what is chosen stay
      const { runs: anew } = await get("runs");
      runs.clear();
      for (const run of anew) runs.set(run.run, run);
    } else if (event.gone) runs.delete(event.run);
    else runs.set(event.run, event);
    draw();
  });
}

// --- one run ---------------------------------------------------------------------------------------------------------

function facts(run) {
  const told = { model: run.model, data: run.data, "images seen": seen(run), time: duration(run.seconds),
    begun: run.created.slice(0, 16).replace("T", " ") };
  if (run.best) told["best so far"] = `${words(run.best.name)} ${short(run.best.value)}${run.best.unit && ` ${run.best.unit}`}, at ${count(run.best.seen)}`;
  return h("dl", {}, ...Object.entries(told).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

const ofCharts = (runs) => {
  const all = runs.map((run) => new Map(courses(run.log, run.best?.name)));
  const names = [...new Set(all.flatMap((each) => [...each.keys()]))];
  return names.slice(0, 12).map((name) => chart(name, all.flatMap((each, place) => {
    const course = each.get(name);
    if (!course) return [];
    const whose = runs.length > 1 ? `${runs[place].run}, ` : "";
    const mark = place;
    return [
      { label: `${whose}training`, points: course.train, mark: runs.length > 1 ? mark : 1, dashed: true },
      { label: `${whose}held-out`, points: course.validation, mark },
      { label: `${whose}watched`, points: course.watch, mark: runs.length > 1 ? mark : 2 },
    ];
  })));
};

function scrubber(run) {
  const image = h("img", { class: "moment", alt: "" });
  const slider = h("input", { type: "range", min: 0, step: 1, id: `moment-${run.run}` });
  const told = h("output", {});
  const play = h("button", { type: "button", onclick: () => (timer ? stop() : start()) }, "Play");
  let timer = null;
  const show = () => {
    const at = run.pictures[Number(slider.value)];
    if (at === undefined) return;
    const now = `api/picture?${query({ run: run.run, seen: at })}`;
    if (image.getAttribute("src") !== now) image.src = now;
    image.alt = `What the same noise gave after ${at} images`;
    told.textContent = `${count(at)} images`;
    slider.setAttribute("aria-valuetext", `${at} images`);
  };
  const stop = () => { clearInterval(timer); timer = null; play.textContent = "Play"; };
  const start = () => {
    if (Number(slider.value) >= Number(slider.max)) slider.value = 0;
    play.textContent = "Pause";
    timer = setInterval(() => {
      if (Number(slider.value) >= Number(slider.max) || !slider.isConnected) return stop();
      slider.value = Number(slider.value) + 1;
      return show();
    }, 350);
  };
  slider.addEventListener("input", () => { stop(); show(); });
  const made = h("div", { class: "scrubber" }, image,
    h("div", { class: "control" }, play, h("label", { class: "hidden", for: slider.id }, `Moment of the training of ${run.run}`), slider, told));
  made.update = () => {
    const follows = Number(slider.value) >= Number(slider.max);
    made.hidden = !run.pictures.length;
    slider.max = Math.max(0, run.pictures.length - 1);
    if (follows && !timer) slider.value = slider.max;
    show();
  };
  made.update();
  return made;
}

function figures(found) {
  return h("div", { class: "figures" }, ...found.map((figure) => h("div", {}, h("h3", {}, figure.name), h("b", {}, figure.value),
    h("small", {}, figure.unit), figure.spread ? h("small", {}, ` ${figure.spread}`) : null, h("p", {}, figure.meaning))));
}

function follow(runs, changed) {
  return listen((event) => {
    for (const run of runs) {
      if (event.again) { changed(true); return; }
      if (event.run !== run.run) continue;
      if (event.gone) { run.gone = true; changed(); continue; }
      const next = event.from === run.rows && event.from + event.new.length === event.rows;
      if (event.epoch !== run.epoch || (!next && event.rows !== run.rows)) { changed(true); return; }  // some are missing
      if (next) run.log.push(...event.new);
      const { new: _, from: __, ...summary } = event;
      Object.assign(run, summary);
      changed();
    }
  });
}

async function actions(run, place, again) {
  const button = (text, work, told) => h("button", { type: "button", onclick: () => attempt(place, async () => {
    await work();
    say(told);
  }) }, text);
  const made = [];
  if (run.weights) {
    made.push(h("a", { class: "button first", role: "button", href: link("explore", run.run) }, "Explore latents"));
    made.push(h("a", { class: "button", role: "button", href: link("try", run.run) }, "Try it"));
  }
  if (run.report) {
    made.push(h("a", { class: "button", role: "button", href: `api/report?${query({ run: run.run })}`, target: "_blank", rel: "noopener" }, "Report"));
  } else if (run.weights && run.state !== "training") {
    made.push(button("Write the report", async () => {
      await errand((await post("report", { run: run.run })).errand, place);
      again();
    }, "The report is written."));
  }
  if (run.state === "training") {
    made.push(button("Stop", () => post("stop", { run: run.run }), "It stops, and keeps a checkpoint."));
  } else if (!run.damage) {
    const more = h("input", { type: "number", min: 1, step: 1, value: run.state === "finished" ? run.budget * 2 : run.budget || "", class: "short" });
    const resume = button(run.state === "finished" ? "Train longer" : "Resume",
      async () => {
        await post("resume", { run: run.run, images: Number(more.value) > (run.budget || 0) ? Number(more.value) : null });
        place.append(h("p", { role: "status" }, "It begins in a few seconds."));
        begun(run, again);
      }, "The training goes on.");
    made.push(h("span", { class: "joined" }, resume, field("up to images", more)));
  }
  place.replaceChildren(...made);
}

// Until a training that was resumed has begun, or has said why it did not.
async function begun(run, again) {
  for (let job = { code: null }; job?.code === null && run.state !== "training";) {
    await new Promise((resolve) => setTimeout(resolve, 700));
    job = (await get("jobs")).jobs.find((each) => each.run === run.run);
  }
  again();
}

// What a training of this studio said when it ended badly.
async function trouble(run, place) {
  const job = (await get("jobs")).jobs.find((each) => each.run === run.run);
  const fine = !job || job.code === null || job.code === 0 || job.code === 130 || job.code === -2;
  place.replaceChildren(...(fine ? [] : [h("pre", { class: "refused", role: "alert" }, job.said.join("\n"))]));
}

export async function run(main, name) {
  let now;
  try {
    now = await get("run", { run: name });
  } catch (error) {
    return starting(main, name, error);
  }
  now.log = now.log || [];
  const head = h("div"), buttons = h("div", { class: "actions" }), plots = h("div", { class: "plots" });
  const pictures = scrubber(now);
  const ofPictures = section("Samples through time", "What the same noise gave at each validation.", pictures);
  const report = h("div"), said = h("div"), ended = h("div");
  let state = "";
  const draw = (anew) => {
    if (anew) { if (main.contains(head)) run(main, name).then((leave) => main.replaceLeave?.(leave)); return; }
    if (now.gone) { head.replaceChildren(refusal(new Refused(`${name} is no longer there: it was moved or removed`))); return; }
    head.replaceChildren(h("h1", {}, now.run, " ", badge(now)), now.damage ? refusal(new Refused(now.damage)) : facts(now),
      ...(now.state === "training" && now.budget ? [h("progress", { max: now.budget, value: now.seen, "aria-label": "Progress of the training" })] : []));
    const key = `${now.state} ${now.weights} ${now.report}`;
    if (key !== state) {
      actions(now, buttons, () => draw(true));
      trouble(now, ended);
    }
    state = key;
    plots.replaceChildren(...ofCharts([now]));
    ofPictures.hidden = !now.pictures.length;
    pictures.update();
    const sentences = now.log.flatMap((each) => Object.values(each.said || {}).map((text) => `At ${count(each.seen)} images: ${text}`));
    said.replaceChildren(...sentences.map((text) => h("p", {}, text)));
  };
  const splits = Object.entries(now.facts.splits).map(([split, items]) => [`${split} items`, items.toLocaleString("en")]);
  const fields = [...Object.entries(now.facts.recipe), ...Object.entries(now.facts.training), ...splits]
    .filter(([, value]) => value !== null && value !== "" && value?.length !== 0);
  report.replaceChildren(...(now.figures?.length ? [section("Figures of the report", "What items that the model has never seen say about it.", figures(now.figures))] : []));
  main.replaceChildren(head, buttons, ended,
    h("div", { class: "two wide" }, section("Curves", "Held-out items solid, training items dashed.", plots, said), ofPictures), report,
    section("How it was made", null, h("dl", {}, ...fields.map(([key, value]) => h("div", {}, h("dt", {}, words(key)), h("dd", {}, `${value}`)))),
      h("p", { class: "path" }, now.path)));
  draw();
  return follow([now], draw);
}

// A training that was asked for and has no folder yet: what it says, until it has one.
async function starting(main, name, error) {
  const place = h("section");
  main.replaceChildren(h("h1", {}, name), place);
  for (;;) {
    const job = (await get("jobs")).jobs.find((each) => each.run === name);
    if (!job) { place.replaceChildren(refusal(error)); return undefined; }
    if (job.there) return run(main, name);
    if (job.code !== null) {
      place.replaceChildren(h("h2", {}, "The training did not begin"), h("pre", { class: "refused", role: "alert" }, job.said.join("\n")));
      return undefined;
    }
    place.replaceChildren(h("p", { role: "status" }, "It is starting."), h("pre", {}, job.said.join("\n")));
    await new Promise((resolve) => setTimeout(resolve, 400));
    if (!main.contains(place)) return undefined;
  }
}

// --- two side by side ------------------------------------------------------------------------------------------------

export async function compare(main, one, two) {
  const both = await Promise.all([one, two].map((name) => get("run", { run: name })));
  const plots = h("div", { class: "plots" });
  const strips = both.map(scrubber);
  const heads = both.map(() => h("div"));
  const draw = (anew) => {
    if (anew) { if (main.contains(plots)) compare(main, one, two).then((leave) => main.replaceLeave?.(leave)); return; }
    plots.replaceChildren(...ofCharts(both));
    both.forEach((each, place) => {
      heads[place].replaceChildren(h("h2", { class: `mark-${place}` }, h("a", { href: link("run", each.run) }, each.run)), badge(each), facts(each));
      strips[place].update();
    });
  };
  const names = [...new Set(both.flatMap((each) => (each.figures || []).map((figure) => figure.name)))];
  const shown = (each, name) => {
    const found = (each.figures || []).find((figure) => figure.name === name);
    return h("td", { class: "number" }, found ? `${found.value} ${found.unit}` : "");
  };
  const differing = [...new Set(both.flatMap((each) => Object.keys(each.facts.recipe)))]
    .filter((key) => `${both[0].facts.recipe[key]}` !== `${both[1].facts.recipe[key]}`);
  const lines = (keys, cells) => h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, h("td", {}), ...both.map((each) => h("th", { scope: "col" }, each.run)))),
    h("tbody", {}, ...keys.map((key) => h("tr", {}, h("th", { scope: "row" }, words(key)), ...both.map((each) => cells(each, key)))))));
  main.replaceChildren(h("h1", {}, "Side by side"),
    h("div", { class: "two" }, ...both.map((_, place) => h("section", {}, heads[place], strips[place]))),
    section("Curves", "Held-out items solid, training items dashed.", plots),
    names.length ? section("Figures of the reports", null, lines(names, shown)) : "",
    section("What differs", null, differing.length
      ? lines(differing, (each, key) => h("td", { class: "number" }, `${each.facts.recipe[key] ?? ""}`))
      : h("p", {}, "Their recipes are the same.")));
  draw();
  return follow(both, draw);
}
