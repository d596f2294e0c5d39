/** Sends requests: time-outs, back-off, and what is no answer of Larder. */
import { isTemporary, NoNetworkError, ProblemError } from "./errors.js";
const API = "/api/v1/";
const LONGEST_WAIT = 20_000;
export class Connection {
    options;
    #position = null;
    constructor(options) {
        this.options = options;
    }
    /** Sends a request, and repeats it after a temporary failure if `isSafe`. */
    async send(method, path, request, isSafe) {
        for (let failed = 1;; failed++) {
            try {
                return await this.#once(method, path, request);
            }
            catch (error) {
                const wait = isTemporary(error) ? backOff(failed, error.retryAfter) : Infinity;
                if (!isSafe || failed >= (this.options.tries ?? 4) || wait > LONGEST_WAIT)
                    throw error;
                await new Promise((resolve) => setTimeout(resolve, wait));
            }
        }
    }
    async #once(method, path, request) {
        const { body, headers, key } = request;
        const sent = new Headers({ Accept: "application/json", ...headers });
        if (body !== undefined)
            sent.set("Content-Type", "application/json");
        if (key !== undefined)
            sent.set("Idempotency-Key", key);
        if (method === "GET" && this.#position)
            sent.set("Larder-Position", this.#position);
        try {
            const name = path.replace(/^\/?(api\/v1\/)?/, "");
            const response = await fetch(this.options.url.replace(/\/+$/, "") + API + name, {
                method,
                headers: sent,
                body: body === undefined ? null : JSON.stringify(body),
                redirect: "manual",
                cache: "no-cache",
                signal: request.signal ?? AbortSignal.timeout(this.options.timeout ?? 20_000),
            });
            if (request.read && response.ok)
                return await request.read(response);
            this.#position = response.headers.get("Larder-Position") ?? this.#position;
            return read(response, await response.text());
        }
        catch (error) {
            if (error instanceof NoNetworkError || error instanceof ProblemError)
                throw error;
            const isLate = error instanceof Error && error.name === "TimeoutError";
            throw new NoNetworkError(isLate ? "timeout" : "unreachable");
        }
    }
}
/** Returns the body of an answer. Throws ProblemError and NoNetworkError. */
function read(response, text) {
    const { ok, status, headers } = response;
    const retryAfter = Number(headers.get("Retry-After")) || undefined;
    // All answers of Larder have this header. Captive portals and proxies do not know it.
    if (!headers.has("Correlation-ID"))
        throw new NoNetworkError("not_larder", retryAfter);
    if (status === 202 || status === 204)
        return undefined;
    const isJson = headers.get("Content-Type")?.includes("json");
    if (!isJson || status === 304)
        throw new NoNetworkError("not_larder", retryAfter);
    const body = JSON.parse(text);
    if (ok)
        return body;
    throw new ProblemError(body, retryAfter);
}
/** Milliseconds to wait after so many failures: at least `retryAfter` seconds, plus a random part. */
export function backOff(failures, retryAfter = 0, longest = LONGEST_WAIT) {
    return retryAfter * 1000 + Math.random() * Math.min(longest, 500 * 2 ** failures);
}
/** Returns a function that runs `run` once for all callers who call it while it runs. */
export function shared(run) {
    let running;
    return () => (running ??= run().finally(() => (running = undefined)));
}
/** Calls a callback of the app. Its error is logged, and stops nothing. */
export const tell = (callback) => void Promise.resolve().then(callback).catch(console.error);
