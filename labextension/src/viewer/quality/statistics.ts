/**
 * Figures about the connection, in a corner of the desktop.
 */
import { element } from '../ui/dom';
import type { ISample } from './meter';
import type { IPictureChoices } from '../preferences';
import type { ITranslate } from '../ui/i18n';

/** Which way the picture comes. */
export interface IWay {
  /** It, and why, in words. */
  readonly way: string;
  /** What it is encoded as; empty where RFB brings it. */
  readonly encoding: string;
}

/** The box; its `node` goes into the viewer. */
export class Statistics {
  constructor(private readonly _trans: ITranslate) {
    this.node.setAttribute('aria-label', _trans.__('Statistics'));
  }

  /** The element to show. */
  readonly node = element('dl', { className: 'jp-VNC-statistics', attributes: { hidden: '' } });

  /** Show what was measured and what is asked for, or nothing. */
  show(sample: ISample | null, asked: IPictureChoices, by: IWay): void {
    this.node.hidden = sample === null;
    if (sample) {
      this.node.replaceChildren(
        ...this._lines(sample, asked, by).flatMap(([name, value]) => [
          element('dt', { text: name }),
          element('dd', { text: value })
        ])
      );
    }
  }

  private _lines(sample: ISample, asked: IPictureChoices, by: IWay): [string, string][] {
    const { _trans: trans } = this;
    const delay = sample.delay === null ? '–' : `${Math.round(sample.delay)} ms`;
    return [
      [trans.__('Picture'), by.way],
      [trans.__('Frames'), `${sample.frames.toFixed(0)} /s`],
      [trans.__('Delay'), delay],
      [trans.__('Bandwidth'), `${(sample.bytes / 1024).toFixed(0)} KiB/s`],
      [trans.__('Drawing'), `${Math.round(100 * sample.load)} %`],
      [trans.__('Encoding'), by.encoding || sample.encoding || '–'],
      [trans.__('Quality'), String(asked.quality)],
      [trans.__('Compression'), String(asked.compression)]
    ];
  }
}
