/**
 * Words: how the viewer's sentences reach the reader's language.
 */

/** The part of a translation bundle that the viewer uses; JupyterLab's own bundles fit. */
export interface ITranslate {
  /**
   * Translate a message.
   *
   * @param msgid - the English sentence, with `%1`, `%2`, … where the arguments go
   * @param args - the arguments, first to last
   */
  __(msgid: string, ...args: string[]): string;

  /**
   * Translate a message that depends on a number.
   *
   * @param msgid - the English sentence for one; catalogues have the forms of both under it
   * @param plural - the English sentence for any other number
   * @param n - the number
   * @param args - the arguments, first to last; the number is not among them by itself
   */
  _n(msgid: string, plural: string, n: number, ...args: string[]): string;
}

/** A catalogue in the format of JupyterLab's language packs; what it says about itself is under the empty key. */
export type Catalogue = Readonly<Record<string, unknown>>;

/** The catalogue of a language, by the longest part of its tag (BCP 47) that is here. */
const CATALOGUES: Readonly<Record<string, string>> = {
  de: 'de_DE',
  es: 'es_ES',
  fr: 'fr_FR',
  ja: 'ja_JP',
  zh: 'zh_CN',
  'zh-hant': 'zh_TW',
  'zh-hk': 'zh_TW',
  'zh-mo': 'zh_TW',
  'zh-tw': 'zh_TW'
};

/** The first catalogue that a reader of these languages understands; null when English comes before. */
export function languageFor(wanted: readonly string[]): string | null {
  for (const tag of wanted) {
    const [language = '', variant] = tag.toLowerCase().split('-');
    const found = CATALOGUES[`${language}-${variant}`] ?? CATALOGUES[language];
    if (found || language === 'en') {
      return found ?? null;
    }
  }
  return null;
}

/** The classes of numbers that languages have (Unicode CLDR), in the order in which catalogues have their forms. */
const CLASSES: readonly Intl.LDMLPluralRule[] = ['zero', 'one', 'two', 'few', 'many', 'other'];

/** Some classes are only met with fractions or millions; what a desktop counts is below this. */
const COUNTED = 200;

/**
 * Which of its forms a language has for a number, from 0.
 *
 * A catalogue's `plural_forms` says the same in C; pages do without it, since their policy forbids to evaluate text.
 */
function formsOf(language: string): (n: number) => number {
  const rules = new Intl.PluralRules(language.replace('_', '-'));
  const met = new Set(Array.from({ length: COUNTED }, (_, n) => rules.select(n)));
  const classes = CLASSES.filter(one => met.has(one));
  return n => {
    const place = classes.indexOf(rules.select(n));
    return place < 0 ? classes.length - 1 : place;
  };
}

/** Translate by a catalogue; what it lacks stays English. */
export function translateBy(catalogue: Catalogue): ITranslate {
  const about = catalogue[''] as { language?: string } | undefined;
  const formFor = formsOf(about?.language ?? 'en');
  const found = (msgid: string, form: number): string | undefined =>
    (catalogue[msgid] as string[] | undefined)?.[form];
  return {
    __: (msgid, ...args) => english.__(found(msgid, 0) || msgid, ...args),
    _n: (msgid, plural, n, ...args) => {
      const translated = found(msgid, formFor(n));
      return translated ? english.__(translated, ...args) : english._n(msgid, plural, n, ...args);
    }
  };
}

/** English: what the standalone page speaks when it has no catalogue. */
export const english: ITranslate = {
  __: (msgid, ...args) => msgid.replace(/%(\d)/g, (hole, place: string) => args[Number(place) - 1] ?? hole),
  _n: (msgid, plural, n, ...args) => english.__(n === 1 ? msgid : plural, ...args)
};
