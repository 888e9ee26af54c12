// What follows an order: PostgreSQL's word of a step, and the row of that step.

import { jsonParse } from "postgraphile/@dataplan/json";
import { context, lambda, listen } from "postgraphile/grafast";
import { extendSchema } from "postgraphile/utils";

export default extendSchema((build) => {
  const { orderEvents } = build.pgResources ?? {};
  const events = orderEvents ?? build.input.pgRegistry.pgResources.order_events;
  return {
    typeDefs: /* GraphQL */ `
      extend type Subscription {
        orderStatusChanged(order: Int!): OrderEvent
      }
    `,
    objects: {
      Subscription: {
        plans: {
          orderStatusChanged: {
            subscribePlan(_root, { $order }) {
              const $topic = lambda($order, (order) => `order:${order}`);
              return listen(context().get("pgSubscriber"), $topic, jsonParse);
            },
            plan($event) {
              return events.get({ order_id: $event.get("order"), sequence: $event.get("sequence") });
            },
          },
        },
      },
    },
  };
});
