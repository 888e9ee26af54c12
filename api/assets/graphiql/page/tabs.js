// Lays the ready tabs among those that GraphiQL keeps in the browser.
//
// A ready tab that nobody touched follows the server (its ids change with the data); one that was edited is the user's and stays as it is;
// one that was closed stays closed; one that is new is added at the end. `forget` brings back what was closed, beside what was edited.

const TABS = 'graphiql:tabState';
const GIVEN = 'graphiql:examples';

function read(storage, key) {
  try {
    return JSON.parse(storage.getItem(key)) ?? undefined;
  } catch {
    return undefined;
  }
}

// GraphiQL keeps headers only where it was allowed to: none kept is none changed.
const untouched = (tab, given) =>
  tab.query === given.query &&
  (tab.variables ?? '') === given.variables &&
  (tab.headers === null || tab.headers === given.headers);

const title = (query) => query.match(/^(?:query|mutation|subscription)\s+(\w+)/m)?.[1] ?? '<untitled>';

const fresh = (example, id) => ({
  id,
  title: title(example.query),
  query: example.query,
  variables: example.variables,
  headers: example.headers,
  operationName: title(example.query),
  response: null,
});

function place(tabs, given, example) {
  const before = given[example.name];
  const index = tabs.findIndex((tab) => (before ? tab.id === before.id : untouched(tab, example)));
  if (index < 0 && before) return before;
  const tab = fresh(example, tabs[index]?.id ?? crypto.randomUUID?.() ?? `${example.name}-${Date.now()}`);
  if (index < 0) tabs.push(tab);
  else if (!before || untouched(tabs[index], before)) tabs[index] = tab;
  else return before;
  return { id: tab.id, query: tab.query, variables: tab.variables, headers: tab.headers };
}

/** Writes the tabs that GraphiQL is to open with. Where it does not keep headers it takes those of the open tab from its pane alone. */
export function arrange(storage, examples, keepsHeaders) {
  const kept = read(storage, TABS);
  const tabs = Array.isArray(kept?.tabs) ? kept.tabs : [];
  const given = read(storage, GIVEN) ?? {};
  for (const example of examples) given[example.name] = place(tabs, given, example);
  const activeTabIndex = Math.min(kept?.activeTabIndex ?? 0, tabs.length - 1);
  const active = tabs[activeTabIndex];
  if (!active) return;
  const stored = tabs.map((tab) => (tab === active && !keepsHeaders ? { ...tab, headers: null } : tab));
  storage.setItem(TABS, JSON.stringify({ tabs: stored, activeTabIndex }));
  storage.setItem(GIVEN, JSON.stringify(given));
  // GraphiQL keeps the open tab's panes a second time, and would open one more tab if they differed.
  for (const pane of ['query', 'variables', 'headers']) storage.setItem(`graphiql:${pane}`, active[pane] ?? '');
}

/** Forgets which ready tabs were given, so that the next `arrange` gives those that are missing again. */
export const forget = (storage) => storage.removeItem(GIVEN);
