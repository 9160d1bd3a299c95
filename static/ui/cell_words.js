// Where the text of a cell may break: between words. A column is as wide as its longest word, so that no neighbour squeezes it.

import { el } from "./dom.js";

const LONGEST_WORD = 48;
const PIECE = 24;
/** Scripts that put no spaces between words, and in which a browser breaks between any two characters. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Yi}]/u;
const SHORT_UNSPACED = 8;
/** A word at whose signs a browser would break it. */
const BREAKABLE = /[^\p{L}\p{M}\p{N}.,;:'’"()]/u;
const HANGUL = /\p{Script=Hangul}/u;
const ROOMS = [
  [240, "room-large"],
  [80, "room-medium"],
  [24, "room-small"],
];

/** Classes of a cell with this text: long texts get columns that can be read, not ones as narrow as their longest word. */
export function cellClasses(text) {
  const classes = ROOMS.filter(([least]) => text.length >= least).slice(0, 1).map(([, name]) => name);
  if (UNSPACED.test(text)) return text.length > SHORT_UNSPACED ? [...classes, "unspaced"] : classes;
  if (HANGUL.test(text)) classes.push("spaced");
  return classes;
}

/** Keeps the words in a cell whole. Longer ones than any word, addresses for example, break into pieces; the text stays the same. */
export function keepWords(cell) {
  const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  for (const node of texts) if (node.data.split(/\s+/).some(special)) node.replaceWith(...node.data.split(/(\s+)/).flatMap((part) => (special(part) ? kept(part) : part)));
}

function special(word) {
  if (!word.trim()) return false;
  if (UNSPACED.test(word)) return word.length <= SHORT_UNSPACED;
  return word.length > LONGEST_WORD || (word.length > 1 && BREAKABLE.test(word));
}

function kept(word) {
  const characters = Array.from(word);
  if (characters.length <= LONGEST_WORD) return [whole(word)];
  const pieces = Array.from({ length: Math.ceil(characters.length / PIECE) }, (_, at) => characters.slice(at * PIECE, (at + 1) * PIECE).join(""));
  return pieces.flatMap((piece, at) => (at ? [el("wbr"), whole(piece)] : [whole(piece)]));
}

function whole(text) {
  return el("span", { class: "whole" }, text);
}
