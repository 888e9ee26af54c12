import { execute, type Api } from "./execute";
import { graphql } from "./gql";
import type { PlaceOrderInput, RestaurantCardFragment } from "./gql/graphql";

graphql(`
  fragment RestaurantCard on Restaurant {
    id
    name
    avgRating
    deliveryFee
    currency
  }
`);

const RESTAURANTS = graphql(`
  query Restaurants($first: Int!, $after: String) {
    restaurants(first: $first, after: $after, orderBy: NAME) {
      edges {
        node {
          ...RestaurantCard
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const ORDER_QUOTE = graphql(`
  query OrderQuote($input: PlaceOrderInput!) {
    orderQuote(input: $input) {
      totalAmount
      currency
    }
  }
`);

const PLACE_ORDER = graphql(`
  mutation PlaceOrder($input: PlaceOrderInput!) {
    placeOrder(input: $input) {
      order {
        id
        status
        totalAmount
        orderTime
      }
    }
  }
`);

export async function allRestaurants(api: Api): Promise<RestaurantCardFragment[]> {
  const restaurants: RestaurantCardFragment[] = [];
  let after: string | null | undefined;
  do {
    const { restaurants: page } = await execute(api, RESTAURANTS, { first: 50, after });
    restaurants.push(...page.edges.map(({ node }) => node));
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
  } while (after);
  return restaurants;
}

/** Places the order at the total that `agree` says yes to, and at no other. */
export async function order(api: Api, basket: PlaceOrderInput, agree: (total: string, currency: string) => boolean) {
  const { orderQuote: quote } = await execute(api, ORDER_QUOTE, { input: basket });
  if (!quote || !agree(quote.totalAmount, quote.currency)) return undefined;
  const input = { ...basket, expectedTotalAmount: quote.totalAmount, idempotencyKey: crypto.randomUUID() };
  const { placeOrder } = await execute(api, PLACE_ORDER, { input });
  return placeOrder.order;
}
