/**
 * The viewer's drawings as JupyterLab's icons.
 */
import { LabIcon, refreshIcon } from '@jupyterlab/ui-components';

import type { ITarget } from '../tokens';
import type { TargetState } from '../viewer/target-state';
import * as drawings from '../viewer/toolbar/desktop-icon';

/** A desktop. */
export const desktopIcon = new LabIcon({ name: 'jupyter-vnc:desktop', svgstr: drawings.DESKTOP });

const upIcon = new LabIcon({ name: 'jupyter-vnc:desktop-up', svgstr: drawings.DESKTOP_UP });

const downIcon = new LabIcon({ name: 'jupyter-vnc:desktop-down', svgstr: drawings.DESKTOP_DOWN });

const startingIcon = new LabIcon({ name: 'jupyter-vnc:desktop-starting', svgstr: drawings.DESKTOP_STARTING });

/** What is not here is shown without a state. */
const byState: Readonly<Partial<Record<TargetState, LabIcon>>> = {
  up: upIcon,
  down: downIcon,
  starting: startingIcon
};

/** The icon of a target: its own when it names one, or a desktop that shows its state. */
export function iconOf(target: ITarget | undefined): LabIcon {
  const own = target?.icon ? LabIcon.resolve({ icon: target.icon }) : null;
  // A name that this JupyterLab does not know gets its arrow of "Refresh".
  if (own && (own.svgstr !== refreshIcon.svgstr || own.name === refreshIcon.name)) {
    return own;
  }
  return (target && byState[target.state]) ?? desktopIcon;
}

const made = new Map<string, LabIcon>();

/** The icon of a drawing from the viewer's table of actions. */
export function actionIcon(id: string, svgstr: string): LabIcon {
  let icon = made.get(svgstr);
  if (!icon) {
    icon = new LabIcon({ name: `jupyter-vnc:${id}-${made.size}`, svgstr });
    made.set(svgstr, icon);
  }
  return icon;
}
