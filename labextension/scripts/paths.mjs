/** Where things are, for the build scripts. */
import { fileURLToPath } from 'node:url';

/** The folder of this package. */
export const here = fileURLToPath(new URL('..', import.meta.url));

/** What the server serves; built, never committed. */
export const serverStatic = fileURLToPath(new URL('../../jupyter_vnc/static/', import.meta.url));

/** The catalogues of translations. */
export const locale = fileURLToPath(new URL('../../jupyter_vnc/locale/', import.meta.url));

/** Browsers that the pages and noVNC are built for. */
export const target = ['chrome111', 'edge111', 'firefox114', 'safari16.4'];
