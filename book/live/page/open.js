// Opens a lesson: asks the browser what it can do, fetches what is missing, shows the notebook.
const { root, current, has, keep, setCurrent } = Store;
const $ = (id) => document.getElementById(id);
const APP = "0.8.6"; // JupyterLite's version: it throws away workers of another
const HOUR = 3_600_000;
const path = new URLSearchParams(location.search).get("path") ?? "";
const megabytes = (bytes) => (bytes / 1e6).toFixed(bytes < 1e6 ? 1 : 0);

/** An element with text, attributes and what it holds. */
function make(tag, words, attributes = {}, ...inner) {
  const element = Object.assign(document.createElement(tag), attributes);
  element.append(words, ...inner);
  return element;
}

function say(words) {
  $("status").textContent = words;
}

// --- what the browser must have ------------------------------------------------------------

/** Why this browser cannot run a lesson, in a sentence; "" where it can. */
async function obstacle() {
  if (!isSecureContext) return "The address of this page must begin with https:// (or be on this computer) before a browser lets it keep files.";
  const parts = [
    ["WebAssembly" in self && "Suspending" in WebAssembly, "WebAssembly that can wait for a result (JSPI)"],
    ["DecompressionStream" in self, "the unpacking of compressed files"],
    ["BroadcastChannel" in self, "channels between its tabs"],
  ];
  const missing = parts.filter(([there]) => !there).map(([, name]) => name);
  if (missing.length) return `This browser lacks ${missing.join(" and ")}.`;
  if (!("serviceWorker" in navigator) || !("caches" in self) || !("indexedDB" in self)) return STORAGE;
  try {
    await caches.has("anything");
    await new Promise((yes, no) => {
      const asked = indexedDB.open("box-office-may-keep-files");
      asked.onsuccess = () => yes(asked.result.close());
      asked.onerror = () => no(asked.error);
    });
  } catch {
    return STORAGE;
  }
  return "";
}
const STORAGE = "This browser keeps no files for this page: a private window, or cookies and site data are blocked.";

function refuse(reason) {
  const page = /^(notebooks|exercises)\/[\w/]+\.ipynb$/.test(path) ? `../${path.replace(/ipynb$/, "html")}` : "../book/index.html";
  document.title = $("heading").textContent = "This browser cannot run the lesson";
  $("words").textContent = `${reason} Nothing was downloaded.`;
  $("more").replaceChildren(
    make("p", "It runs in Chrome or Edge from version 137, Firefox from 153, and Safari from 27, in a window that is not private."),
    make("p", "", {}, make("a", "Read the lesson as a page", { href: page }), " with all its outputs, or run it on your own computer, in a clone of the course:"),
    make("pre", "make lab", { tabIndex: 0 }),
  );
}

// --- fetching -------------------------------------------------------------------------------

async function fetchManifest() {
  const answer = await fetch(new URL("manifest.json", root), { cache: "no-cache" });
  if (!answer.ok) throw new Error(`The list of files answered ${answer.status}.`);
  localStorage.setItem(`${root.pathname}asked`, Date.now());
  return answer.json();
}

/** Fetch the packs that are not there, and show how far that is. */
async function fetchPacks(manifest, names) {
  const wanted = [];
  for (const name of names) if (!(await has(manifest.packs[name]))) wanted.push(name);
  if (!wanted.length) return;
  const total = wanted.reduce((sum, name) => sum + manifest.packs[name].bytes, 0);
  let come = 0;
  const open = new Set(wanted);
  const draw = () => {
    const percent = Math.min(100, Math.round((100 * come) / total));
    $("bar").hidden = false;
    $("bar").setAttribute("aria-valuenow", percent);
    $("bar").setAttribute("aria-valuetext", `${megabytes(come)} of ${megabytes(total)} megabytes`);
    $("bar").firstElementChild.style.width = `${percent}%`;
    const titles = [...open].map((name) => manifest.packs[name].title);
    $("words").textContent = `${megabytes(come)} of ${megabytes(total)} MB · ${titles.join(", ")}`;
  };
  draw();
  say(`Fetching ${megabytes(total)} megabytes, once.`);
  let drawing = 0;
  await Promise.all(wanted.map(async (name) => {
    await keep(manifest.packs[name], (bytes) => {
      come += bytes;
      drawing ||= setTimeout(() => { drawing = 0; draw(); }, 100);
    });
    open.delete(name);
  }));
  clearTimeout(drawing);
  $("bar").hidden = true;
  $("words").textContent = "";
}

/** The service worker, at work. */
async function startWorker() {
  const script = new URL("service-worker.js?enableCache=false", root);
  localStorage.setItem(`${script.href}-version`, APP);
  await navigator.serviceWorker.register(script, { scope: root.pathname, updateViaCache: "all" });
  const { active } = await navigator.serviceWorker.ready;
  if (navigator.serviceWorker.controller) return;
  const controlled = new Promise((yes) => navigator.serviceWorker.addEventListener("controllerchange", yes, { once: true }));
  active.postMessage("claim"); // a page that came while the worker was starting is nobody's
  await controlled;
}

// --- the reader's copy ----------------------------------------------------------------------

/** JupyterLite's own store of edited files, where there is one. */
async function openDrive() {
  const name = `JupyterLite Storage - ${root.pathname}`;
  const names = (await indexedDB.databases()).map((one) => one.name);
  if (!names.includes(name)) return undefined;
  const database = await new Promise((yes, no) => {
    const asked = indexedDB.open(name);
    asked.onsuccess = () => yes(asked.result);
    asked.onerror = () => no(asked.error);
  });
  if (database.objectStoreNames.contains("files")) return database;
  database.close();
  return undefined;
}

function ask(database, mode, work) {
  return new Promise((yes, no) => {
    const transaction = database.transaction("files", mode);
    const asked = work(transaction.objectStore("files"));
    transaction.oncomplete = () => yes(asked.result);
    transaction.onerror = () => no(transaction.error);
  });
}

/** What tells two versions of a notebook apart: the words in its cells, not its outputs. */
async function markOf(notebook) {
  const words = notebook.cells.map((cell) => [cell.cell_type, [cell.source].flat().join("")]);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(words)));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether the reader has a copy of the lesson, edited or run. */
async function hasCopy() {
  const database = await openDrive();
  return database !== undefined && (await ask(database, "readonly", (files) => files.getKey(path))) !== undefined;
}

/**
 * Where the lesson has changed since the reader's copy was made: an unchanged copy gives way,
 * an edited one is asked about. Nothing is lost: the reader's own stays, or is kept beside.
 */
async function settleCopy(lesson) {
  const noted = `${root.pathname}made from ${path}`;
  const origin = localStorage.getItem(noted) ?? lesson.mark;
  localStorage.setItem(noted, origin);
  if (origin === lesson.mark) return;
  const database = await openDrive();
  const copy = database && (await ask(database, "readonly", (files) => files.get(path)));
  const settle = () => localStorage.setItem(noted, lesson.mark);
  if (!copy) return settle();
  const mark = await markOf(typeof copy.content === "string" ? JSON.parse(copy.content) : copy.content);
  if (mark === origin || mark === lesson.mark) {
    await ask(database, "readwrite", (files) => files.delete(path));
    return settle();
  }
  $("heading").textContent = "This lesson has a new version";
  $("words").textContent = "You have changed your copy, which was made from an older one.";
  const beside = path.replace(/\.ipynb$/, ` (yours, ${new Date().toISOString().slice(0, 10)}).ipynb`);
  const fresh = await new Promise((chosen) => {
    const mine = make("button", "Go on with mine", { type: "button", className: "second", onclick: () => chosen(false) });
    const other = make("button", "Open the new one", { type: "button", onclick: () => chosen(true) });
    $("more").replaceChildren(make("p", `The new one keeps yours beside it, as “${beside.split("/").pop()}”.`), other, mine);
    other.focus();
  });
  $("more").replaceChildren();
  if (fresh) {
    let name = beside;
    for (let number = 2; await ask(database, "readonly", (files) => files.getKey(name)); number++)
      name = beside.replace(/\)\.ipynb$/, `, ${number}).ipynb`);
    const kept = { ...copy, name: name.split("/").pop(), path: name };
    await ask(database, "readwrite", (files) => { files.put(kept, name); return files.delete(path); });
    settle();
  }
}

// --- the notebook ---------------------------------------------------------------------------

function showNotebook(lesson) {
  $("words").textContent = "";
  $("heading").textContent = "Opening the notebook";
  say("Starting Python …");
  const frame = make("iframe", "", { title: `${lesson.title}, a notebook you can run`, id: "notebook" });
  frame.src = `notebooks/index.html?path=${encodeURIComponent(path)}`;
  frame.className = "waiting";
  document.querySelector("main").append(frame);
  return frame;
}

/** What a cell prints is for the reader to find out: the site's own notebook opens without outputs. */
function clearOutputs(model) {
  for (const cell of model.cells)
    if (cell.type === "code") {
      cell.clearExecution();
      cell.executionCount = null;
    }
}

/** Go elsewhere, with everything saved: so the browser need not ask whether to leave. */
async function leave(go) {
  const inside = $("notebook").contentWindow;
  await inside.jupyterapp.shell.currentWidget.context.save();
  inside.addEventListener("beforeunload", (event) => event.stopImmediatePropagation(), { capture: true });
  go();
}

/** Links of the notebook lead to lessons in the tab, or to pages of the site. */
function guideLinks(frame, panel, manifest) {
  const files = new URL("files/", root);
  /** What the author wrote: JupyterLite puts another address in its place. */
  const written = (link) => {
    const cell = panel.content.widgets.find((one) => one.node.contains(link));
    const links = [...(cell?.model.sharedModel.getSource() ?? "").matchAll(/\[([^\]]+)\]\(([^)\s]+)\)/g)];
    return links.find(([, words]) => words.replace(/[*`_]/g, "") === link.textContent.replace(/_/g, ""))?.[2];
  };
  const addressOf = (url) => {
    if (!url.href.startsWith(files.href)) return "";
    const to = decodeURIComponent(url.pathname.slice(files.pathname.length));
    if (manifest.lessons[to]) return `open.html?path=${encodeURIComponent(to)}`;
    return /\.(md|ipynb)$/.test(to) ? `../${to.replace(/\.\w+$/, ".html")}${url.hash}` : "";
  };
  const follow = (event) => {
    const link = event.target.closest?.(".jp-RenderedMarkdown a[href]");
    const href = link && written(link);
    const address = href && addressOf(new URL(href, new URL(path, files)));
    if (!address) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    leave(() => location.assign(address));
  };
  frame.contentDocument.addEventListener("click", follow, { capture: true });
}

/** The arrows of a menu in an output choose; they do not move to another cell. */
function leaveKeysToMenus(frame) {
  const keep = (event) => event.target.matches?.("select") && /^(Arrow|Home|End|Enter| )/.test(event.key) && event.stopImmediatePropagation();
  frame.contentWindow.addEventListener("keydown", keep, { capture: true });
}

/** A tab cannot interrupt Python: whoever presses ■ while a cell runs on is offered a restart. */
function offerRestart(frame, context) {
  const isBusy = () => context.session?.kernel?.status === "busy";
  const offer = async (event) => {
    if (!event.target.closest?.('[data-command="notebook:interrupt-kernel"]') || !isBusy()) return;
    const restart = make("button", "Restart Python", { type: "button" });
    const wait = make("button", "Go on waiting", { type: "button", className: "second", onclick: () => ($("notice").hidden = true) });
    $("notice").replaceChildren(make("p", "A browser tab cannot stop a cell in the middle. Python can be started anew: your notebook and your files stay; run the cells from the top after it."), restart, wait);
    $("notice").hidden = false;
    restart.focus();
    restart.onclick = async () => {
      $("notice").hidden = true;
      await context.restartKernel();
    };
  };
  frame.contentDocument.addEventListener("click", offer, { capture: true });
}

/** What the top line says of the kernel; of a cell that takes long, for how many seconds. */
function tellStatus(context, isCopy) {
  const words = { busy: "Running …", idle: "Ready", starting: "Starting Python …", restarting: "Starting Python again …", dead: "Python has stopped: Kernel, then Restart, in the menu.", unknown: "Starting Python …" };
  let hasRun = !isCopy;
  let begun = 0;
  let ticking;
  const tell = () => {
    const status = context.session?.kernel?.status;
    clearInterval(ticking);
    if (status === "busy") {
      begun = Date.now();
      hasRun = true;
      ticking = setInterval(() => Date.now() - begun > 9_000 && say(`Running for ${Math.round((Date.now() - begun) / 10_000)}0 seconds. To stop it: ■ above.`), 10_000);
    }
    say(status === "idle" && !hasRun ? "Ready. Python is new: run the cells from the top." : words[status] ?? "");
  };
  context.statusChanged.connect(tell);
  return { tell, forget: () => { hasRun = !isCopy; tell(); } };
}

/** The script of the notebook that did not load; "" where all did. */
const lackOf = (frame) => frame.contentWindow?.lacks ?? "";

/** Ask ten times a second; throws where a script of the notebook did not load. */
async function until(frame, found) {
  for (;;) {
    if (lackOf(frame)) throw new Error(`A part of the notebook did not load: ${new URL(lackOf(frame)).pathname.split("/").pop()}.`);
    const value = found();
    if (value) return value;
    await new Promise((next) => setTimeout(next, 100));
  }
}

/** Wait until the notebook is drawn, then until its kernel answers; say so. */
async function watch(frame, manifest, isCopy) {
  const panel = await until(frame, () => frame.contentWindow?.jupyterapp?.shell?.currentWidget?.sessionContext && frame.contentWindow.jupyterapp.shell.currentWidget);
  await panel.revealed;
  for (const cell of panel.content.model.cells) if (cell.type === "code") cell.trusted = true; // the site's own, or the reader's
  if (!isCopy) clearOutputs(panel.content.model);
  guideLinks(frame, panel, manifest);
  leaveKeysToMenus(frame);
  offerRestart(frame, panel.sessionContext);
  $("loading").hidden = true;
  frame.className = "";
  await panel.sessionContext.ready;
  const context = panel.sessionContext;
  await until(frame, () => context.session?.kernel);
  const { forget } = tellStatus(context, isCopy);
  await context.session.kernel.info;
  forget(); // what ran until now was the start
}

/** Show the notebook until it is ready. Where a script of it does not load, once more from the start. */
async function bring(lesson, manifest, isCopy) {
  const frame = showNotebook(lesson);
  const attempt = async () => {
    let ready = false;
    const work = watch(frame, manifest, isCopy).finally(() => (ready = true));
    await Promise.race([work, until(frame, () => ready)]); // what waits for the script waits for ever
  };
  try {
    await attempt();
  } catch (error) {
    if (!lackOf(frame)) throw error;
    document.documentElement.dataset.again = lackOf(frame);
    say("Opening the notebook again …");
    await new Promise((loaded) => {
      frame.addEventListener("load", loaded, { once: true });
      frame.contentWindow.location.reload();
    });
    await attempt();
  }
}

/** Ask, at most once an hour and after the lesson is open, whether there is a new release. */
async function lookForRelease(manifest, lesson) {
  if (Date.now() - Number(localStorage.getItem(`${root.pathname}asked`) ?? 0) < HOUR) return;
  const fresh = await fetchManifest().catch(() => undefined);
  if (!fresh || fresh.version === manifest.version) return;
  const update = make("button", "Fetch it", { type: "button" });
  const later = make("button", "Later", { type: "button", className: "second", onclick: () => ($("notice").hidden = true) });
  $("notice").replaceChildren(make("p", "The course has a new release. Your notebooks and your progress stay."), update, later);
  $("notice").hidden = false;
  update.onclick = async () => {
    update.disabled = true;
    await adopt(fresh, (fresh.lessons[path] ?? lesson).packs);
    await leave(() => location.reload());
  };
}

async function adopt(manifest, names) {
  await fetchPacks(manifest, names);
  await setCurrent(manifest);
  navigator.serviceWorker.controller?.postMessage("manifest");
}

async function main() {
  const reason = await obstacle();
  if (reason) return refuse(reason);
  let manifest = await current();
  const kept = manifest !== undefined;
  manifest ??= await fetchManifest();
  const lesson = manifest.lessons[path];
  $("mark").innerHTML = manifest.mark;
  if (lesson) {
    document.title = `${lesson.title} · Box Office`;
    $("title").textContent = lesson.title;
    $("back").href = lesson.page;
    $("back-words").textContent = path.startsWith("exercises/") ? "Page of the exercises" : "Lesson page";
  }
  if (!lesson) {
    $("heading").textContent = "There is no such lesson";
    $("more").replaceChildren(make("p", "", {}, make("a", "Choose one in the course", { href: "../book/index.html" })));
    return undefined;
  }
  const worker = startWorker();
  await fetchPacks(manifest, lesson.packs);
  if (!kept) await setCurrent(manifest);
  await worker;
  if (!kept) navigator.serviceWorker.controller.postMessage("manifest");
  navigator.storage?.persist?.();
  await settleCopy(lesson);
  await bring(lesson, manifest, await hasCopy());
  document.documentElement.dataset.ready = "yes";
  return lookForRelease(manifest, lesson);
}

main().catch((error) => {
  $("notebook")?.remove();
  $("loading").hidden = false;
  $("bar").hidden = true;
  $("heading").textContent = "The lesson did not open";
  $("words").textContent = navigator.onLine ? String(error.message ?? error) : "There is no connection to the network.";
  $("more").replaceChildren(make("button", "Try again", { type: "button", onclick: () => location.reload() }));
  say("");
});
