import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KEPT, brief, eventLog } from './page/events.js';
import { tabNotes } from './page/tab_notes.js';
import { arrange, follow, forget, untouchedExample } from './page/tabs.js';

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
  title: `The ${name}`,
  person: 'customer',
  query: `# ${name}\nquery ${name} { me { id } }`,
  variables: JSON.stringify({ order }),
});

const state = (storage) => JSON.parse(storage.getItem('graphiql:tabState'));
const titles = (storage) => state(storage).tabs.map((tab) => tab.title);
const names = (storage) => state(storage).tabs.map(({ id }) => tabNotes(storage).of(id).name);

/** What a person does to the tabs, as GraphiQL writes it. */
function change(storage, edit) {
  const before = state(storage);
  storage.setItem('graphiql:tabState', JSON.stringify({ ...before, tabs: edit(before.tabs) }));
}

/** The page is opened: with what the storage holds, and what the server gives. */
const open = (storage, ...examples) => arrange(storage, tabNotes(storage), examples);

function opened(...examples) {
  const storage = emptyStorage();
  open(storage, ...examples);
  return storage;
}

test('the first visit opens every example, once', () => {
  const storage = opened(example('A'), example('B'));
  open(storage, example('A'), example('B'));
  assert.deepEqual(titles(storage), ['A', 'B']);
  assert.deepEqual(names(storage), ['The A', 'The B']);
  assert.equal(storage.getItem('graphiql:query'), example('A').query);
});

test('an untouched example follows the server', () => {
  const storage = opened(example('A'));
  open(storage, example('A', 'Order:2'));
  assert.deepEqual(state(storage).tabs.map((tab) => tab.variables), ['{"order":"Order:2"}']);
});

test('an edited example stays as it is', () => {
  const storage = opened(example('A'));
  change(storage, (tabs) => tabs.map((tab) => ({ ...tab, query: '{ mine }' })));
  open(storage, example('A', 'Order:2'));
  assert.deepEqual(state(storage).tabs.map((tab) => tab.query), ['{ mine }']);
  assert.deepEqual(names(storage), ['The A']);
});

test('a closed example stays closed, a new one is added, and the tabs of one’s own stay', () => {
  const storage = opened(example('A'), example('B'));
  const own = { id: 'own', title: 'Own', query: '{ own }', variables: null, headers: null, operationName: null, response: null };
  change(storage, (tabs) => [tabs[1], own]);
  open(storage, example('A'), example('B'), example('C'));
  assert.deepEqual(titles(storage), ['B', 'Own', 'C']);
  assert.deepEqual(names(storage), ['The B', undefined, 'The C']);
  assert.equal(Object.keys(tabNotes(storage).all()).length, 2, 'nothing is kept of what was closed');
});

test('forgetting brings back what was closed or edited, beside the edited one', () => {
  const storage = opened(example('A'), example('B'), example('C'));
  change(storage, ([a, , c]) => [{ ...a, query: '{ mine }' }, c]);
  forget(storage);
  open(storage, example('A'), example('B'), example('C'));
  assert.deepEqual(state(storage).tabs.map((tab) => tab.query), ['{ mine }', ...['C', 'A', 'B'].map((name) => example(name).query)]);
});

test('what was chosen for a tab stays, whatever the server gives', () => {
  const storage = opened(example('A'), example('B'));
  const [{ id }] = state(storage).tabs;
  tabNotes(storage).change(id, { name: 'Mine', person: '' });
  open(storage, example('A', 'Order:2'), example('B'));
  assert.deepEqual(tabNotes(storage).of(id), { name: 'Mine', person: '' });
});

test('an example from before there were people to choose is untouched with its header', () => {
  const storage = opened(example('A'));
  const headers = '{"Authorization": "Bearer {{a@b.test}}"}';
  change(storage, (tabs) => tabs.map((tab) => ({ ...tab, headers })));
  const given = JSON.parse(storage.getItem('graphiql:examples'));
  storage.setItem('graphiql:examples', JSON.stringify({ A: { ...given.A, headers } }));
  open(storage, example('A', 'Order:2'));
  assert.deepEqual(state(storage).tabs.map((tab) => [tab.variables, tab.headers]), [['{"order":"Order:2"}', null]]);
});

test('an open example that follows the server is still untouched', () => {
  const storage = opened(example('A'), example('B'));
  follow(storage, example('A', 'Order:2'));
  change(storage, ([a, b]) => [{ ...a, variables: example('A', 'Order:2').variables }, b]);
  const [a, b] = state(storage).tabs;
  assert.equal(untouchedExample(storage, [example('A'), example('B')], a).name, 'A');
  assert.equal(untouchedExample(storage, [example('A')], b), undefined);
  assert.equal(untouchedExample(storage, [example('A')], { ...a, query: '{ mine }' }), undefined);
});

test('rubbish in the storage does not hide the examples', () => {
  const storage = emptyStorage();
  storage.setItem('graphiql:tabState', '{"tabs": 1');
  storage.setItem('graphiql:examples', 'null');
  storage.setItem('graphiql:tabNotes', '[');
  open(storage, example('A'));
  assert.deepEqual(names(storage), ['The A']);
});

test('the last events of each tab are kept, the newest first', () => {
  const log = eventLog();
  log.add('A', {}); // follows nothing
  assert.equal(log.of('A'), undefined);
  log.begin('A');
  log.begin('B');
  for (let number = 1; number <= KEPT + 5; number += 1) log.add('A', { data: { number } });
  assert.equal(log.of('A').told, KEPT + 5);
  assert.deepEqual([log.of('A').events.length, log.of('A').events[0].number, log.of('B').events.length], [KEPT, KEPT + 5, 0]);
  log.clear('A');
  assert.deepEqual([log.of('A').events, log.of('A').following], [[], true]);
  log.add('A', { data: { number: 0 } });
  log.end('A');
  assert.deepEqual([log.of('A').events[0].number, log.of('A').following], [KEPT + 6, false]);
  log.clear('A');
  assert.equal(log.of('A'), undefined, 'the result has its place again');
});

test('an event is told in one line', () => {
  assert.equal(brief({ data: { changed: { status: 'READY' } } }), '{"status":"READY"}');
  assert.equal(brief({ data: { a: 1, b: null } }), '{"a":1,"b":null}');
  assert.equal(brief({ errors: [{ message: 'Not now.' }], data: null }), 'Not now.');
});
