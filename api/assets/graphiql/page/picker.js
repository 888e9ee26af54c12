// As whom the open tab acts: one of the demo's people, or nobody.

const { React, GraphiQL } = window;
const element = React.createElement;
const { useEditorContext, useExecutionContext } = GraphiQL.React;

const hasAuthorization = (headers) => /"authorization"\s*:/i.test(headers ?? '');

/** The headers without `Authorization`, as the text of their pane. What is no JSON is left alone. */
function withoutAuthorization(headers) {
  try {
    const others = Object.entries(JSON.parse(headers)).filter(([name]) => name.toLowerCase() !== 'authorization');
    return others.length > 0 ? JSON.stringify(Object.fromEntries(others), null, 2) : '';
  } catch {
    return headers;
  }
}

/** Chooses among `people`, `{ role, email }`; the choice is kept in the tab's `notes`. */
export function Picker({ people, notes }) {
  const { tabs, activeTabIndex, headerEditor } = useEditorContext();
  const { isSubscribed, stop } = useExecutionContext();
  const all = React.useSyncExternalStore(notes.subscribe, notes.all);
  const tab = tabs[activeTabIndex];
  const byHeader = hasAuthorization(tab.headers);

  function choose({ target }) {
    if (isSubscribed) stop(); // it goes on as whoever it was
    if (byHeader) headerEditor?.setValue(withoutAuthorization(headerEditor.getValue()));
    notes.change(tab.id, { person: target.value });
  }

  const options = [
    ...people.map(({ role, email }) => element('option', { key: role, value: role, title: email }, role.replace(/^./, (letter) => letter.toUpperCase()))),
    element('option', { key: 'anonymous', value: '' }, 'Anonymous'),
    byHeader && element('option', { key: 'header', value: 'header', disabled: true }, 'Headers pane'),
  ];
  return element(
    'label',
    { className: 'picker' },
    element('span', null, 'Act as'),
    element('select', { value: byHeader ? 'header' : (all[tab.id]?.person ?? ''), onChange: choose }, options),
  );
}
