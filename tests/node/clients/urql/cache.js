import { relayPagination } from "@urql/exchange-graphcache/extras";
import { gql } from "urql";

/** What has no id of its own stays where it was found: below the object that holds it. */
const embedded = () => null;

const keys = {
  // One of a customer's addresses has an id, the address of an order has none.
  Address: ({ id }) => id ?? null,
  DriverLocation: embedded,
  KeptFavourite: embedded,
  LatLng: embedded,
  OrderQuote: embedded,
  PersonalData: embedded,
  RestaurantMember: embedded,
  RestaurantMembership: embedded,
  ReviewAuthor: embedded,
  RevenuePoint: embedded,
  RoutePoint: embedded,
  SignInProvider: embedded,
};

/** What is known of an object already is shown while it is read, and a list holds all its pages that were asked for. */
const resolvers = {
  Query: {
    node: (_, { id }) => id,
    restaurant: (_, { id }) => id,
    dish: (_, { id }) => id,
    order: (_, { id }) => id,
    restaurants: relayPagination(),
    dishes: relayPagination(),
    orders: relayPagination(),
  },
  Restaurant: { reviews: relayPagination() },
};

/** The pages of a list that are kept, with the ids of their `nodes`. */
function pagesOf(cache, entity, list) {
  const fields = cache.inspectFields(entity).filter(({ fieldName }) => fieldName === list);
  return fields.map(({ fieldKey, arguments: given }) => {
    const page = cache.resolve(entity, fieldKey);
    return { fieldKey, given, page, nodes: page && cache.resolve(page, "nodes") };
  });
}

/** Has a list read anew, where it is shown. */
function forget(cache, entity, list) {
  for (const { fieldKey } of pagesOf(cache, entity, list)) cache.invalidate(entity, fieldKey);
}

/** Has a customer's favourites read anew, unless the answer holds them. */
function forgetFavourites(cache, customer) {
  if (customer && !customer.favourites) forget(cache, customer.id, "favourites");
}

/** Puts what is new into a list whose newest comes first. */
function addFirst(cache, entity, list, id) {
  for (const { fieldKey, given, page, nodes } of pagesOf(cache, entity, list)) {
    if (given?.filter) cache.invalidate(entity, fieldKey);
    else if (nodes && !given?.after) cache.link(page, "nodes", [id, ...nodes]);
  }
}

/** Takes what is gone from a list. */
function remove(cache, entity, list, id) {
  for (const { page, nodes } of pagesOf(cache, entity, list)) {
    if (nodes?.includes(id)) cache.link(page, "nodes", nodes.filter((node) => node !== id));
  }
}

const LOCATION = gql`
  fragment DriverWithLocation on Driver {
    id
    location { driver { id } lat lng heading speed recordedAt }
  }
`;

/** What an answer means for other objects than those in it. */
const updates = {
  Mutation: {
    placeOrder: ({ placeOrder }, _variables, cache) => addFirst(cache, "Query", "orders", placeOrder.order.id),
    postReview: ({ postReview }, { input }, cache) => addFirst(cache, input.restaurantId, "reviews", postReview.review.id),
    deleteReview: ({ deleteReview }, { input }, cache) => remove(cache, deleteReview.restaurant?.id, "reviews", input.id),
    deleteDish: ({ deleteDish }, { input }, cache) => remove(cache, deleteDish.menu?.id, "dishes", input.id),
    addFavourite: ({ addFavourite }, _variables, cache) => forgetFavourites(cache, addFavourite?.customer),
    removeFavourite: ({ removeFavourite }, _variables, cache) => forgetFavourites(cache, removeFavourite?.customer),
    // A menu is not in the order of time.
    createDish: (_data, { input }, cache) => forget(cache, input.menuId, "dishes"),
  },
  Subscription: {
    // The steps that come first are of orders that are known.
    restaurantOrderChanged: ({ restaurantOrderChanged: { order } }, { restaurantId }, cache) => {
      const isKnown = pagesOf(cache, restaurantId, "orders").some(({ nodes }) => nodes?.includes(order.id));
      if (!isKnown) forget(cache, restaurantId, "orders");
    },
    myOrdersChanged: ({ myOrdersChanged: { order } }, _variables, cache) => {
      const isKnown = pagesOf(cache, "Query", "orders").some(({ nodes }) => nodes?.includes(order.id));
      if (!isKnown) forget(cache, "Query", "orders");
    },
    // Each is in the list once: the newest comes first here, and then again after each new start.
    reviewPosted: ({ reviewPosted: { review } }, { restaurantId }, cache) => {
      const isKnown = pagesOf(cache, restaurantId, "reviews").some(({ nodes }) => nodes?.includes(review?.id));
      if (review && !isKnown) addFirst(cache, restaurantId, "reviews", review.id);
    },
    driverLocationChanged: ({ driverLocationChanged: location }, _variables, cache) => {
      cache.writeFragment(LOCATION, { id: location.driver.id, location });
    },
  },
};

/** How `cacheExchange` keeps what Tiffin answers. An id is unique over all types, so it is the key. */
export const cache = { globalIDs: true, keys, resolvers, updates };
