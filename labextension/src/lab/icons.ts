/**
 * The viewer's drawings as JupyterLab's icons.
 */
import { LabIcon } from '@jupyterlab/ui-components';

import type { ITarget } from '../tokens';
import * as drawings from '../viewer/toolbar/desktop-icon';

/** A desktop. */
export const desktopIcon = new LabIcon({ name: 'jupyter-vnc:desktop', svgstr: drawings.DESKTOP });

const upIcon = new LabIcon({ name: 'jupyter-vnc:desktop-up', svgstr: drawings.DESKTOP_UP });

const downIcon = new LabIcon({ name: 'jupyter-vnc:desktop-down', svgstr: drawings.DESKTOP_DOWN });

/** The icon of a target: its own when it names one, or a desktop that shows its state. */
export function iconOf(target: ITarget | undefined): LabIcon {
  if (target?.icon) {
    return LabIcon.resolve({ icon: target.icon });
  }
  return target?.state === 'up' ? upIcon : target?.state === 'down' ? downIcon : desktopIcon;
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
