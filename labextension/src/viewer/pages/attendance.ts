/**
 * The script of the page of attendance.
 */
import { AttendancePage } from './attendance-page';
import { unattended } from '../ui/report';
import { translatePage, translation } from './http';

const { root = './', version = '' } = document.body.dataset;
unattended(
  translation(root, version).then(trans => {
    document.title = `${trans.__('Attendance')} · ${trans.__('Remote desktops')}`;
    document.querySelector('.jp-VNC-late')?.remove();
    translatePage(document.body, trans);
    unattended(new AttendancePage(document.body, trans).ask());
  })
);
