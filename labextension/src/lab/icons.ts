/**
 * The viewer's drawings as JupyterLab's icons.
 */
import { LabIcon, refreshIcon } from '@jupyterlab/ui-components';

import type { ITarget, IVNCManager } from '../tokens';
import type { TargetState } from '../viewer/target-state';
import * as drawings from '../viewer/toolbar/desktop-icon';

/** A desktop. */
export const desktopIcon = new LabIcon({ name: 'jupyter-vnc:desktop', svgstr: drawings.DESKTOP });

const upIcon = new LabIcon({ name: 'jupyter-vnc:desktop-up', svgstr: drawings.DESKTOP_UP });

const downIcon = new LabIcon({ name: 'jupyter-vnc:desktop-down', svgstr: drawings.DESKTOP_DOWN });

const startingIcon = new LabIcon({ name: 'jupyter-vnc:desktop-starting', svgstr: drawings.DESKTOP_STARTING });

const failedIcon = new LabIcon({ name: 'jupyter-vnc:desktop-failed', svgstr: drawings.DESKTOP_FAILED });

const busyIcon = new LabIcon({ name: 'jupyter-vnc:desktop-busy', svgstr: drawings.DESKTOP_BUSY });

/** What is not here is shown without a state. */
const byState: Readonly<Partial<Record<TargetState, LabIcon>>> = {
  up: upIcon,
  down: downIcon,
  starting: startingIcon,
  failed: failedIcon,
  busy: busyIcon
};

/** Where pictures of the server's administrator are, below the service's URL; what has no slash is a name. */
const PICTURE = 'api/';

/** The icon of a target: its own when it has one, or a desktop that shows its state. */
export function iconOf(manager: IVNCManager, target: ITarget | undefined): LabIcon {
  if (target?.icon.startsWith(PICTURE)) {
    return pictureIcon(manager.urlOf(target.icon));
  }
  const own = target?.icon ? LabIcon.resolve({ icon: target.icon }) : null;
  // A name that this JupyterLab does not know gets its arrow of "Refresh".
  if (own && (own.svgstr !== refreshIcon.svgstr || own.name === refreshIcon.name)) {
    return own;
  }
  return (target && byState[target.state]) ?? desktopIcon;
}

const pictures = new Map<string, LabIcon>();

/** An image as an icon. What is in an SVG stays in it: in an image, browsers neither run scripts nor load anything. */
function pictureIcon(url: string): LabIcon {
  let icon = pictures.get(url);
  if (!icon) {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.setAttribute('viewBox', '0 0 16 16');
    svg.setAttribute('width', '16');
    svg.setAttribute('height', '16');
    const image = document.createElementNS(svg.namespaceURI, 'image');
    image.setAttribute('href', url);
    image.setAttribute('width', '16');
    image.setAttribute('height', '16');
    svg.append(image);
    icon = new LabIcon({
      name: `jupyter-vnc:picture-${pictures.size}`,
      svgstr: new XMLSerializer().serializeToString(svg)
    });
    pictures.set(url, icon);
  }
  return icon;
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
