/**
 * Which way the picture of a desktop comes, in words.
 */
import type { ITranslate } from '../ui/i18n';
import type { Ability } from './decoder';

/** What there is, and what is not. */
export interface ICircumstances {
  /** Whether video is seen now. */
  readonly shows: boolean;
  /** Whether the desktop has any, the reader wants it, and the browser, as far as is known, can show it. */
  readonly offered: boolean;
  readonly wanted: boolean;
  readonly able: boolean;
  /** Whether there is a websocket for it. */
  readonly connected: boolean;
}

/** Why a browser shows no video; empty where it can, or has not said yet. */
export function lackOf(ability: Ability | '', trans: ITranslate): string {
  return {
    '': '',
    able: '',
    webcodecs: trans.__('Video needs an https page, and a current browser.'),
    h264: trans.__('This browser does not decode H.264.')
  }[ability];
}

/** Which way the picture comes, and why. */
export function wayOf(
  { shows, offered, wanted, able, connected }: ICircumstances,
  trans: ITranslate
): string {
  const ways: [boolean, string][] = [
    [shows, trans.__('video')],
    [!offered, trans.__('single pictures: no video here')],
    [!wanted, trans.__('single pictures: video is off')],
    [!able, trans.__('single pictures: the browser shows no video')],
    [!connected, trans.__('single pictures: video is not available')]
  ];
  return ways.find(([holds]) => holds)?.[1] ?? trans.__('single pictures: not much moves');
}
