/**
 * The script of the room's page.
 */
import { RoomPage } from './room-page';
import { unattended } from '../ui/report';
import { translatePage, translation } from './http';

const { root = './', version = '' } = document.body.dataset;
unattended(
  translation(root, version).then(trans => {
    document.title = `${trans.__('Course room')} · ${trans.__('Remote desktops')}`;
    document.querySelector('.jp-VNC-late')?.remove();
    translatePage(document.body, trans);
    new RoomPage(document.body, trans).watch();
  })
);
