import { useState } from "react";
import { gql, useQuery, useSubscription } from "urql";

const ORDERS = gql`
  query Orders($after: String) {
    me { id name }
    orders(first: 5, after: $after) {
      nodes { id status restaurantName totalAmount currency }
      pageInfo { hasNextPage endCursor }
    }
  }
`;

/** The orders of whoever is signed in: all pages that were asked for so far. */
export function useOrders() {
  const [after, setAfter] = useState(null);
  const [{ data, error }] = useQuery({ query: ORDERS, variables: { after } });
  return {
    error,
    me: data?.me,
    orders: data?.orders.nodes ?? [],
    showMore: data?.orders.pageInfo.hasNextPage ? () => setAfter(data.orders.pageInfo.endCursor) : undefined,
  };
}

const ORDER_STATUS_CHANGED = gql`
  subscription OrderStatusChanged($id: ID!, $after: Int) {
    orderStatusChanged(orderId: $id, after: $after) {
      id sequence status note at
      order { id status nextStatuses driver { id name phone } }
    }
  }
`;

// One object for all: another one would be another subscription to urql.
const bySequence = { position: "sequence" };

// When a subscription ends, urql gives its last event once more, with `hasNext` false.
const add = (steps = [], { orderStatusChanged: step }) => (step.sequence > steps.length ? [...steps, step] : steps);

/** Every step of an order, from its first one on. A component that uses it is keyed by the order: `<Order key={id} id={id} />`. */
export function useSteps(id) {
  const subscription = { query: ORDER_STATUS_CHANGED, variables: { id, after: 0 }, context: bySequence };
  const [{ data: steps = [], error, hasNext }] = useSubscription(subscription, add);
  return { steps, error, isOver: steps.length > 0 && !hasNext && !error };
}
