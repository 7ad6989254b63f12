/**
 * Screenshots among the files of the server, and files on desktops; loaded with the first of either.
 */
import { Notification } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { Contents } from '@jupyterlab/services';

import type { IVNCManager } from '../tokens';

/** Where files are kept, and how the reader is told. */
export interface IFiles {
  readonly contents: Contents.IManager;
  /** The folder that the reader looks at. */
  readonly folder: () => string;
  readonly trans: IRenderMime.TranslationBundle;
}

/** Keep a file under a name that no other file has, and say so. */
export async function keepFile({ contents, folder, trans }: IFiles, data: Blob, name: string): Promise<void> {
  const path = PathExt.join(folder(), stamped(name, new Date()));
  try {
    await contents.save(path, { type: 'file', format: 'base64', content: await base64(data) });
    Notification.success(trans.__('The screenshot is in the files: %1', path), { autoClose: 3000 });
  } catch {
    Notification.error(trans.__('The screenshot could not be saved to the files.'));
  }
}

/** Open files of the server with the applications that a desktop has for them; say which it has none for. */
export async function openFiles(manager: IVNCManager, target: string, paths: string[]): Promise<void> {
  for (const path of paths) {
    const init = { method: 'POST', body: JSON.stringify({ path }) };
    const response = await manager.request(`api/desktops/${encodeURIComponent(target)}/open`, init);
    if (!response.ok) {
      const { message } = (await response.json().catch(() => ({}))) as { message?: string };
      Notification.error(message ?? response.statusText);
    }
  }
}

/** A name with the time in it. */
export function stamped(name: string, time: Date): string {
  const extension = PathExt.extname(name);
  const stamp = time.toISOString().slice(0, 19).replace(/[:T]/g, '-');
  return `${name.slice(0, name.length - extension.length)}-${stamp}${extension}`;
}

async function base64(data: Blob): Promise<string> {
  const bytes = new Uint8Array(await data.arrayBuffer());
  let text = '';
  // In pieces: a function takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(text);
}
