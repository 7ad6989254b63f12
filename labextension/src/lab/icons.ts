/**
 * The viewer's drawings as JupyterLab's icons.
 */
import { LabIcon, refreshIcon } from '@jupyterlab/ui-components';

import type { ITarget, IVNCManager } from '../tokens';
import type { TargetState } from '../viewer/target-state';
import * as drawings from '../viewer/toolbar/desktop-icon';

/** A desktop. */
export const desktopIcon = new LabIcon({ name: 'jupyter-vnc:desktop', svgstr: drawings.DESKTOP });

/** What is not here is shown without a state. */
const byState: Readonly<Partial<Record<TargetState, LabIcon>>> = Object.fromEntries(
  Object.entries({
    up: drawings.DESKTOP_UP,
    down: drawings.DESKTOP_DOWN,
    starting: drawings.DESKTOP_STARTING,
    failed: drawings.DESKTOP_FAILED,
    busy: drawings.DESKTOP_BUSY
  }).map(([state, svgstr]) => [state, new LabIcon({ name: `jupyter-vnc:desktop-${state}`, svgstr })])
);

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
    const image = document.createElement('image');
    image.setAttribute('href', url);
    const size = 'width="16" height="16"';
    icon = new LabIcon({
      name: `jupyter-vnc:picture-${pictures.size}`,
      svgstr: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" ${size}>${image.outerHTML.replace(' ', ` ${size} `)}</svg>`
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
