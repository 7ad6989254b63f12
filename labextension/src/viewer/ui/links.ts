/**
 * Addresses in what people write.
 */
import { element } from './dom';

/** An address; what is no part of it, as a full stop behind it, is left out below. */
const ADDRESS = /\bhttps?:\/\/[^\s<>"'`]+/gi;

/** What ends a sentence, and not an address. */
const BEHIND = /[.,:;!?…*_~]$/;

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

const link = (address: string): HTMLElement =>
  element('a', {
    text: address,
    attributes: { href: address, target: '_blank', rel: 'noopener noreferrer' }
  });
