/**
 * The last picture of a desktop that went away, so that the reader sees what is being waited for.
 */
import { element } from '../ui/dom';

/** Keeps a copy of a canvas; its `node` goes below the overlay. */
export class Ghost {
  /** The element to show. */
  readonly node = element('canvas', {
    className: 'jp-VNC-ghost',
    attributes: { 'aria-hidden': 'true', hidden: '' }
  });

  /** Copy a picture, if there is one. */
  keep(source: HTMLCanvasElement | null): void {
    if (source && source.width > 0 && source.height > 0) {
      this.node.width = source.width;
      this.node.height = source.height;
      this.node.getContext('2d')?.drawImage(source, 0, 0);
      this.node.hidden = false;
    }
  }

  /** Forget it. */
  clear(): void {
    this.node.hidden = true;
    this.node.width = this.node.height = 0;
  }
}
