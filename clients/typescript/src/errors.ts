/** What can go wrong, as classes that an app can tell apart. */

/** The codes that an app of customers meets (docs/reference/problems.md). There are others. */
export type ProblemCode =
  | "bad_request" | "currency_changed" | "database_unavailable" | "email_taken" | "hold_expired"
  | "idempotency_key_reused" | "insufficient_stock" | "internal_error" | "invalid_credentials"
  | "invalid_transition" | "not_authenticated" | "not_found" | "order_abandoned" | "order_rule"
  | "ordering_not_allowed" | "outcome_unknown" | "overloaded" | "precondition_failed"
  | "price_changed" | "quota_exceeded" | "registration_closed" | "session_ended" | "since_expired"
  | "throttled" | "token_expired" | "token_invalid" | "too_many_holds" | "unknown_product"
  | "username_taken" | "validation_error" | "wrong_password" | (string & {});

/** A line of an order that was refused. `code` determines which other members are there. */
export interface ProblemLine {
  code: ProblemCode;
  product?: number;
  requested?: number;
  available?: number;
  expected?: string;
  price?: string;
  min_quantity?: number;
  max_per_order?: number | null;
  step?: number;
}

/** The body of a refusal (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: ProblemCode;
  detail: string;
  correlation_id: string;
  errors?: { pointer: string; code: string; detail: string }[];
  lines?: ProblemLine[];
  [member: string]: unknown;
}

/** Larder refused a request. Decide by `code`, and treat an unknown code by its `status`. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";

  constructor(
    readonly problem: Problem,
    /** Seconds to wait before a repeat, if the answer says so. */
    readonly retryAfter?: number,
  ) {
    super(problem.detail);
  }

  get status(): number {
    return this.problem.status;
  }

  get code(): ProblemCode {
    return this.problem.code;
  }
}

/**
 * There is no answer of Larder: no network, a time-out, an answer that was cut off, or one of
 * something else, such as the page of a captive portal. The request may have taken effect.
 */
export class NoNetworkError extends Error {
  override readonly name = "NoNetworkError";

  constructor(
    readonly reason: "unreachable" | "timeout" | "not_larder",
    readonly retryAfter?: number,
  ) {
    super(`No answer of the shop (${reason}).`);
  }
}

/** The session is over: the user has to log in. What was written to the outbox is kept. */
export class SessionEndedError extends Error {
  override readonly name = "SessionEndedError";
  override readonly message = "Please log in.";
}

/** Whether a repeat of the request can have another result. */
export function isTemporary(error: unknown): error is ProblemError | NoNetworkError {
  if (error instanceof NoNetworkError) return true;
  return error instanceof ProblemError && (error.status >= 500 || error.status === 429);
}
