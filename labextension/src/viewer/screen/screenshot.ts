/**
 * Pictures of a desktop.
 */
import { element } from '../ui/dom';
import type { IRFB } from '../engine/novnc';

/** The present picture as a PNG; null while there is none. */
export function takePicture(rfb: IRFB | null): Promise<Blob | null> {
  return new Promise(resolve => (rfb ? rfb.toBlob(resolve, 'image/png') : resolve(null)));
}

/** Give the reader a file. */
export function download(data: Blob, name: string): void {
  const url = URL.createObjectURL(data);
  element('a', { attributes: { href: url, download: name } }).click();
  // The download has its own hold on the data once it has begun, which is after this task.
  window.setTimeout(() => URL.revokeObjectURL(url), 0);
}

/** Where pictures can be kept, beside the downloads. */
type Keep = (data: Blob, name: string) => Promise<void>;

/** Takes pictures of one desktop. */
export class Camera {
  constructor(
    private readonly _rfb: () => IRFB | null,
    private readonly _name: string,
    private readonly _keep?: Keep
  ) {}

  /** Whether pictures can be kept elsewhere than among the downloads. */
  get canKeep(): boolean {
    return this._keep !== undefined;
  }

  /** The present picture as a PNG; null while there is none. */
  take(): Promise<Blob | null> {
    return takePicture(this._rfb());
  }

  /** Give the reader a file with the present picture; with `keep`, where the host keeps files. */
  async save(keep = false): Promise<void> {
    const picture = await this.take();
    const name = `${this._name}.png`;
    if (picture) {
      await (keep ? this._keep?.(picture, name) : download(picture, name));
    }
  }
}
