/**
 * The one place where errors go that nobody waits for: the browser's console, for developers.
 */

/** Say that something failed. */
export function report(error: unknown): void {
  console.error('jupyter-vnc:', error);
}

/** Leave something to itself that nobody waits for; when it fails, that is reported. */
export function unattended(work: Promise<unknown> | undefined): void {
  work?.catch(report);
}

/** Call somebody who may fail without any harm to the caller; when they do, that is reported. */
export function call<T>(listener: (value: T) => void, value: T): void {
  try {
    listener(value);
  } catch (error) {
    report(error);
  }
}
