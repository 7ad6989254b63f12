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

/** English: what the standalone page speaks when it has no catalogue. */
export const english: ITranslate = {
  __: (msgid, ...args) => msgid.replace(/%(\d)/g, (hole, place: string) => args[Number(place) - 1] ?? hole)
};
