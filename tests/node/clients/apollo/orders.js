import { gql } from "@apollo/client";
import { useQuery } from "@apollo/client/react";
import { useEffect } from "react";

const ORDERS = gql`
  query Orders($after: String) {
    orders(first: 5, after: $after) {
      edges {
        node {
          id
          status
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`;

/** The pages of one's orders so far; `showMore` is there where there are more. */
export function useOrders() {
  const { data, error, fetchMore } = useQuery(ORDERS);
  const page = data?.orders.pageInfo;
  return {
    error,
    orders: data?.orders.edges.map(({ node }) => node),
    showMore: page?.hasNextPage ? () => fetchMore({ variables: { after: page.endCursor } }) : undefined,
  };
}

const ORDER = gql`
  query Order($id: ID!) {
    order(id: $id) {
      id
      status
      events {
        id
        sequence
        status
      }
    }
  }
`;

// `event.order` is the order as it is now: wherever else it is shown, the cache has it from here.
const ORDER_STATUS_CHANGED = gql`
  subscription OrderStatusChanged($id: ID!, $after: Int) {
    orderStatusChanged(orderId: $id, after: $after) {
      id
      sequence
      status
      order {
        id
        status
      }
    }
  }
`;

/** One order with its history, which goes on while it is shown. `onError` is told of what ends that. */
export function useOrder(id, onError) {
  const { data, error, subscribeToMore, refetch } = useQuery(ORDER, { variables: { id } });
  const isLoaded = Boolean(data?.order);
  useEffect(() => {
    if (!isLoaded) return;
    return subscribeToMore({
      document: ORDER_STATUS_CHANGED,
      // After the last step that the cache has: what came since then, while it was not shown, comes first.
      variables: { id, after: data.order.events.at(-1).sequence },
      context: { position: "sequence", restart: () => refetch() },
      updateQuery: (shown, { subscriptionData }) => {
        const { __typename, id, sequence, status } = subscriptionData.data.orderStatusChanged;
        const before = shown.order.events.filter((event) => event.sequence < sequence);
        return { order: { ...shown.order, events: [...before, { __typename, id, sequence, status }] } };
      },
      onError,
    });
  }, [id, isLoaded]);
  return { error, order: data?.order };
}
