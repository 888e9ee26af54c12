// Lays the ready tabs among those that GraphiQL keeps in the browser.
//
// A ready tab that nobody touched follows the server (its ids change with the data); one that was edited is the user's and stays as it is;
// one that was closed stays closed; one that is new is added at the end. `forget` brings back what was closed, beside what was edited.

import { read } from './storage.js';

const TABS = 'graphiql:tabState';
const GIVEN = 'graphiql:examples';

// GraphiQL keeps headers only where it was allowed to: none kept is none changed.
const untouched = (tab, given) =>
  tab.query === given.query &&
  (tab.variables ?? '') === given.variables &&
  (!tab.headers || tab.headers === given.headers);

const operation = (query) => query.match(/^(?:query|mutation|subscription)\s+(\w+)/m)?.[1] ?? '<untitled>';

const fresh = (example, id) => ({
  id,
  title: operation(example.query),
  query: example.query,
  variables: example.variables,
  headers: null,
  operationName: operation(example.query),
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
  return { id: tab.id, query: tab.query, variables: tab.variables };
}

/** Writes the tabs that GraphiQL is to open with, and notes what a ready tab is called and as whom it acts, where nobody chose otherwise. */
export function arrange(storage, notes, examples) {
  const kept = read(storage, TABS);
  const tabs = Array.isArray(kept?.tabs) ? kept.tabs : [];
  const given = read(storage, GIVEN) ?? {};
  for (const example of examples) given[example.name] = place(tabs, given, example);
  const activeTabIndex = Math.min(kept?.activeTabIndex ?? 0, tabs.length - 1);
  const active = tabs[activeTabIndex];
  if (!active) return;
  storage.setItem(TABS, JSON.stringify({ tabs, activeTabIndex }));
  storage.setItem(GIVEN, JSON.stringify(given));
  // GraphiQL keeps the open tab's panes a second time, and would open one more tab if they differed.
  for (const pane of ['query', 'variables', 'headers']) storage.setItem(`graphiql:${pane}`, active[pane] ?? '');

  notes.keep(tabs.map(({ id }) => id));
  for (const { name, title, person } of examples) {
    const { id } = given[name];
    if (tabs.some((tab) => tab.id === id)) notes.change(id, { name: title, person, ...notes.of(id) });
  }
}

/** The ready tab that this one is, where nobody touched it. */
export function untouchedExample(storage, examples, tab) {
  const given = read(storage, GIVEN) ?? {};
  return examples.find(({ name }) => given[name]?.id === tab.id && untouched(tab, given[name]));
}

/** Notes that an untouched ready tab has other variables now, so that it still counts as untouched. */
export function follow(storage, { name, variables }) {
  const given = read(storage, GIVEN) ?? {};
  storage.setItem(GIVEN, JSON.stringify({ ...given, [name]: { ...given[name], variables } }));
}

/** Forgets which ready tabs were given, so that the next `arrange` gives those that are missing again. */
export const forget = (storage) => storage.removeItem(GIVEN);
