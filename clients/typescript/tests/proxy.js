/** A hostile proxy: what lies between a phone and the shop. */

import http from "node:http";

/** Faults by name. Those of PORTALS answer in the place of the shop. */
export const FAULTS = [
  "refuse", // the request does not arrive
  "lose", // it arrives, and the answer does not
  "cut", // the answer ends in the middle
  "slow", // it arrives later
  "delay", // it arrives, and its answer comes later
  "hang", // it arrives, and nothing comes back until the phone gives up
  "double", // it arrives twice at the same time
  "late", // it is lost for the phone, and arrives much later
  "again", // it arrives, the answer is lost, and a copy of it arrives much later
];

const LOG_IN = "<!doctype html><title>Wi-Fi</title><form>Log in to the Wi-Fi</form>";
export const PORTALS = {
  html: [200, { "Content-Type": "text/html" }, LOG_IN],
  redirect: [302, { Location: "http://192.0.2.1/log-in" }, ""],
  empty: [204, {}, ""],
  json: [200, { "Content-Type": "application/json" }, '{"results": [], "more": false}'],
  unauthorized: [401, { "Content-Type": "application/json" }, '{"code": "session_ended"}'],
  gateway: [502, { "Content-Type": "text/html" }, "<h1>Bad gateway</h1>"],
};

export class Proxy {
  /** Requests that came, as `POST /api/v1/orders`. */
  seen = [];
  #held = new Set();

  /** `choose` returns a fault for a request, or undefined; `wait` milliseconds until it arrives. */
  constructor(shop, choose = () => undefined, wait = () => 0) {
    this.shop = shop;
    this.choose = choose;
    this.wait = wait;
    this.server = http.createServer((request, response) => {
      this.#pass(request, response).catch(() => response.destroy());
    });
  }

  async open() {
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  /** Waits until the last late copy has arrived. */
  async settle() {
    while (this.#held.size) await Promise.all(this.#held);
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }

  async #pass(request, response) {
    const sent = { method: request.method, headers: request.headers, path: request.url };
    sent.body = await read(request);
    const name = `${request.method} ${request.url}`;
    this.seen.push(name);
    const fault = this.choose(name, this.seen.length);
    if (Array.isArray(fault)) return answer(response, fault);
    if (PORTALS[fault]) return answer(response, PORTALS[fault]);
    if (fault === "refuse") return response.destroy();
    if (fault === "late") {
      this.#later(sent);
      return response.destroy();
    }
    if (fault === "slow") await pause(this.wait());
    const copies = [this.#forward(sent)];
    if (fault === "double") copies.push(this.#forward(sent).catch(() => {}));
    const [status, headers, body] = await Promise.any(copies);
    if (fault === "delay") await pause(this.wait());
    if (fault === "again") this.#later(sent);
    if (fault === "lose" || fault === "again") return response.destroy();
    if (fault === "hang") return undefined;
    if (fault !== "cut") return answer(response, [status, headers, body]);
    response.writeHead(status, { ...headers, "content-length": body.length + 1 });
    response.write(body.subarray(0, body.length / 2), () => response.destroy());
  }

  #later(sent) {
    const arriving = pause(this.wait())
      .then(() => this.#forward(sent))
      .catch(() => {})
      .finally(() => this.#held.delete(arriving));
    this.#held.add(arriving);
  }

  #forward({ method, headers, path, body }) {
    return new Promise((resolve, reject) => {
      const forwarded = http.request(this.shop + path, { method, headers }, async (answered) => {
        resolve([answered.statusCode, answered.headers, await read(answered)]);
      });
      forwarded.on("error", reject);
      forwarded.end(body);
    });
  }
}

function answer(response, [status, headers, body]) {
  response.writeHead(status, headers);
  response.end(body);
}

async function read(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

export function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
