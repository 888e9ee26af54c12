import { useMemo, useState } from "react";
import { graphql, useLazyLoadQuery, usePaginationFragment, useRefetchableFragment, useSubscription } from "react-relay";

export const ORDERS = graphql`
  query ordersQuery {
    me { id name }
    ...orders_list
  }
`;

/** Who is signed in, with the orders so far: all pages that were asked for. */
export function useOrders() {
  const query = useLazyLoadQuery(ORDERS, {});
  const { data, hasNext, loadNext } = usePaginationFragment(
    graphql`
      fragment orders_list on Query
      @argumentDefinitions(count: { type: "Int", defaultValue: 5 }, after: { type: "String" })
      @refetchable(queryName: "ordersPageQuery") {
        orders(first: $count, after: $after) @connection(key: "orders_orders") {
          edges { node { id ...orders_status } }
        }
      }
    `,
    query,
  );
  return {
    me: query.me,
    orders: data.orders.edges.map(({ node }) => node),
    showMore: hasNext ? () => loadNext(5) : undefined,
  };
}

/** An order by its id, or the code of why there is none to show. */
export function useOrder(id) {
  const { order } = useLazyLoadQuery(
    graphql`
      query ordersOrderQuery($id: ID!) {
        order(id: $id) @catch { id ...orders_status }
      }
    `,
    { id },
  );
  return order.ok ? { order: order.value } : { code: order.errors[0].extensions.code };
}

/** How an order stands, and what reads that anew, by `node(id: …)`. */
export function useStatus(order) {
  const [data, refetch] = useRefetchableFragment(
    graphql`
      fragment orders_status on Order @refetchable(queryName: "ordersStatusQuery") {
        status
        nextStatuses
        driver { name phone location { lat lng } }
      }
    `,
    order,
  );
  return [data, () => refetch({}, { fetchPolicy: "network-only" })];
}

/** Every step of an order, from its first one on. A component that uses it is keyed by the order: `<Order key={id} id={id} />`. */
export function useSteps(id) {
  const [state, setState] = useState({ steps: [], isOver: false });
  const subscription = useMemo(
    () => ({
      subscription: graphql`
        subscription ordersSubscription($id: ID!, $after: Int) {
          orderStatusChanged(orderId: $id, after: $after) {
            sequence
            status
            at
            order { ...orders_status }
          }
        }
      `,
      variables: { id, after: 0 },
      cacheConfig: { metadata: { position: "sequence" } },
      onNext: ({ orderStatusChanged: step }) => setState(({ steps }) => ({ steps: [...steps, step], isOver: false })),
      onCompleted: () => setState(({ steps }) => ({ steps, isOver: true })),
      onError: (error) => setState(({ steps }) => ({ steps, error })),
    }),
    [id],
  );
  useSubscription(subscription);
  return state;
}

/** Moves the driver of an order wherever it is shown. */
export function useDriverLocation(id) {
  const subscription = useMemo(
    () => ({
      subscription: graphql`
        subscription ordersLocationSubscription($id: ID!) {
          driverLocationChanged(orderId: $id) {
            lat
            lng
            driver { id }
          }
        }
      `,
      variables: { id },
      // A place has no id, so the driver has to be told that it is its own.
      updater: (store) => {
        const location = store.getRootField("driverLocationChanged");
        location.getLinkedRecord("driver").setLinkedRecord(location, "location");
      },
    }),
    [id],
  );
  useSubscription(subscription);
}
