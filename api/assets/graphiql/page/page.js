import { EventList } from './event_list.js';
import { eventLog } from './events.js';
import { examples } from './examples.js';
import { connect } from './fetcher.js';
import { Picker } from './picker.js';
import { ReadyTabs } from './ready_tabs.js';
import { NameButton, nameTabs } from './tab_names.js';
import { tabNotes } from './tab_notes.js';
import { arrange, forget } from './tabs.js';

const { React, ReactDOM, GraphiQL } = window;
const element = React.createElement;
const settings = JSON.parse(document.getElementById('settings').textContent);
const accounts = settings.accounts?.people ?? {};
const people = ['customer', 'merchant', 'driver', 'admin'].filter((role) => accounts[role]).map((role) => ({ role, email: accounts[role] }));
const storage = GraphiQL.createLocalStorage({ namespace: 'tiffin' });
const notes = tabNotes(storage);
const log = eventLog();

let open;
nameTabs(notes, (tab) => (open = tab));
const present = () => ({ tab: open.id, email: accounts[notes.of(open.id).person] });
const { send, fetcher } = connect(settings.accounts?.password, present, log);

function restoreExamples() {
  forget(storage);
  setTimeout(() => window.location.reload(), 600); // GraphiQL writes its tabs half a second after an edit
}

const brand = element(
  'a',
  { className: 'brand', href: '/', title: 'Tiffin' },
  element('img', { src: new URL('tiffin.svg', import.meta.url).pathname, alt: '' }),
  element('span', null, 'Tiffin'),
);

const restore = element(
  GraphiQL.React.ToolbarButton,
  { onClick: restoreExamples, label: 'Bring back the example tabs' },
  element(GraphiQL.React.StarIcon, { className: 'graphiql-toolbar-icon', 'aria-hidden': true }),
);

const toolbar = ({ prettify, merge, copy }) =>
  element(React.Fragment, null, prettify, merge, copy, element(NameButton, { notes }), restore);

arrange(storage, notes, await examples(settings, send));

ReactDOM.createRoot(document.getElementById('graphiql')).render(
  element(
    GraphiQL,
    {
      fetcher,
      storage,
      shouldPersistHeaders: storage.getItem('graphiql:shouldPersistHeaders') === 'true' || undefined,
      // On a phone the result needs the place.
      defaultEditorToolsVisibility: !window.matchMedia('(max-width: 760px)').matches,
    },
    element(GraphiQL.Logo, null, people.length > 0 && element(Picker, { people, notes }), brand),
    element(GraphiQL.Toolbar, null, toolbar),
    element(GraphiQL.Footer, null, element(EventList, { log })),
    element(ReadyTabs, { settings, storage, send }),
  ),
);
