/**
 * Every action of the toolbar as a command; loaded with the first desktop.
 */
import type { ICommandPalette } from '@jupyterlab/apputils';

import { CommandIDs, describeArgs, TAB_TYPE } from './commands';
import type { IContext } from './context';
import { actionIcon } from './icons';
import { createActions, scalings } from '../viewer/toolbar/actions';
import type { Scaling } from '../viewer/screen/fit';
import { COMBINATIONS } from '../viewer/input/keys';
import type { Viewer } from '../viewer/viewer';

/** Add the commands, and put them into the palette. */
export function addActionCommands(context: IContext, palette: ICommandPalette | null): void {
  addActions(context);
  addChoices(context);
  fillPalette(context, palette);
}

/** The viewer that a command is for: the one whose tab was clicked, or the present one. */
function viewerFor({ app, tracker }: IContext, fromTab: boolean): Viewer | null {
  const node = fromTab ? app.contextMenuHitTest(hit => hit.dataset.type === TAB_TYPE) : undefined;
  const clicked = node?.dataset.id && tracker.find(tab => tab.id === node.dataset.id);
  const tab = clicked || tracker.currentWidget;
  return tab?.content.viewer ?? null;
}

/** One command for each action that needs no choice. */
function addActions(context: IContext): void {
  const { app, trans } = context;
  const find = (args: { fromTab?: unknown }): Viewer | null => viewerFor(context, args.fromTab === true);
  for (const action of createActions(trans).filter(each => each.run)) {
    app.commands.addCommand(`jupyter-vnc:${action.id}`, {
      label: args => action.label(find(args)),
      caption: args => action.label(find(args)),
      icon: args => actionIcon(action.id, action.icon(find(args))),
      describedBy: describeArgs({
        fromTab: { type: 'boolean', description: trans.__('Whether it is for the tab that was clicked') }
      }),
      isEnabled: args => {
        const viewer = find(args);
        return viewer !== null && (action.isVisible?.(viewer) ?? true) && action.isEnabled(viewer);
      },
      isToggled: args => {
        const viewer = find(args);
        return viewer !== null && (action.isPressed?.(viewer) ?? false);
      },
      isToggleable: action.isPressed !== undefined,
      execute: args => {
        const viewer = find(args);
        if (viewer) {
          action.run?.(viewer);
        }
      }
    });
  }
}

/** The commands that need a choice: the size, and the keys. */
function addChoices(context: IContext): void {
  const { app, trans } = context;
  const find = (args: { fromTab?: unknown }): Viewer | null => viewerFor(context, args.fromTab === true);
  const fromTab = { type: 'boolean', description: trans.__('Whether it is for the tab that was clicked') };
  const sizes = new Map(scalings(trans).map(({ scaling, label }) => [scaling as string, label]));
  app.commands.addCommand(CommandIDs.scaling, {
    label: args => sizes.get(String(args.scaling)) ?? trans.__('Size of the desktop'),
    describedBy: describeArgs({
      scaling: { type: 'string', description: trans.__('"remote", "fit" or "off"') },
      fromTab
    }),
    isEnabled: args => find(args) !== null,
    isToggled: args => find(args)?.scaling === args.scaling,
    isToggleable: true,
    execute: args => {
      if (sizes.has(String(args.scaling))) {
        find(args)?.setScaling(args.scaling as Scaling);
      }
    }
  });
  app.commands.addCommand(CommandIDs.keys, {
    label: args => {
      const caps = COMBINATIONS[String(args.keys)]?.caps;
      return caps ? trans.__('Send %1', caps) : trans.__('Send keys');
    },
    describedBy: describeArgs({
      keys: { type: 'string', description: trans.__('Name of the combination, for example "ctrl-alt-del"') },
      fromTab
    }),
    isEnabled: args => {
      const viewer = find(args);
      return viewer !== null && viewer.connected && !viewer.viewOnly;
    },
    execute: args => find(args)?.hands.sendKeys(String(args.keys))
  });
}

function fillPalette({ trans }: IContext, palette: ICommandPalette | null): void {
  const category = trans.__('Remote Desktop');
  for (const { id } of createActions(trans).filter(action => action.run)) {
    palette?.addItem({ command: `jupyter-vnc:${id}`, category });
  }
  for (const { scaling } of scalings(trans)) {
    palette?.addItem({ command: CommandIDs.scaling, category, args: { scaling } });
  }
  for (const keys of Object.keys(COMBINATIONS)) {
    palette?.addItem({ command: CommandIDs.keys, category, args: { keys } });
  }
}
