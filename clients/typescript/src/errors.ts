/** What can go wrong, as classes that an app can tell apart. */

/** The codes of refusals (docs/reference/problems.md). A later version of the shop may have more. */
export type ProblemCode =
  | "already_submitted" | "bad_host" | "bad_request" | "body_timeout" | "body_too_large"
  | "cart_empty" | "cart_full" | "category_in_use" | "conflicting_repeat"
  | "count_below_committed" | "csrf_failed" | "currency_changed" | "database_unavailable"
  | "email_taken" | "hold_expired" | "idempotency_key_reused" | "insufficient_stock"
  | "internal_error" | "invalid_credentials" | "invalid_transition" | "last_owner"
  | "length_required" | "mail_off" | "malformed_json" | "method_not_allowed" | "name_taken"
  | "not_acceptable" | "not_authenticated" | "not_found" | "not_in_cart" | "not_staff"
  | "order_abandoned" | "order_rule" | "ordering_not_allowed" | "outcome_unknown"
  | "overloaded" | "own_rights" | "payment_conflict" | "payment_required"
  | "payment_unmatched" | "permission_missing" | "precondition_failed"
  | "precondition_required" | "price_changed" | "provider_off" | "quota_exceeded"
  | "refund_exceeds_due" | "registration_closed" | "reset_token_invalid"
  | "return_exceeds_shipped" | "second_factor_required" | "session_ended"
  | "signature_invalid" | "since_expired" | "sku_taken" | "stock_limit_exceeded"
  | "throttled" | "token_expired" | "token_invalid" | "too_many_addresses"
  | "too_many_categories" | "too_many_keys" | "too_many_payments" | "too_many_streams"
  | "too_many_watches" | "too_many_webhooks" | "unknown_category" | "unknown_field"
  | "unknown_product" | "unpaid_limit" | "unsupported_media_type" | "username_taken"
  | "validation_error" | "wrong_password"
  | (string & {});

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

  get status(): number { return this.problem.status; }

  get code(): ProblemCode { return this.problem.code; }
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
