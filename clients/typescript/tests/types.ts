/** What the SDK reads is what the API answers, and what it sends is what the API takes. */

import type { Draft, Order, Problem, ProblemLine, Product } from "../dist/index.js";
// Made by openapi-typescript.
import type { components } from "./api.js";

type Api = components["schemas"];
type Fits<Wanted, Given extends Wanted> = Given;

export type Checked = [
  Fits<Product, Api["Product"]>,
  Fits<Order, Api["Order"]>,
  Fits<Problem, Api["Problem"] & Record<string, unknown>>,
  Fits<ProblemLine, Api["ProblemLine"]>,
  Fits<Api["NewOrder"], Draft>,
];
