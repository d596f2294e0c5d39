/** The objects that the SDK itself uses. Answers may have more members, and new values. */

/** Tax included, as text with two decimals, and a third only if it is not zero. */
export type Money = string;

export interface Product {
  id: number;
  sku: string;
  name: string;
  description: string;
  category: number | null;
  price: Money;
  currency: string;
  /** Without tax; null without a tax rate. */
  net_price: Money | null;
  /** Units that could be ordered when the product was read. */
  quantity: number;
  unit: string;
  barcode: string;
  image_url: string;
  min_quantity: number;
  max_per_order: number | null;
  step: number;
  /** Percent of tax in the price, with two decimals; null if none is known. */
  tax_rate: string | null;
  updated_at: string;
  version: number;
}

/** A message of the stream. `id` is where to go on; there may be more events. */
export interface LarderEvent {
  event: "order" | "cart" | "product" | "ready" | (string & {});
  id: string;
  data: any;
}

export interface OrderLine {
  product: number;
  sku: string;
  name: string;
  ordered: number;
  quantity: number;
  unit_price: Money;
  line_total: Money;
  returned: number;
  /** That of the product when the line was placed; null if none was known. */
  tax_rate: string | null;
  /** Without tax; null without a tax rate. */
  net_total: Money | null;
}

/** Treat an unknown status as an order in progress. */
export type OrderStatus =
  | "pending" | "placed" | "packed" | "shipped" | "delivered" | "returned" | "cancelled" | "expired"
  | (string & {});

export type Address = Partial<
  Record<"name" | "company" | "line1" | "line2" | "city" | "region" | "postal_code", string> &
    Record<"country" | "phone", string>
>;

export interface Order {
  id: string;
  number: number;
  customer: number;
  status: OrderStatus;
  currency: string;
  total: Money;
  note: string;
  reference: string;
  ship_to: Address | null;
  requested_for: string | null;
  placed_at: string;
  expires_at: string | null;
  updated_at: string;
  version: number;
  lines: OrderLine[];
  amount_due: Money;
  /** `required`: it is held until it is paid. `state`: what was paid; more values may be added. */
  payment: { required: boolean; state: string };
  carrier: string | null;
  tracking_number: string | null;
  /** Null if a line has no tax rate, as is `tax_total`. */
  net_total: Money | null;
  tax_total: Money | null;
}

/** What a customer wants to order. With `expected_price` a line is refused at any other price. */
export interface Draft {
  lines: { product: number; quantity: number; expected_price?: Money }[];
  note?: string;
  reference?: string;
  ship_to?: Address;
  requested_for?: string;
  /** With `required` the order is held until it is paid. */
  payment?: { required: boolean; hold_seconds?: number };
}

export interface CartLine {
  product: number;
  sku: string;
  name: string;
  quantity: number;
  /** The price now, as is `line_total`. */
  unit_price: Money;
  line_total: Money;
  available: number;
  /** What changed, and what would be refused. `code` determines which other members are there. */
  notices: { code: string; from?: Money; to?: Money; available?: number }[];
}

/** The customer's cart at the shop, the same on all devices. */
export interface Cart {
  id: string | null;
  version: number;
  lines: CartLine[];
  currency: string;
  total: Money;
}

/** `changed` are the lines of the order that could not be placed now as they were. */
export interface Reordered {
  cart: Cart;
  changed: CartLine[];
}

/** A page of a list. `next` is passed on as it is to read the following page. */
export interface Page<T> {
  results: T[];
  next: string | null;
  count?: number;
  /** What was searched in place of a misspelled `q`. */
  corrected_q?: string;
}
