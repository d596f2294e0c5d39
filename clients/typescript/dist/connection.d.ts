/** Sends requests: time-outs, back-off, and what is no answer of Larder. */
export interface Options {
    /** The address of the shop, such as `https://shop.example`. */
    url: string;
    /** Milliseconds until a request without an answer is given up, 20,000 by default. */
    timeout?: number;
    /** How often a request that is safe to repeat is sent before its failure is thrown, 4 by default. */
    tries?: number;
}
export interface Request {
    body?: unknown;
    headers?: Record<string, string>;
    /** The Idempotency-Key: the request is safe to repeat, and is repeated. */
    key?: string;
    /** The account that the request is for. If another one is logged in, nothing is sent. */
    account?: number | undefined;
    /** Reads a long answer in place of its JSON. Then `signal` ends the request, not the time-out. */
    read?: (response: Response) => Promise<void>;
    signal?: AbortSignal;
}
export declare class Connection {
    #private;
    private readonly options;
    constructor(options: Options);
    /** Sends a request, and repeats it after a temporary failure if `isSafe`. */
    send(method: string, path: string, request: Request, isSafe: boolean): Promise<unknown>;
}
/** Milliseconds to wait after so many failures: at least `retryAfter` seconds, plus a random part. */
export declare function backOff(failures: number, retryAfter?: number, longest?: number): number;
/** Returns a function that runs `run` once for all callers who call it while it runs. */
export declare function shared<T>(run: () => Promise<T>): () => Promise<T>;
/** Calls a callback of the app. Its error is logged, and stops nothing. */
export declare const tell: (callback: () => unknown) => undefined;
