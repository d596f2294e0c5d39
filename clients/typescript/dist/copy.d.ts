/** An offline copy of a feed: `products/changes` or `orders/changes`. */
import type { Larder } from "./larder.js";
import type { Changes, Storage } from "./storage.js";
export declare class Copy<T> {
    #private;
    private readonly larder;
    private readonly storage;
    private readonly name;
    /** Brings the copy up to date, and returns how many objects have changed. */
    readonly sync: () => Promise<number>;
    constructor(larder: Larder, storage: Storage, name: string);
    /** Returns all objects of the copy. Needs no network. */
    all(): Promise<T[]>;
    /** Returns one object of the copy. Needs no network. */
    get(id: number | string): Promise<T | undefined>;
    /** Writes an object of an answer into the copy: the feed may have it only some seconds later. */
    put(one: T & {
        id: number | string;
    }): Promise<void>;
    /** Returns whether a first synchronisation has come to its end. */
    isComplete(): Promise<boolean>;
    /** Returns the changes that remove the copy. */
    removal(): Promise<Changes>;
}
