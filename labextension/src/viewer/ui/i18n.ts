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

/** Translate by a catalogue; what it lacks stays English. */
export function translateBy(catalogue: Catalogue): ITranslate {
  return {
    __: (msgid, ...args) => {
      const found = (catalogue[msgid] as string[] | undefined)?.[0];
      return english.__(found || msgid, ...args);
    }
  };
}

/** English: what the standalone page speaks when it has no catalogue. */
export const english: ITranslate = {
  __: (msgid, ...args) => msgid.replace(/%(\d)/g, (hole, place: string) => args[Number(place) - 1] ?? hole)
};
