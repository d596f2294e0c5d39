/**
 * A hostile network between a shop at LARDER_URL and its apps: node hostile.js SEED.
 *
 * Prints the port of the proxy. At the end of its input, waits for late copies and prints the
 * faults of each request as JSON. Only the API suffers: files of an app pass.
 */

import { createHash } from "node:crypto";
import { once } from "node:events";

import { FAULTS, PORTALS, Proxy } from "./proxy.js";

const [seed] = process.argv.slice(2);
const HOSTILE = [...FAULTS.filter((one) => one !== "hang"), ...Object.keys(PORTALS)];
const LATEST = 2000;
/** What happened to each request, by its method and path: a fault, or null. */
const suffered = {};

/** Chooses by the name and its count, so that requests at the same time change nothing. */
function choose(request) {
  const [name] = request.split("?");
  if (!name.includes("/api/")) return undefined;
  // No stream passes this network: the app reads the feeds.
  if (name.endsWith("/events/stream")) return "refuse";
  const before = (suffered[name] ??= []);
  const [chance, which] = createHash("sha256").update(`${seed} ${name} ${before.length}`).digest();
  const fault = chance < 128 ? HOSTILE[which % HOSTILE.length] : undefined;
  before.push(fault ?? null);
  return fault;
}

const proxy = await new Proxy(process.env.LARDER_URL, choose, () => LATEST).open();
console.log(proxy.server.address().port);
process.stdin.resume();
await once(process.stdin, "end");
await proxy.settle();
console.log(JSON.stringify(suffered));
proxy.close();
