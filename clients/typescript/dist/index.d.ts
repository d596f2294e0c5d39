/** Larder for apps: log-in, outbox, offline copy. See README.md. */
export type { Options, Request } from "./connection.js";
export type { Copy } from "./copy.js";
export * from "./errors.js";
export { Larder } from "./larder.js";
export type { Entry, Outbox, State } from "./outbox.js";
export * from "./storage.js";
export type * from "./types.js";
