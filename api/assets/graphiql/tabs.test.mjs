import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrange, forget } from './page/tabs.js';

function emptyStorage() {
  const items = new Map();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => items.set(key, value),
    removeItem: (key) => items.delete(key),
  };
}

const example = (name, order = 'Order:1') => ({
  name,
  query: `# ${name}\nquery ${name} { me { id } }`,
  variables: JSON.stringify({ order }),
  headers: '{"Authorization": "Bearer {{a@b.test}}"}',
});

const state = (storage) => JSON.parse(storage.getItem('graphiql:tabState'));
const titles = (storage) => state(storage).tabs.map((tab) => tab.title);

/** What a person does to the tabs, as GraphiQL writes it. */
function change(storage, edit) {
  const before = state(storage);
  storage.setItem('graphiql:tabState', JSON.stringify({ ...before, tabs: edit(before.tabs) }));
}

function opened(...examples) {
  const storage = emptyStorage();
  arrange(storage, examples, true);
  return storage;
}

test('the first visit opens every example, once', () => {
  const storage = opened(example('A'), example('B'));
  arrange(storage, [example('A'), example('B')], true);
  assert.deepEqual(titles(storage), ['A', 'B']);
  assert.equal(storage.getItem('graphiql:query'), example('A').query);
});

test('an untouched example follows the server', () => {
  const storage = opened(example('A'));
  arrange(storage, [example('A', 'Order:2')], true);
  assert.deepEqual(state(storage).tabs.map((tab) => tab.variables), ['{"order":"Order:2"}']);
});

test('an edited example stays as it is', () => {
  const storage = opened(example('A'));
  change(storage, (tabs) => tabs.map((tab) => ({ ...tab, query: '{ mine }' })));
  arrange(storage, [example('A', 'Order:2')], true);
  assert.deepEqual(state(storage).tabs.map((tab) => tab.query), ['{ mine }']);
});

test('a closed example stays closed, a new one is added, and the tabs of one’s own stay', () => {
  const storage = opened(example('A'), example('B'));
  const own = { id: 'own', title: 'Own', query: '{ own }', variables: null, headers: null, operationName: null, response: null };
  change(storage, (tabs) => [tabs[1], own]);
  arrange(storage, [example('A'), example('B'), example('C')], true);
  assert.deepEqual(titles(storage), ['B', 'Own', 'C']);
});

test('forgetting brings back what was closed or edited, beside the edited one', () => {
  const storage = opened(example('A'), example('B'), example('C'));
  change(storage, ([a, , c]) => [{ ...a, query: '{ mine }' }, c]);
  forget(storage);
  arrange(storage, [example('A'), example('B'), example('C')], true);
  assert.deepEqual(state(storage).tabs.map((tab) => tab.query), ['{ mine }', ...['C', 'A', 'B'].map((name) => example(name).query)]);
});

test('where headers are not kept, the open tab has them in its pane only', () => {
  const storage = emptyStorage();
  arrange(storage, [example('A'), example('B')], false);
  assert.deepEqual(state(storage).tabs.map((tab) => tab.headers), [null, example('B').headers]);
  assert.equal(storage.getItem('graphiql:headers'), example('A').headers);
});

test('rubbish in the storage does not hide the examples', () => {
  const storage = emptyStorage();
  storage.setItem('graphiql:tabState', '{"tabs": 1');
  storage.setItem('graphiql:examples', 'null');
  arrange(storage, [example('A')], true);
  assert.deepEqual(titles(storage), ['A']);
});
