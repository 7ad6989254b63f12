import './dom';

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runInNewContext } from 'node:vm';

import { stateWords } from '../src/viewer/target-state';
import { DESKTOP } from '../src/viewer/toolbar/desktop-icon';
import { PEOPLE } from '../src/viewer/toolbar/icons';
import { type Catalogue, english, languageFor, translateBy } from '../src/viewer/ui/i18n';

const root = join(process.cwd(), '..', 'jupyter_vnc');

const read = (language: string): Catalogue =>
  JSON.parse(
    readFileSync(join(root, 'locale', language, 'LC_MESSAGES', 'jupyter_vnc.json'), 'utf8')
  ) as Catalogue;

/** All files below a folder whose names end so. */
const files = (folder: string, end: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith(end))
    .map(name => readFileSync(join(folder, name), 'utf8'));

/** Every string that the code and the pages give to a translator. */
function strings(): Set<string> {
  const code = files('src', '.ts').join('\n');
  const pages = files(join(root, 'templates'), '.html').join('\n');
  const found = [
    ...code.matchAll(/trans\.__\(\s*'((?:[^'\\]|\\.)*)'/g),
    ...code.matchAll(/trans\._n\(\s*'([^']*)'/g),
    ...pages.matchAll(/data-text>([^<{]+)</g),
    ...pages.matchAll(/data-label title="([^"]+)"/g)
  ];
  return new Set(found.map(([, text]) => text!.replaceAll("\\'", "'")));
}

const holes = (text: string): string[] => (text.match(/%\d/g) ?? []).sort();

/** The strings that depend on a number. */
const plurals = new Set(
  [
    ...files('src', '.ts')
      .join('\n')
      .matchAll(/trans\._n\(\s*'([^']*)'/g)
  ].map(([, text]) => text!)
);

const languages = readdirSync(join(root, 'locale'), { withFileTypes: true })
  .filter(entry => entry.isDirectory())
  .map(({ name }) => name);

for (const language of languages) {
  describe(`the catalogue ${language}`, () => {
    const { '': about, ...messages } = read(language) as Record<string, string[]>;

    it('has every string and no other', () => {
      assert.ok(about);
      assert.ok(strings().size > 100);
      assert.deepEqual(Object.keys(messages).sort(), [...strings()].sort());
    });

    it('puts the arguments into each translation', () => {
      for (const [text, translations] of Object.entries(messages)) {
        for (const translated of translations) {
          assert.deepEqual(holes(translated), holes(text), text);
          assert.notEqual(translated.trim(), '', text);
        }
      }
    });

    it('has as many forms of a string as its language has', () => {
      const said = about as unknown as Record<string, string>;
      assert.equal(said['language'], language);
      const forms = Number(/^nplurals=(\d); plural=[^;]+;$/.exec(said['plural_forms']!)![1]);
      for (const [text, translations] of Object.entries(messages)) {
        assert.equal(translations.length, plurals.has(text) ? forms : 1, text);
      }
    });

    it('counts on our pages as it does in JupyterLab', () => {
      const [, rule] = /plural=([^;]+);/.exec((about as unknown as Record<string, string>)['plural_forms']!)!;
      const trans = translateBy({ '': about, '%1 pen': ['0', '1', '2', '3', '4', '5'] });
      for (let n = 0; n < 200; n++) {
        const form = Number(runInNewContext(rule!, { n }));
        assert.equal(trans._n('%1 pen', '%1 pens', n, String(n)), String(form), `${n}`);
      }
    });

    it('is found by the pages', () => {
      assert.equal(languageFor([language.replace('_', '-')]), language);
    });
  });
}

describe('the templates', () => {
  const drawings = (name: string): string[] =>
    [...readFileSync(join(root, 'templates', name), 'utf8').matchAll(/ d="([^"]+)"/g)].map(
      ([, path]) => path!
    );

  it('draw what the toolbar draws', () => {
    assert.ok(drawings('viewer.html').some(path => PEOPLE.includes(`"${path}"`)));
    assert.ok(drawings('list.html').every(path => DESKTOP.includes(`"${path}"`)));
  });

  it('name the states as the scripts do', () => {
    const found = /set words = ({.*?})/.exec(readFileSync(join(root, 'templates', 'list.html'), 'utf8'));
    assert.deepEqual(JSON.parse(found![1]!), stateWords(english));
  });
});

describe('the catalogues', () => {
  it('have forms for each string that counts', () => {
    const counted = /%\d (desktops?|machines?|minutes?|more|others?|people|seconds?|targets?|viewers?)\b/;
    const plain = [...strings()].filter(text => counted.test(text) && !plurals.has(text));
    assert.deepEqual(plain, []);
  });

  it('are those of the languages that we promise', () => {
    assert.deepEqual(languages.sort(), ['de_DE', 'es_ES', 'fr_FR', 'ja_JP', 'zh_CN', 'zh_TW']);
  });
});

describe('a translator', () => {
  it('fills in, and stays English where its catalogue is silent', () => {
    const trans = translateBy(read('zh_TW'));
    assert.equal(trans.__('Reconnecting in %1 s.', '5'), '5 秒後重新連線。');
    const other = 'Something of %1';
    assert.equal(trans['__'](other, 'tomorrow'), 'Something of tomorrow');
  });

  it('counts, in English and in others', () => {
    const said = (language: string, n: number): string =>
      translateBy(read(language))._n('%1 target was imported.', '%1 targets were imported.', n, String(n));
    assert.equal(said('de_DE', 1), '1 Ziel wurde importiert.');
    assert.equal(said('de_DE', 0), '0 Ziele wurden importiert.');
    assert.equal(said('fr_FR', 0), '0 cible a été importée.');
    assert.equal(said('es_ES', 1_000_000), 'Se importaron 1000000 destinos.');
    assert.equal(said('ja_JP', 1), '1 個のターゲットをインポートしました。');
    const polish = { '': { language: 'pl_PL' }, '%1 pen': ['%1 pióro', '%1 pióra', '%1 piór'] };
    const pens = [1, 3, 5].map(n => translateBy(polish)._n('%1 pen', '%1 pens', n, String(n)));
    assert.deepEqual(pens, ['1 pióro', '3 pióra', '5 piór']);
    for (const trans of [english, translateBy({})]) {
      const pens = [0, 1, 2].map(n => trans._n('%1 pen', '%1 pens', n, String(n)));
      assert.deepEqual(pens, ['0 pens', '1 pen', '2 pens']);
    }
  });

  it('follows the order of the languages that the reader wants', () => {
    assert.equal(languageFor(['pt', 'zh-Hant-TW', 'en']), 'zh_TW');
    assert.equal(languageFor(['zh-TW']), 'zh_TW');
    assert.equal(languageFor(['en-GB', 'zh-TW']), null);
    assert.equal(languageFor(['zh-CN', 'fr']), 'zh_CN');
    assert.equal(languageFor(['de-AT', 'en']), 'de_DE');
    assert.equal(languageFor(['zh-Hans-HK']), 'zh_CN');
    assert.equal(languageFor(['pt-BR', 'it']), null);
    assert.equal(languageFor(['den']), null);
  });
});
