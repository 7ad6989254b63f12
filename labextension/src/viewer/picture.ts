/**
 * Pictures of a desktop.
 */
import { element } from './dom';
import type { IRFB } from './novnc';

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
