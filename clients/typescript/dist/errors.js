/** What can go wrong, as classes that an app can tell apart. */
/** Larder refused a request. Decide by `code`, and treat an unknown code by its `status`. */
export class ProblemError extends Error {
    problem;
    retryAfter;
    name = "ProblemError";
    constructor(problem, 
    /** Seconds to wait before a repeat, if the answer says so. */
    retryAfter) {
        super(problem.detail);
        this.problem = problem;
        this.retryAfter = retryAfter;
    }
    get status() { return this.problem.status; }
    get code() { return this.problem.code; }
}
/**
 * There is no answer of Larder: no network, a time-out, an answer that was cut off, or one of
 * something else, such as the page of a captive portal. The request may have taken effect.
 */
export class NoNetworkError extends Error {
    reason;
    retryAfter;
    name = "NoNetworkError";
    constructor(reason, retryAfter) {
        super(`No answer of the shop (${reason}).`);
        this.reason = reason;
        this.retryAfter = retryAfter;
    }
}
/** The session is over: the user has to log in. What was written to the outbox is kept. */
export class SessionEndedError extends Error {
    name = "SessionEndedError";
    message = "Please log in.";
}
/** Whether a repeat of the request can have another result. */
export function isTemporary(error) {
    if (error instanceof NoNetworkError)
        return true;
    return error instanceof ProblemError && (error.status >= 500 || error.status === 429);
}
