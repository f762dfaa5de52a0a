// How a widget reaches a model of the book that runs in a worker (worker.js), in the page.

const KERNEL_SECONDS = 60; // to wait for a kernel's answer

// Megabytes as the buttons state them.
export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

const partsOf = ({ name, bytes }) =>
  name ? [{ kind: "mark", text: name, spoken: name }] : decodeToken(bytes);
const visibleToken = (token) => partsOf(token).map(({ text }) => text).join("");
const spokenToken = (token) => partsOf(token).map(({ spoken }) => spoken).join(" ");

// On the book's site, scripts and weights are files of the site.
function siteSource(site) {
  return {
    worker: () => new Worker(new URL("playground/worker.js", site), { type: "module" }),
    files: (name) => ({ folder: new URL(`playground/models/${name}/`, site).href }),
  };
}

// In a notebook, the kernel sends the worker's script and the models, as bytes.
function kernelSource(model) {
  const ask = (request) =>
    new Promise((resolve, reject) => {
      const end = (settle, value) => {
        clearTimeout(timer);
        model.off("msg:custom", answer);
        settle(value);
      };
      const answer = (message, buffers) => {
        if (message.kind !== request.kind || message.name !== request.name) return;
        end(resolve, { ...message, buffers });
      };
      const silent = "The kernel does not answer. Run the cell again to get the models from the kernel.";
      const timer = setTimeout(() => end(reject, new Error(silent)), 1000 * KERNEL_SECONDS);
      model.on("msg:custom", answer);
      model.send(request);
    });
  return {
    async worker() {
      const { source } = await ask({ kind: "worker" });
      const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      return new Worker(url, { type: "module" });
    },
    async files(name) {
      const { config, tokenizer, buffers } = await ask({ kind: "model", name });
      const { buffer, byteOffset, byteLength } = buffers[0];
      const weights = buffer.slice(byteOffset, byteOffset + byteLength);
      return { files: { config, tokenizer, weights } };
    },
  };
}

const CANCELED = new Error("Loading was stopped.");

// A worker that is asked: `call` returns a promise of the result, and tells what happens before.
function connect(worker) {
  const open = new Map();
  let calls = 0;
  const rejectAll = (error) => {
    for (const { reject } of open.values()) reject(error);
    open.clear();
  };
  worker.onmessage = ({ data: { call, event, result, error } }) => {
    const { resolve, reject, tell } = open.get(call) ?? {};
    if (event) return tell?.(event);
    open.delete(call);
    if (error) reject?.(new Error(error));
    else resolve?.(result);
  };
  worker.onerror = () =>
    rejectAll(new Error("The model could not be started: its script did not load or run. Reload the page to try again."));
  return {
    call: (kind, request = {}, tell) =>
      new Promise((resolve, reject) => {
        open.set((calls += 1), { resolve, reject, tell });
        worker.postMessage({ call: calls, kind, ...request });
      }),
    end() {
      worker.terminate();
      rejectAll(CANCELED);
    },
  };
}
