/**
 * The first attempt of a page, ahead of the page: its token is asked for before anything is built, and its websocket
 * opens while the rest is. The first picture waits for nothing else as long.
 */
import { protocolsFor } from './attempt';
import type { IConnectionOptions } from './connection';
import type { IGrant } from './grant';

type IWays = Pick<IConnectionOptions, 'fetchToken' | 'openSocket'>;

/** So long a page waits for its first grant before it is built (milliseconds); farther servers take longer. */
export const GRANT_FIRST = 30;

/** Asks and opens early; afterwards it is `ways`, unchanged. */
export class Early implements IWays {
  /** @param _ways - asks for a token, and opens a websocket */
  constructor(private readonly _ways: IWays) {
    this._asked = _ways.fetchToken(new AbortController().signal, false);
    this._known = this._asked.then(
      grant => void (this._grant = grant),
      () => undefined
    );
  }

  /** Wait until the grant is there, or will not be soon. */
  async settled(): Promise<void> {
    await Promise.race([this._known, new Promise(resolve => setTimeout(resolve, GRANT_FIRST))]);
  }

  /**
   * Open the websocket if there is a grant. Whoever connects has to do so before anything else is waited for: nobody
   * hears until then what it says.
   */
  open(): void {
    if (this._grant) {
      this._socket = this._ways.openSocket(this._grant.websocket, protocolsFor(this._grant));
    }
  }

  readonly fetchToken: IWays['fetchToken'] = (signal, takeover) => {
    const asked = takeover ? null : this._asked;
    this._asked = null;
    return asked ?? this._ways.fetchToken(signal, takeover);
  };

  readonly openSocket: IWays['openSocket'] = (path, protocols) => {
    const socket = this._socket;
    this._socket = null;
    return socket ?? this._ways.openSocket(path, protocols);
  };

  private readonly _known: Promise<void>;
  private _asked: Promise<IGrant> | null;
  private _grant: IGrant | null = null;
  private _socket: WebSocket | null = null;
}
