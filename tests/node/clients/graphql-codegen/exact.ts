import type { OrderQuoteQuery, PlaceOrderInput } from "./gql/graphql";

type Quote = NonNullable<OrderQuoteQuery["orderQuote"]>;

// @ts-expect-error A Decimal is no number, in which 0.1 + 0.2 is 0.30000000000000004.
export const withTip = (quote: Quote): number => quote.totalAmount + 1.5;

// @ts-expect-error Nor is a number a Decimal.
export const agreed: PlaceOrderInput["expectedTotalAmount"] = 34.38;
