/** The lists of `personalData`: how many entries a page has, and everything that an entry has to tell. */
const LISTS = {
  orders: [
    20,
    `id orderTime status restaurant { id } restaurantName customerName
     deliveryAddress { label line1 line2 city postalCode country location { lat lng } instructions }
     items { dish { id } dishName quantity unitPrice } subtotal tax deliveryFee totalAmount currency
     events { sequence status previousStatus note at }`,
  ],
  reviews: [100, "id restaurant { id } rating comment createdAt updatedAt"],
  favourites: [100, "favouriteId addedAt"],
  sessions: [100, "id createdAt lastUsedAt expiresAt endedAt address userAgent"],
  auditEvents: [100, "id at action subject address userAgent details"],
  memberships: [100, "restaurant { id name } addedAt"],
  routes: [1000, "orderId lat lng heading speed recordedAt"],
};

/**
 * Everything that is held on whoever asks, as one object.
 *
 * `ask(query, variables)` sends an operation and gives its `data`; it waits `retryAfter` seconds after RATE_LIMITED and asks again.
 */
export async function exportPersonalData(ask) {
  const { personalData } = await ask("{ personalData { collectedAt document } }", {});
  const everything = { collectedAt: personalData.collectedAt, ...personalData.document };
  for (const [list, [first, fields]] of Object.entries(LISTS)) {
    const query = `query ($first: Int, $after: String) {
      personalData { page: ${list}(first: $first, after: $after) { nodes { ${fields} } pageInfo { hasNextPage endCursor } } }
    }`;
    everything[list] = [];
    for (let page = { hasNextPage: true, endCursor: null }; page.hasNextPage; ) {
      const { personalData } = await ask(query, { first, after: page.endCursor });
      everything[list].push(...personalData.page.nodes);
      page = personalData.page.pageInfo;
    }
  }
  return everything;
}
