/** Where the SDK keeps tokens, the outbox and the offline copy. */
/** New values by key. `undefined` removes a key. */
export type Changes = Record<string, unknown>;
/**
 * A map that outlives the app. `write` resolves when all changes are on the disk, and makes all of
 * them or none, also if the app is killed meanwhile. Values are plain JSON.
 */
export interface Storage {
    get(key: string): Promise<unknown>;
    /** The values whose keys begin with `prefix`, by key, in the order of their keys. */
    entries(prefix: string): Promise<Map<string, unknown>>;
    write(changes: Changes): Promise<void>;
}
/** Keeps everything until the program ends. For tests, and for programs that need no more. */
export declare class MemoryStorage implements Storage {
    #private;
    get(key: string): Promise<unknown>;
    entries(prefix: string): Promise<Map<string, unknown>>;
    write(changes: Changes): Promise<void>;
}
/**
 * Keeps everything in a database of the browser. A write is on the disk when it is answered, which
 * localStorage does not promise, and tabs of one app share it.
 */
export declare class IndexedDbStorage implements Storage {
    #private;
    constructor(name?: string);
    get(key: string): Promise<unknown>;
    entries(prefix: string): Promise<Map<string, unknown>>;
    write(changes: Changes): Promise<void>;
}
