/**
 * The power switch of a desktop's machine: a menu, and a question before each of its lines does something.
 */
import { unattended } from '../ui/report';
import { ask, type IQuestion } from '../ui/dialog';
import type { Hands, PowerAction } from './remote-input';
import type { IMenuItem } from '../ui/menu';
import type { ITranslate } from '../ui/i18n';

/** A line of the menu, and what is asked before it does something. */
interface IChoice extends IQuestion {
  readonly action: PowerAction;
  readonly label: string;
}

const choices = (trans: ITranslate): IChoice[] => [
  {
    action: 'shutdown',
    label: trans.__('Shut down the machine…'),
    title: trans.__('Shut down the machine?'),
    text: trans.__(
      'Everybody on it is disconnected, and you cannot switch it on again from here. Save your work first.'
    ),
    yes: trans.__('Shut down')
  },
  {
    action: 'reboot',
    label: trans.__('Restart the machine…'),
    title: trans.__('Restart the machine?'),
    text: trans.__('Everybody on it is disconnected until it is up again. Save your work first.'),
    yes: trans.__('Restart')
  },
  {
    action: 'reset',
    label: trans.__('Reset the machine…'),
    title: trans.__('Reset the machine?'),
    text: trans.__('It stops at once and starts again. Unsaved work of everybody on it is lost.'),
    yes: trans.__('Reset')
  }
];

/** The lines of the menu; nothing happens to the machine before the reader has said yes. */
export function powerItems(trans: ITranslate, hands: Pick<Hands, 'power'>): IMenuItem[] {
  return choices(trans).map(choice => ({
    label: choice.label,
    run: () =>
      unattended(
        ask(trans, choice).then(answer => {
          if (answer !== null) {
            hands.power(choice.action);
          }
        })
      )
  }));
}
