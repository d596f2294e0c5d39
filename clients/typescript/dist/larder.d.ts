/** The client: log-in, requests with a token, and the parts of an app. */
import { type Options, type Request } from "./connection.js";
import { Copy } from "./copy.js";
import { Outbox } from "./outbox.js";
import type { Storage } from "./storage.js";
import type { LarderEvent, Order, Page, Product, Reordered } from "./types.js";
export declare class Larder {
    #private;
    /** Orders that are sent until the shop has answered, also after the app was killed. */
    readonly outbox: Outbox;
    /** The offline copy of the catalogue. */
    readonly catalogue: Copy<Product>;
    /** The offline copy of the customer's orders. */
    readonly history: Copy<Order>;
    /** Is called when the session is over and the app should show its log-in. */
    onSessionEnded: () => void;
    constructor(options: Options & {
        storage: Storage;
    });
    /** Exchanges a username and a password for a session. */
    logIn(username: string, password: string): Promise<void>;
    /** Ends the session, and removes the offline copies. Orders in the outbox stay for the next. */
    logOut(): Promise<void>;
    /** Returns the id of the account that is logged in, or was last. Needs no network. */
    account(): Promise<number | undefined>;
    /** Returns whether there is a session. Needs no network: it may have ended meanwhile. */
    isLoggedIn(): Promise<boolean>;
    /**
     * Sends a request with the access token, and refreshes the token if it has expired. `path` is
     * what follows `/api/v1/` (that may be there too). A GET, and a request with a `key`, is repeated after a temporary
     * failure. Once a user has logged out, it is never sent as the next one. Throws ProblemError,
     * NoNetworkError and SessionEndedError.
     */
    request<T = any>(method: string, path: string, request?: Request): Promise<T>;
    /** Returns a page of a list: the first, or the one that `next` of the page before leads to. */
    page<T = any>(path: string, parameters?: Record<string, string>, next?: string | null): Promise<Page<T>>;
    /** Returns a page of products. `q` searches them; others are `category`, `in_stock`, `ordered_before`, `limit`. */
    products(parameters?: Record<string, string>, next?: string | null): Promise<Page<Product>>;
    /** Puts what can be ordered now of an order in the customer's cart at the shop. A repeat changes nothing. */
    reorder(id: string): Promise<Reordered>;
    /**
     * Tells the events of the stream that follow on `after`, the last `id`; also those of products in
     * `watch`. Returns when the stream ends, which it does every few minutes: wait some seconds, and
     * call it again. Throws as `request`.
     */
    listen(tell: (event: LarderEvent) => void, signal: AbortSignal, after?: string, watch?: number[]): Promise<void>;
}
