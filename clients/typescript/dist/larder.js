/** The client: log-in, requests with a token, and the parts of an app. */
import { Connection, shared, tell } from "./connection.js";
import { Copy } from "./copy.js";
import { ProblemError, SessionEndedError } from "./errors.js";
import { Outbox } from "./outbox.js";
const SESSION = "session";
export class Larder {
    /** Orders that are sent until the shop has answered, also after the app was killed. */
    outbox;
    /** The offline copy of the catalogue. */
    catalogue;
    /** The offline copy of the customer's orders. */
    history;
    /** Is called when the session is over and the app should show its log-in. */
    onSessionEnded = () => { };
    #connection;
    #storage;
    /** Exchanges the refresh token, once for all requests whose token has expired. */
    #refresh = shared(() => this.#exchange());
    constructor(options) {
        this.#connection = new Connection(options);
        this.#storage = options.storage;
        this.outbox = new Outbox(this, options.storage);
        this.catalogue = new Copy(this, options.storage, "products");
        this.history = new Copy(this, options.storage, "orders");
    }
    /** Exchanges a username and a password for a session. */
    async logIn(username, password) {
        const before = await this.#session();
        const proof = before?.username === username ? { refresh: before.refresh } : {};
        const pair = await this.#tokens("auth/token", { username, password, ...proof });
        const headers = { Authorization: `Bearer ${pair.access}` };
        const me = (await this.#connection.send("GET", "me", { headers }, true));
        await this.#storage.write({ [SESSION]: { ...pair, account: me.id, username } });
        this.outbox.wake();
    }
    /** Ends the session, and removes the offline copies. Orders in the outbox stay for the next. */
    async logOut() {
        const session = await this.#session();
        if (session === undefined)
            return;
        const copies = { ...(await this.catalogue.removal()), ...(await this.history.removal()) };
        await this.#storage.write({ ...copies, [SESSION]: undefined });
        const body = { refresh: session.refresh };
        await this.#connection.send("POST", "auth/token/revoke", { body }, false).catch(() => { });
    }
    /** Returns the id of the account that is logged in, or was last. Needs no network. */
    async account() {
        return (await this.#session())?.account;
    }
    /** Returns whether there is a session. Needs no network: it may have ended meanwhile. */
    async isLoggedIn() {
        return (await this.#session())?.access !== undefined;
    }
    /**
     * Sends a request with the access token, and refreshes the token if it has expired. `path` is
     * what follows `/api/v1/` (that may be there too). A GET, and a request with a `key`, is repeated after a temporary
     * failure. Once a user has logged out, it is never sent as the next one. Throws ProblemError,
     * NoNetworkError and SessionEndedError.
     */
    async request(method, path, request = {}) {
        const isSafe = (method === "GET" && !request.read) || request.key !== undefined;
        let { account } = request;
        for (let refreshed = false;; refreshed = true) {
            const { access, ...session } = (await this.#session()) ?? {};
            account ??= session.account;
            if (access === undefined || session.account !== account)
                throw new SessionEndedError();
            const headers = { ...request.headers, Authorization: `Bearer ${access}` };
            try {
                return (await this.#connection.send(method, path, { ...request, headers }, isSafe));
            }
            catch (error) {
                if (!isUnauthorized(error) || refreshed)
                    throw error;
                // Unless another tab, or a request before this one, has done it.
                if ((await this.#session())?.access === access)
                    await this.#refresh();
            }
        }
    }
    /** Returns a page of a list: the first, or the one that `next` of the page before leads to. */
    async page(path, parameters = {}, next) {
        const query = next ? new URL(next).search : `?${new URLSearchParams(parameters)}`;
        return this.request("GET", path + query);
    }
    /** Returns a page of products. `q` searches them; others are `category`, `in_stock`, `ordered_before`, `limit`. */
    products(parameters, next) {
        return this.page("products", parameters, next);
    }
    /** Puts what can be ordered now of an order in the customer's cart at the shop. A repeat changes nothing. */
    reorder(id) {
        return this.request("POST", `orders/${id}/reorder`);
    }
    /**
     * Tells the events of the stream that follow on `after`, the last `id`; also those of products in
     * `watch`. Returns when the stream ends, which it does every few minutes: wait some seconds, and
     * call it again. Throws as `request`.
     */
    listen(tell, signal, after = "", watch = []) {
        const headers = { Accept: "text/event-stream" };
        if (after)
            headers["Last-Event-ID"] = after;
        const read = async ({ body }) => {
            const parts = body.pipeThrough(new TextDecoderStream()).getReader();
            for (let text = "";;) {
                const { done, value } = await parts.read();
                if (done)
                    return;
                const messages = (text + value).split("\n\n");
                text = messages.pop();
                for (const lines of messages.map((message) => message.split("\n"))) {
                    const fields = Object.fromEntries(lines.map((line) => line.split(/: (.*)/)));
                    if (fields.event)
                        tell({ ...fields, data: JSON.parse(fields.data) });
                }
            }
        };
        return this.request("GET", `events/stream?watch=${watch.join()}`, { headers, read, signal });
    }
    async #exchange() {
        const session = await this.#session();
        if (session?.access === undefined)
            throw new SessionEndedError();
        const { access, ...ended } = session;
        const exchange = this.#tokens("auth/token/refresh", { refresh: session.refresh });
        const pair = await exchange.catch((error) => {
            if (!isUnauthorized(error))
                throw error;
        });
        // The user may have logged out, or in again, meanwhile.
        if ((await this.#session())?.access !== access)
            return;
        await this.#storage.write({ [SESSION]: { ...ended, ...pair } });
        if (pair !== undefined)
            return;
        tell(() => this.onSessionEnded());
        throw new SessionEndedError();
    }
    async #tokens(path, body) {
        const pair = await this.#connection.send("POST", path, { body }, true);
        const { access, refresh } = pair;
        return { access, refresh };
    }
    async #session() {
        return (await this.#storage.get(SESSION));
    }
}
function isUnauthorized(error) {
    return error instanceof ProblemError && error.status === 401;
}
