// The router: which page an address shows. A page is a function that fills the main part and returns how it is left.
import { Refused, h, refusal } from "./core.js";
import { compare, run, table } from "./runs.js";

const PAGES = {
  "": table,
  run,
  compare,
  explore: async (...given) => (await import("./explore.js")).explore(...given),
  try: async (...given) => (await import("./attempt.js")).page(...given),
  train: async (...given) => (await import("./train.js")).page(...given),
};
const main = document.getElementById("main");
let leave = null;
let visit = 0;

async function show() {
  const [page, ...given] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  const mine = ++visit;
  leave?.();
  leave = null;
  const place = h("div", { class: `page ${page || "runs"}` });
  place.replaceLeave = (next) => { leave?.(); leave = next; };
  main.replaceChildren(place);
  document.querySelectorAll("nav a").forEach((each) => {
    const here = each.getAttribute("href") === `#/${page === "train" ? "train" : ""}` && ["", "train"].includes(page);
    here ? each.setAttribute("aria-current", "page") : each.removeAttribute("aria-current");
  });
  document.title = ["latentia studio", page, ...given].filter(Boolean).join(" - ");
  try {
    if (!PAGES[page]) throw new Refused("there is no such page");
    const done = await PAGES[page](place, ...given);
    if (mine === visit) leave = done;
    else done?.();
  } catch (error) {
    if (mine === visit) place.replaceChildren(h("h1", {}, given[0] || "latentia studio"), refusal(error));
  }
  main.dataset.page = page || "runs";
}

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", show);
show();
