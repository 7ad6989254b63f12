/**
 * The script of the admin page.
 */
import { AdminPage } from './admin-page';
import { unattended } from '../ui/report';
import { translatePage, translation } from './http';

const { root = './', version = '' } = document.body.dataset;
unattended(
  translation(root, version).then(trans => {
    document.title = `${trans.__('Manage targets')} · ${trans.__('Remote desktops')}`;
    document.querySelector('.jp-VNC-late')?.remove();
    translatePage(document.body, trans);
    new AdminPage(document.body, trans).watch();
  })
);
