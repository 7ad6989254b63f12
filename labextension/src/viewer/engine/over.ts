/**
 * Pictures of a desktop that come by another way than RFB, over those that noVNC draws.
 */
import type { INoVNC } from './novnc-internals';
import type { IRFB } from './novnc';
import type { IPicture, Surface } from './surface';

/** What is seen of every noVNC that runs on this page. */
const surfaces = new Map<IRFB, Surface>();

/** Keep what is seen of a noVNC, whose screenshots have what is seen from now on. */
export function keepSurface(engine: INoVNC, surface: Surface): void {
  const { toBlob } = engine;
  engine.toBlob = (callback, type, quality) => {
    const seen = surface.snapshot();
    if (seen) {
      seen.toBlob(callback, type, quality);
    } else {
      toBlob.call(engine, callback, type, quality);
    }
  };
  surfaces.set(engine, surface);
}

/** A noVNC is no more. */
export function letGo(engine: INoVNC): void {
  surfaces.delete(engine);
}

/** Show a picture of the whole desktop over that of a noVNC, which takes it over. */
export function showOver(rfb: IRFB, picture: IPicture): void {
  const surface = surfaces.get(rfb);
  if (surface) {
    surface.show(picture);
  } else {
    picture.close();
  }
}

/** Nothing is over the picture of a noVNC any more: it draws all of it anew. */
export function forgetOver(rfb: IRFB): void {
  surfaces.get(rfb)?.forget();
}
