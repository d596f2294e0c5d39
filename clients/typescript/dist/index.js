/** Larder for apps: log-in, outbox, offline copy. See README.md. */
export * from "./errors.js";
export { Larder } from "./larder.js";
export * from "./storage.js";
