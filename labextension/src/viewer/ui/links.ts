/**
 * Addresses in what people write.
 */
import { element } from './dom';

/** An address; what is no part of it, as a full stop behind it, is left out below. */
const ADDRESS = /\bhttps?:\/\/[^\s<>"'`]+/gi;

/** What ends a sentence, and not an address. */
const BEHIND = /[.,:;!?…*_~]$/;

/**
 * What no address may have that is a whole text: what ends it for a reader, and what nobody sees, such as marks of
 * direction. The server has the same rule, in `escaping.py`.
 */
const NOT_IN_A_LINK = /[\s"<>\\\p{Cc}\p{Cf}\p{Cs}\p{DI}\u2800]/u;

const BRACKETS: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };

/**
 * Make text with its addresses as links, which open elsewhere and learn nothing of this page. Only http and https are
 * addresses: nothing else that somebody writes can be clicked.
 */
export function linked(text: string): Node[] {
  const nodes: Node[] = [];
  let done = 0;
  for (const { 0: found, index } of text.matchAll(ADDRESS)) {
    const address = trimmed(found);
    if (URL.canParse(address)) {
      nodes.push(document.createTextNode(text.slice(done, index)), link(address));
      done = index + address.length;
    }
  }
  return [...nodes, document.createTextNode(text.slice(done))];
}

/** Whether a whole text is an address of the web (http or https) that shows to a reader as what it is. */
export function isWebAddress(text: string): boolean {
  return /^https?:\/\/[^/]/i.test(text) && !NOT_IN_A_LINK.test(text) && URL.canParse(text);
}

/** Leave out what stands behind an address: full stops, and brackets that were opened before it. */
function trimmed(found: string): string {
  let address = found;
  while (BEHIND.test(address) || isClosedOnly(address)) {
    address = address.slice(0, -1);
  }
  return address;
}

function isClosedOnly(address: string): boolean {
  const last = address.at(-1) ?? '';
  const opening = BRACKETS[last];
  return opening !== undefined && count(address, last) > count(address, opening);
}

const count = (text: string, character: string): number => text.split(character).length - 1;

/** Make a link of an address: of all of it, whatever it ends with. */
export const link = (address: string): HTMLElement =>
  element('a', {
    text: address,
    attributes: { href: address, target: '_blank', rel: 'noopener noreferrer' }
  });
