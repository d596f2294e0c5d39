/** Orders that are written down before they are sent, and sent until their result is certain. */
import { type Problem } from "./errors.js";
import type { Larder } from "./larder.js";
import type { Changes, Storage } from "./storage.js";
import type { Draft, Order } from "./types.js";
/**
 * `waiting`: it will be sent, and may have been. `giving_up`: a request to prevent it is sent.
 * The others are certain. `placed`: `order` is what the shop has. `refused`: it was not placed and
 * never will be, and `problem` says why. `abandoned`: likewise, because the user gave up.
 */
export type State = "waiting" | "giving_up" | "placed" | "refused" | "abandoned";
export interface Entry {
    /** The id of the order, and its Idempotency-Key. */
    id: string;
    draft: Draft;
    at: number;
    state: State;
    order?: Order;
    problem?: Problem;
}
export declare class Outbox {
    #private;
    private readonly larder;
    private readonly storage;
    /** Is called after each change of an entry. */
    onChange: () => void;
    /** Sends what waits now, if `start` was called. */
    wake: () => void;
    constructor(larder: Larder, storage: Storage);
    /**
     * Writes an order down and returns its id. It is sent by `flush`, or at once after `start`.
     * `also` are changes of the app that are written with it, such as an emptied cart.
     */
    add(draft: Draft, also?: Changes): Promise<string>;
    /** Returns the orders of this account, oldest first, until they are dismissed. */
    all(): Promise<Entry[]>;
    /**
     * Gives an order up that is still `waiting`. It is `abandoned` once the shop has answered that it
     * will never place it, or `placed` if it has.
     */
    giveUp(id: string): Promise<void>;
    /** Removes an order whose result the user has seen. Others stay. */
    dismiss(id: string): Promise<void>;
    /** Sends what waits, once. Throws a failure, a temporary one first; what failed is sent with the next call. */
    flush(): Promise<void>;
    /** Sends what waits now and later, with back-off. Returns a function that stops it. */
    start(): () => void;
}
