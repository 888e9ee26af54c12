import { examples } from './examples.js';
import { connect } from './fetcher.js';
import { arrange, forget } from './tabs.js';

const { React, ReactDOM, GraphiQL } = window;
const element = React.createElement;
const settings = JSON.parse(document.getElementById('settings').textContent);
const { send, fetcher } = connect(settings.accounts?.password);
const storage = GraphiQL.createLocalStorage({ namespace: 'tiffin' });

// The demo's headers hold no tokens, and its tabs are of no use without them; elsewhere the user decides, in GraphiQL's settings.
const decided = storage.getItem('graphiql:shouldPersistHeaders');
const keepsHeaders = decided === null ? Boolean(settings.accounts) : decided === 'true';

function restoreExamples() {
  forget(storage);
  setTimeout(() => window.location.reload(), 600); // GraphiQL writes its tabs half a second after an edit
}

const brand = element(
  'a',
  { className: 'brand', href: '/', title: 'Tiffin' },
  element('img', { src: new URL('tiffin.svg', import.meta.url).pathname, alt: '' }),
  'Tiffin',
);

const restore = element(
  GraphiQL.React.ToolbarButton,
  { onClick: restoreExamples, label: 'Bring back the example tabs' },
  element(GraphiQL.React.StarIcon, { className: 'graphiql-toolbar-icon', 'aria-hidden': true }),
);

const toolbar = ({ prettify, merge, copy }) => element(React.Fragment, null, prettify, merge, copy, restore);

arrange(storage, await examples(settings, send), keepsHeaders);

ReactDOM.createRoot(document.getElementById('graphiql')).render(
  element(
    GraphiQL,
    { fetcher, storage, shouldPersistHeaders: keepsHeaders || undefined, defaultEditorToolsVisibility: true },
    element(GraphiQL.Logo, null, brand),
    element(GraphiQL.Toolbar, null, toolbar),
  ),
);
