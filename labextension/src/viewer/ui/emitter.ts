/**
 * A list of listeners. The viewer cannot use Lumino's signals: it imports nothing outside its folder.
 */
import { call } from './report';

/** Calls every listener with each value that is emitted. */
export class Emitter<T> {
  /**
   * Add a listener.
   *
   * @returns a function that takes the listener away again; calling it twice does no harm
   */
  on(listener: (value: T) => void): () => void {
    this._listeners.add(listener);
    return () => {
      this._listeners.delete(listener);
    };
  }

  /** Call every listener, in the order in which they came. One that fails is reported, and keeps nobody from hearing. */
  emit(value: T): void {
    for (const listener of [...this._listeners]) {
      call(listener, value);
    }
  }

  /** Forget all listeners. */
  clear(): void {
    this._listeners.clear();
  }

  private _listeners = new Set<(value: T) => void>();
}
