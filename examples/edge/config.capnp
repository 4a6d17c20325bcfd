# For workerd by itself. Its other users say the same in their own files: a module of WebAssembly, one of data.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:8080", http = (), service = "main")],
);

const worker :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "dist/worker.js"),
    (name = "irnn.wasm", wasm = embed "irnn.wasm"),
    (name = "model.safetensors", data = embed "model.safetensors"),
  ],
  compatibilityDate = "2025-05-05",
  compatibilityFlags = ["disallow_eval_during_startup"],
);
