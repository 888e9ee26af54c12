// Fills vendor/ from the installed packages, and gathers the licences of everything that ends up in the page.
import { copyFileSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const installed = (name) => join('node_modules', name);
const manifest = (name) => JSON.parse(readFileSync(join(installed(name), 'package.json'), 'utf8'));

const files = {
  'graphiql.min.css': 'graphiql/graphiql.min.css',
  'graphiql.min.js': 'graphiql/graphiql.min.js',
  'graphql-ws.min.js': 'graphql-ws/umd/graphql-ws.min.js',
  'react.production.min.js': 'react/umd/react.production.min.js',
  'react-dom.production.min.js': 'react-dom/umd/react-dom.production.min.js',
};
for (const [target, source] of Object.entries(files)) copyFileSync(installed(source), join('vendor', target));

// The only change: the source map of 4.7 MB is not served, so nobody is sent to look for it.
const bundle = join('vendor', 'graphiql.min.js');
writeFileSync(bundle, readFileSync(bundle, 'utf8').replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n'));

// The bundle's source map names every package inside it; GraphiQL's own packages are named by their folder in its repository.
const { sources } = JSON.parse(readFileSync(installed('graphiql/graphiql.min.js.map'), 'utf8'));
const bundled = sources.flatMap((source) => {
  const dependency = source.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1];
  const sibling = source.match(/^\.\.\/\.\.\/(graphiql-|codemirror-graphql|graphql-language-service)([^/]*)\//);
  if (sibling) return [sibling[1] === 'graphiql-' ? `@graphiql/${sibling[2]}` : sibling[1]];
  return dependency ? [dependency] : [];
});
const names = [...new Set([...bundled, 'graphiql', 'graphql-ws', 'react', 'react-dom', '@fontsource/fira-code', '@fontsource/roboto'])];

// A newer set of packages may be installed than GraphiQL was bundled with: those that are gone are licensed as these.
const successors = { '@radix-ui/': '@radix-ui/react-dialog', '@react-aria/': 'react-aria' };
const standIn = (name) => existsSync(installed(name)) ? name : successors[name.replace(/\/.*/, '/')];

const notices = new Map();
for (const bundledName of names.sort()) {
  const name = standIn(bundledName);
  if (!name) throw new Error(`look up the licence of ${bundledName}`);
  const { license, version, author } = manifest(name);
  const file = readdirSync(installed(name)).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file
    ? readFileSync(join(installed(name), file), 'utf8').trim()
    : `(The package carries no text of its licence, ${license}. Author: ${author?.name ?? author ?? 'see its repository'}.)`;
  notices.set(text, [...(notices.get(text) ?? []), name === bundledName ? `${name} ${version} (${license})` : `${bundledName} (${license})`]);
}
const head = 'What the files in vendor/ are made of, and under which licences. Written by update.mjs.\n';
const rule = '-'.repeat(100);
const sections = [...notices].map(([text, packages]) => `${rule}\n${packages.join('\n')}\n${rule}\n\n${text}\n`);
writeFileSync(join('vendor', 'LICENSES.txt'), [head, ...sections].join('\n'));

const missing = Object.keys(files).filter((file) => !existsSync(join('vendor', file)));
if (missing.length > 0) throw new Error(`not written: ${missing}`);
console.log(`${Object.keys(files).length} files and the licences of ${names.length} packages`);
