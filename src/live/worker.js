// Python in a worker: the page stays responsive, and ending the worker ends whatever runs in it.
// Everything comes from this site. Messages in: {code, name, models, docs, matplotlib, total} (with
// {only: names}, the cell sees no other names of the page), {facts: code, total} or {reset: true, total}. Messages out, by their kind: progress, running,
// done, failed.
const here = new URL("./", import.meta.url).href;
const pyodideFolder = new URL("../vendor/pyodide/", here).href;
const modelsFolder = new URL("../playground/models/", here).href;
const SITE_PACKAGES = "/lib/python3.12/site-packages";

const plainFetch = self.fetch.bind(self);
let received = 0;
let expected = 0;
let what = "Python";

// Counts what arrives, so that the page can draw a bar.
const counted = (response) => {
  const counter = new TransformStream({
    transform(chunk, controller) {
      received += chunk.byteLength;
      self.postMessage({ kind: "progress", loaded: received, total: expected, what });
      controller.enqueue(chunk);
    },
  });
  return response.body.pipeThrough(counter);
};

const get = async (url) => {
  const response = await plainFetch(url);
  if (!response.ok) throw new Error(`${url} could not be loaded (${response.status})`);
  return response;
};

// A host may or may not compress wasm; ours is compressed already, and decompressed here.
self.fetch = async (url, options) => {
  const address = String(url.url ?? url);
  if (!address.startsWith(pyodideFolder)) return plainFetch(url, options);
  if (address.endsWith(".wasm")) {
    const stream = counted(await get(`${address}.gz`)).pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream, { headers: { "Content-Type": "application/wasm" } });
  }
  const response = await get(address);
  return new Response(counted(response), { headers: response.headers, status: response.status });
};

const bytes = async (url) => new Uint8Array(await new Response(counted(await get(url))).arrayBuffer());

let python;
let live;
const present = new Set();

const boot = async (total) => {
  expected = total;
  const packages = bytes(`${here}packages.zip`);
  const { loadPyodide } = await import(`${pyodideFolder}pyodide.mjs`);
  python = await loadPyodide({
    indexURL: pyodideFolder,
    packages: ["numpy"],
    env: { MPLBACKEND: "agg", HOME: "/home", FMLAB_BOOK: `${SITE_PACKAGES}/book` },
    stdout: () => {},
    stderr: () => {},
  });
  python.unpackArchive(await packages, "zip", { extractDir: SITE_PACKAGES });
  live = python.pyimport("live");
};

const loadModel = async (name) => {
  const folder = `${SITE_PACKAGES}/fmlab/models/weights/${name}`;
  for (const file of live.files_of(folder).toJs()) {
    python.FS.writeFile(`${folder}/${file}`, await bytes(`${modelsFolder}${name}/${file}`));
  }
};

const loadDocs = async () => {
  const stream = counted(await get(`${here}python_docs.txt.gz`));
  const text = stream.pipeThrough(new DecompressionStream("gzip"));
  const data = new Uint8Array(await new Response(text).arrayBuffer());
  python.FS.writeFile("/home/python_docs.txt", data);
};

// Fetches, once, what a cell needs beyond Python itself.
const provide = async ({ models, docs, matplotlib }) => {
  const wanted = models.map((name) => [`the model ${name}`, name, () => loadModel(name)]);
  if (docs) wanted.push(["the text", "docs", loadDocs]);
  if (matplotlib) {
    const load = () => python.loadPackage("matplotlib", { messageCallback: () => {} });
    wanted.push(["Matplotlib", "matplotlib", load]);
  }
  for (const [label, name, load] of wanted) {
    if (present.has(name)) continue;
    [received, expected, what] = [0, 0, label];
    await load();
    present.add(name);
  }
};

let started;
self.onmessage = async ({ data }) => {
  try {
    started ??= boot(data.total).catch((error) => {
      started = undefined; // the next run tries again
      throw error;
    });
    await started;
    if (data.reset) {
      live.reset();
      self.postMessage({ kind: "done", outputs: [], error: null, seconds: 0 });
      return;
    }
    if (data.facts !== undefined) {
      const facts = JSON.parse(live.facts(data.facts));
      self.postMessage({ kind: "done", facts, outputs: [], error: null, seconds: 0 });
      return;
    }
    await provide(data);
    self.postMessage({ kind: "running" });
    const result = live.run(data.code, data.name, data.only ?? null);
    const { outputs, error, seconds } = result.toJs({ dict_converter: Object.fromEntries });
    result.destroy();
    self.postMessage({ kind: "done", outputs, error, seconds });
  } catch (error) {
    self.postMessage({ kind: "failed", message: String(error?.message ?? error) });
  }
};
