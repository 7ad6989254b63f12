/**
 * Runs noVNC where nothing that it does, or that is done to it, goes unheard: its errors end the connection, what a
 * desktop announces has bounds, and the page has its turn.
 */
import { checkRectangle, checkServerInit, Decoding, isPicture } from './bounds';
import type { IClock } from '../ui/clock';
import { CutText } from './cut-text';
import { type IArea, type IDrawing, type INoVNC, innardsOf } from './novnc-internals';
import { checkLimit, checkSize, Excess, MOST_UNSENT } from './limits';
import { type IRFB, tellRFB } from './novnc';
import { offerLess } from './encodings';
import { keepSurface, letGo } from './over';
import { Pace } from './pace';
import { spareScreens } from './sizing';
import { Surface } from './surface';
import { Work } from './work';

/** What noVNC may write at once before it looks whether there is room; a fence's answer is the longest (bytes). */
const ANSWER = 128;

/** So many messages it sends one by one while it works; a flood of answers goes in few. */
const ONE_BY_ONE = 32;

/** noVNC with its bounds and its ears. */
export class Engine {
  /**
   * @param _engine - noVNC, at once after it was made
   * @param _socket - what it reads from
   * @param clock - what a second is
   * @param _failed - told once when it can do no more
   */
  constructor(
    private readonly _engine: INoVNC,
    private readonly _socket: WebSocket,
    private readonly _clock: IClock,
    private readonly _failed: (error: unknown) => void
  ) {
    const fail = (error: unknown): void => this._fail(error);
    this._pace = new Pace(_engine, _clock, () => this._resume());
    this._work = new Work(_engine, _clock, took => tellRFB(_engine, 'worked', took));
    this._decoding = new Decoding(_engine, fail, pixels => this._drew(pixels));
    this._surface = new Surface(_engine._display, area => this._askFor(area));
    this._cutText = new CutText(_engine, () => tellRFB(_engine, 'cliptoolong', undefined));
    offerLess(_engine);
    spareScreens(_engine);
    this._hookChannel();
    this._hookMessages();
    this._hookSizes();
    this._hookDrawings();
    this._hookAnswers();
    keepSurface(_engine, this._surface);
    running.add(_engine);
  }

  /** Do nothing more. */
  dispose(): void {
    this._over = true;
    this._pace.dispose();
    this._work.dispose();
    this._surface.dispose();
    letGo(this._engine);
    running.delete(this._engine);
  }

  /** Run a part of noVNC: its errors are heard, and what it consumed is a sign of life. */
  private _run(part: () => void, arriving = 0): void {
    const { _sock } = this._engine;
    try {
      const before = _sock.rQlen() + arriving;
      this._pace.begin();
      this._work.begin();
      this._sent = 0;
      part();
      this._sent = null;
      if (!this._over) {
        this._settle();
        _sock.flush();
        checkLimit('bytes unsent', this._socket.bufferedAmount, MOST_UNSENT);
        this._work.settle();
        if (_sock.rQlen() < before) {
          tellRFB(this._engine, 'moved', undefined);
        }
      }
    } catch (error) {
      this._sent = null;
      this._fail(error);
    }
  }

  private _fail(error: unknown): void {
    if (!this._over) {
      this.dispose();
      this._failed(error);
    }
  }

  /** Whatever noVNC does, it does because of a message. */
  private _hookChannel(): void {
    const { onmessage } = this._socket;
    this._socket.onmessage = event => {
      const { byteLength } = event.data as ArrayBuffer;
      this._run(() => onmessage?.call(this._socket, event), byteLength);
    };
  }

  private _hookMessages(): void {
    const engine = this._engine;
    const { _normalMsg, _handleRect, _handleMessage, _negotiateServerInit, _setCapability } = engine;
    engine._normalMsg = () => {
      if (this._over || this._pace.rests()) {
        return false;
      }
      return this._cutText.skipping ? this._cutText.skip() : _normalMsg.call(engine);
    };
    engine._handleRect = () => this._mayRead() && (this._isNew = _handleRect.call(engine));
    engine._setCapability = (name, value) => {
      if (engine.capabilities[name] !== value) {
        _setCapability.call(engine, name, value);
      }
    };
    // Called by noVNC when it has waited for its drawings.
    engine._handleMessage = () => this._run(() => _handleMessage.call(engine));
    engine._negotiateServerInit = () => {
      checkServerInit(engine);
      return _negotiateServerInit.call(engine);
    };
  }

  /** Whether the rectangle whose head was read is read now. */
  private _mayRead(): boolean {
    const rectangle = this._engine._FBU;
    const isDrawn = isPicture(rectangle);
    if (this._over || this._pace.rests() || (isDrawn && !this._settle())) {
      return false;
    }
    checkRectangle(this._engine);
    if (this._isNew) {
      this._decoding.begin(rectangle);
      this._drew(isDrawn ? rectangle.width * rectangle.height : 0);
    }
    return true;
  }

  private _drew(pixels: number): void {
    this._pace.drew(pixels);
    this._work.drew();
  }

  /** Of sizes in a row only the last matters: each costs two canvases. */
  private _hookSizes(): void {
    const engine = this._engine;
    const resize = engine._resize;
    let known = false;
    engine._resize = (width, height) => {
      checkSize(width, height);
      engine._fbWidth = width;
      engine._fbHeight = height;
      this._resize = () => {
        const since = this._clock.now();
        this._resizing = true;
        resize.call(engine, engine._fbWidth, engine._fbHeight);
        this._resizing = false;
        this._pace.resized(this._clock.now() - since);
        tellRFB(engine, 'resized', undefined);
      };
      if (!known) {
        known = true;
        this._settle();
      }
    };
  }

  /** Give the canvas the size that was announced last; false when that is for later. */
  private _settle(): boolean {
    if (this._resize === null) {
      return true;
    }
    if (this._engine._flushing || this._pace.restsFromResizing()) {
      return false;
    }
    const resize = this._resize;
    this._resize = null;
    resize();
    return true;
  }

  /** Ask for a part of the picture; after a change of size, the desktop may send other things than before. */
  private _askFor({ x, y, w, h }: IArea): void {
    const { _sock, constructor } = this._engine;
    if (this._resizing) {
      this._engine._sendEncodings();
    }
    constructor.messages.fbUpdateRequest(_sock, false, x, y, w, h);
  }

  /** Pictures are decoded by the browser in its own time, and noVNC waits for them; for ever, if one is broken. */
  private _hookDrawings(): void {
    const { _display: display } = this._engine;
    const { _renderQPush: push, _scanRenderQ: scan, imageRect } = display;
    display.imageRect = (x, y, width, height, mime, data) => {
      if (mime === 'image/jpeg') {
        tellRFB(this._engine, 'lossy', undefined);
      }
      imageRect.call(display, x, y, width, height, mime, data);
    };
    display._renderQPush = drawing => {
      this._pace.queued((drawing.width ?? 0) * (drawing.height ?? 0));
      drawing.img?.addEventListener('error', () => display._scanRenderQ());
      push.call(display, drawing);
    };
    display._scanRenderQ = () => {
      try {
        scan.call(display);
        checkPicture(display._renderQ[0]);
        this._work.settle();
      } catch (error) {
        this._fail(error);
      }
    };
  }

  /** Many answers at once are sent as few: a message of a websocket's costs far more than its bytes. */
  private _hookAnswers(): void {
    const { _sock: sock } = this._engine;
    const flush = sock.flush;
    sock.flush = () => {
      if (this._sent !== null) {
        this._sent += 1;
      }
      if ((this._sent ?? 0) <= ONE_BY_ONE || sock._sQbufferSize - sock._sQlen < ANSWER) {
        flush.call(sock);
      }
    };
  }

  private _resume(): void {
    const { _FBU, _sock } = this._engine;
    if (_sock.rQlen() > 0) {
      this._engine._handleMessage();
    } else if (_FBU.rects > 0 && _FBU.encoding !== null) {
      // A rectangle without anything after its head.
      this._run(() => void this._engine._normalMsg());
    } else {
      this._run(() => undefined);
    }
  }

  private readonly _pace: Pace;
  private readonly _work: Work;
  private readonly _decoding: Decoding;
  private readonly _cutText: CutText;
  private readonly _surface: Surface;
  private _resize: (() => void) | null = null;
  private _resizing = false;
  private _isNew = true;
  /** How many messages it has sent while it works; null while it does not. */
  private _sent: number | null = null;
  private _over = false;
}

/** @throws Excess when a picture is not what was announced: noVNC would wait for it for ever */
function checkPicture(first: IDrawing | undefined): void {
  const { img, width, height } = first ?? {};
  if (img?.complete && (img.width !== width || img.height !== height)) {
    throw new Excess(`a picture of ${img.width} x ${img.height} pixels in ${width} x ${height}`);
  }
}

/**
 * Bound a noVNC, and listen to its errors.
 *
 * @returns null where it is something else
 */
export function engineOf(
  rfb: IRFB,
  socket: WebSocket,
  clock: IClock,
  failed: (error: unknown) => void
): Engine | null {
  const innards = innardsOf(rfb);
  return innards && new Engine(innards, socket, clock, failed);
}

/** Every noVNC that runs on this page. */
const running = new Set<IRFB>();

/** noVNC's file, in a stack or an event. */
const OWN_FILE = '/static/novnc/rfb.js';

/** Errors of noVNC in what nobody called: a timer, a decoder of the browser's. Nobody knows whose it was. */
function suspect(where: unknown): void {
  if (typeof where === 'string' && where.includes(OWN_FILE)) {
    running.forEach(rfb => tellRFB(rfb, 'suspected', undefined));
  }
}

window.addEventListener('error', ({ filename }) => suspect(filename));
window.addEventListener('unhandledrejection', ({ reason }) =>
  suspect(reason instanceof Error ? reason.stack : '')
);
