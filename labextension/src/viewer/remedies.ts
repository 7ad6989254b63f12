/**
 * What the buttons of the overlay do, and restarting a desktop that the server has started.
 */
import type { Connection } from './connection/connection';
import { noAnswer } from './connection/grant';
import type { IManaged, StartAction } from './connection/startup';
import type { Remedy } from './connection/status';
import type { IViewerOptions } from './options';
import { ask, type IQuestion, tell } from './ui/dialog';
import type { ITranslate } from './ui/i18n';
import { unattended } from './ui/report';

/** What can be done about the connection of one viewer. */
export class Remedies {
  /**
   * @param _options - the viewer's
   * @param _connection - the viewer's
   * @param _keep - keeps the present picture
   */
  constructor(
    private readonly _options: IViewerOptions,
    private readonly _connection: Connection,
    private readonly _keep: () => void
  ) {}

  /** Do what a button says. */
  apply(remedy: Remedy): void {
    if (remedy === 'list') {
      this._options.list();
    } else if (remedy === 'login') {
      this._options.login();
      // The login happens elsewhere; what remains here is to connect again.
      this._connection.disconnect();
    } else if (remedy === 'again' && this._connection.status.state === 'desktop-failed') {
      // To connect would not do: the server starts a desktop that failed often for a person's request only.
      this._start('start');
    } else {
      this._connection.connect(remedy === 'oust' || remedy === 'takeover');
    }
  }

  /** Restart the desktop, once the reader confirms it. */
  restart(): void {
    const { title, trans } = this._options;
    unattended(
      ask(trans, restartQuestion(trans, title)).then(answer => {
        if (answer !== null) {
          this._keep();
          this._start('restart');
        }
      })
    );
  }

  private _start(action: StartAction): void {
    const { desktop } = this._options;
    if (desktop) {
      this._connection.startFirst(signal => desktop.start(action, signal));
    } else {
      this._connection.connect();
    }
  }
}

/** What is asked before a desktop is restarted. */
function restartQuestion(trans: ITranslate, title: string): IQuestion {
  return {
    title: trans.__('Restart “%1”?', title),
    text: trans.__('The programs on it end, and what was not saved is lost.'),
    yes: trans.__('Restart')
  };
}

/** Restart a desktop that is not on the screen, once the reader confirms it; report a failure. */
export async function restartDesktop(trans: ITranslate, title: string, desktop: IManaged): Promise<void> {
  if ((await ask(trans, restartQuestion(trans, title))) === null) {
    return;
  }
  await desktop.start('restart').catch(async error => {
    const { message } = noAnswer(error);
    await tell(trans, trans.__('This did not work.'), message || trans.__('The server does not answer.'));
  });
}
