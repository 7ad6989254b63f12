/**
 * The script of the room's page.
 */
import { RoomPage } from './room-page';
import { translatePage, translation } from './http';

const { root = './', version = '' } = document.body.dataset;
void translation(root, version).then(trans => {
  document.title = `${trans.__('The room')} · ${trans.__('Remote desktops')}`;
  document.querySelector('.jp-VNC-late')?.remove();
  translatePage(document.body, trans);
  new RoomPage(document.body, trans).watch();
});
